"""Where secrets are: how old they are, who uses them, what nobody has and what nobody names."""

from __future__ import annotations

from sandbox.stories import _keys
from sandbox.stories._acting import expect, gets_notice, types
from sandbox.world import Options, World

SUMMARY = "The list of secrets: overdue ones first, their workflows, those that nobody has or names; no value appears"
CHANNELS = ("#ops",)
OPTIONS = Options(config=_keys.CONFIG)
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    key_id = await _keys.prepare(world)
    _keys.hold(world, "OLD_TOKEN", "value-of-nobody", 800)
    _keys.hold(world, "DATABASE_PASSWORD", "value-of-staging", 12, "staging")
    await types(world, "lee", "#ops", "/infra secrets")
    page = await gets_notice(world.person("lee"), "overdue")
    plain = page.rendered.replace("*", "").replace("`", "")
    for piece in ("BUILD_KEY", "412 d", _keys.WORKFLOW, key_id[-12:], "/ci/build-key", "SLACK_BOT_TOKEN"):
        expect(piece in plain, f"the list does not have {piece}")
    expect("SLACK_HOOK in use-key.yml" in plain, "a secret that nobody has is not reported")
    expect("OLD_TOKEN" in plain.partition("No workflow names these")[2], "a secret that nobody names is not reported")
    for value in (*_keys.places_now(world, world.aws)[1:], "value-of-nobody", "value-of-staging"):
        expect(value not in plain, "the list has a value")
    await types(world, "lee", "#ops", "/infra secrets staging")
    page = await gets_notice(world.person("lee"), "of staging")
    expect("DATABASE_PASSWORD" in page.rendered and "OLD_TOKEN" not in page.rendered, "staging has others' secrets")
