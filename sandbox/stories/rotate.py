"""An access key is rotated: a new one in every place, proven, the old one deactivated and then deleted."""

from __future__ import annotations

from sandbox.stories import _keys
from sandbox.stories._acting import clicks, expect, shows, types
from sandbox.world import Options, World

SUMMARY = (
    "A build key is rotated into its places; a person proves the new one; the old one is deactivated, then deleted"
)
CHANNELS = ("#staging",)
OPTIONS = Options(config=_keys.CONFIG)
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    old = await _keys.prepare(world)
    before = _keys.places_now(world, world.aws)
    await types(world, "ana", "#staging", "/infra rotate build-key")
    ask = await shows(world, "#staging", "#1 Rotate build-key", "waiting for approval", old[-12:])
    expect("SSM parameter /ci/build-key" in ask.rendered, "the approver does not read where the key is written")
    await clicks(world, "lee", ask, "approve")
    written = await shows(world, "#staging", "#1 ", "works with STS", "is still active")
    new = next(key for key in _keys.keys_now(world.aws) if key != old)
    expect(
        _keys.keys_now(world.aws) == {old: "Active", new: "Active"}, "the old key does not wait for the new one's proof"
    )
    key_id, secret, parameter = _keys.places_now(world, world.aws)
    expect(key_id == new and secret == parameter != before[1], "the places do not have the new key")
    expect(secret not in written.rendered, "the message has the secret")
    await clicks(world, "lee", written, "rotate-proven")
    await shows(world, "#staging", "#1 ", "is deactivated, and deleted")
    expect(_keys.keys_now(world.aws)[old] == "Inactive", "the old key is not deactivated")
    await shows(world, "#staging", ":white_check_mark:", "#1 ", "which is deleted")
    expect(_keys.keys_now(world.aws) == {new: "Active"}, "the old key is not deleted")
