"""Staging gets what dev has, by a pull request that is opened, checked and merged from Slack; then it is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import APPLICATION
from sandbox.stories._acting import announce, clicks, expect, rejects, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "staging gets what dev has: a pull request is opened, waits for its checks, is merged by a click, and deployed"
)
CHANNELS = ("#staging",)
_STAGING = '    channel: "#staging"\n'
OPTIONS = Options(
    speed=30.0,
    config={_STAGING: f"{_STAGING}    promote: {{from: dev, to: staging, repositories: [{APPLICATION}]}}\n"},
)


async def play(world: World) -> None:
    """Act it out."""
    application = world.github.repository(APPLICATION)
    application.protect("staging", required=["tests", "lint"])
    application.checks.check("dev", "lint")
    tests = application.checks.check("dev", "tests", None)

    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#1 ", "is 3 commits ahead of", "No pull request is open")
    await clicks(world, "ana", ask, "Open pull request")
    waits = await shows(world, "#staging", "#1 ", "Pull request #1", "not ended yet: tests")
    expect("Merge" not in str(waits.buttons), "what is not green yet can be merged")
    announce("the tests are through")
    tests.complete("success")
    ask = await shows(world, "#staging", "#1 ", "ready to merge dev into staging", "all 2 required are green")
    expect(not application.pulls.by_number[1].merged, "it was merged before anybody said so")
    await clicks(world, "lee", ask, "Merge, then ask for the deploy")
    ask = await shows(world, "#staging", "#1 ", "Promoted:", "is ready to deploy. Waiting for approval")
    expect(application.pulls.by_number[1].merged, "the pull request is not merged")
    await clicks(world, "lee", ask, "Approve and deploy to staging")
    done = await shows(world, "#staging", "#1 ", ":white_check_mark:", "Promoted:", "deployed", "4 hosts")
    expect(not done.buttons, "a finished deploy still has buttons")
    expect(f"3 commits of *{APPLICATION}*:" in done.rendered, "what was promoted is not listed at the end")

    announce("the next deploy has nothing to promote, and says so in a line")
    await types(world, "ana", "#staging", "/deploy staging")
    ask = await shows(world, "#staging", "#2 ", "Nothing to promote:", "Waiting for approval", "the same commit")
    await rejects(world, "lee", ask)
    await shows(world, "#staging", "#2 ", "rejected, nothing was deployed")
