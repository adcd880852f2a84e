"""A place refuses the new key: people read where it is and where not, try again, and take the old key back at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github import GitHubError
from sandbox.stories import _keys
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.exchanges import Exchange
    from sandbox.world import World

SUMMARY = (
    "One of three places refuses a new key; it is tried again with another one; then the old key is activated again"
)
CHANNELS = ("#staging",)
OPTIONS = Options(config={**_keys.CONFIG, "grace: 3s": "grace: 1h"})
OWN_AWS = True


async def play(world: World) -> None:
    """Act it out."""
    old = await _keys.prepare(world)
    refusing = [True]

    async def refuse(exchange: Exchange) -> None:
        at = exchange.method == "PUT" and exchange.path.endswith("/secrets/BUILD_KEY") and exchange.phase == "before"
        if at and refusing:
            raise GitHubError(403, "Resource not accessible by integration")

    world.github.on_request.append(refuse)
    await types(world, "ana", "#staging", "/infra rotate build-key")
    ask = await shows(world, "#staging", "#1 Rotate build-key", "waiting for approval")
    await clicks(world, "lee", ask, "approve")
    partly = await shows(world, "#staging", "#1 ", "1 of 3 places have the new key", "every place works")
    first = next(key for key in _keys.keys_now(world.aws) if key != old)
    announce("an administrator lets the bot write secrets")
    refusing.clear()
    await clicks(world, "lee", partly, "rotate-again")
    written = await shows(world, "#staging", "#1 ", "works with STS")
    second = next(key for key in _keys.keys_now(world.aws) if key != old)
    expect(second != first and len(_keys.keys_now(world.aws)) == 2, "the key of the first attempt is still there")
    expect(_keys.places_now(world, world.aws)[0] == second, "the places do not have the second key")
    await clicks(world, "lee", written, "rotate-proven")
    grace = await shows(world, "#staging", "#1 ", "is deactivated, and deleted")
    await clicks(world, "lee", grace, "rotate-back")
    done = await shows(world, "#staging", "#1 ", "is active again, by", "@lee")
    expect(_keys.keys_now(world.aws) == {old: "Active", second: "Active"}, "the old key is not active again")
    expect(not done.buttons, "an ended rotation still has buttons")
