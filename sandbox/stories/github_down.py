"""GitHub is gone while a deploy is under way: the message says so, goes on when GitHub is back, and nothing runs twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github import DropConnectionError
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.github import Exchange
    from sandbox.world import World

SUMMARY = "GitHub cannot be reached while a deploy is under way: the message says since when, and goes on afterwards"
CHANNELS = ("#dev",)
OPTIONS = Options(speed=6.0)


class Outage:
    """No request gets an answer while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self.unanswered = 0

    async def __call__(self, _: Exchange) -> None:
        """Drop the request, if there is an outage."""
        if self.on:
            self.unanswered += 1
            raise DropConnectionError


async def play(world: World) -> None:
    """Act it out."""
    outage = Outage()
    world.github.on_request.append(outage)
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", "#1 Deploy main to dev", "of 4 jobs done", "running")
    announce("GitHub is gone")
    outage.on = True
    await shows(world, "#dev", "#1 ", "GitHub has not answered since", "The run goes on there")
    expect(outage.unanswered, "nobody asked GitHub")
    announce("GitHub is back")
    outage.on = False
    done = await shows(world, "#dev", "#1 ", ":white_check_mark:", "deployed")
    expect("GitHub did not answer for " in done.rendered, "the message no longer says that GitHub was silent")
    expect("GitHub has not answered" not in done.rendered, "the message still says that GitHub is silent")
    expect(not done.buttons, "a finished deploy still has buttons")
    runs = world.github.repository(INFRASTRUCTURE).runs
    expect(len(runs) == 1, f"{len(runs)} runs were started")
