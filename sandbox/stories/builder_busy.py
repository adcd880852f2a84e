"""A working builder is not touched, however old; once its job is cancelled and nobody cleans up, it is reported within the grace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import announce, expect, gets_notice, shows, types, until
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.github.runs import Run
    from sandbox.slack import Message
    from sandbox.world import World

SUMMARY = "a builder whose job runs is listed as at work and told to nobody; left behind by its job, it is told within the grace"
CHANNELS = ("#ops",)
OWN_AWS = True
# Seconds rather than minutes. Of the run that is started here by hand, no board shall be shown.
OPTIONS = Options(
    config={
        "  rerun: {wait: 3s}\n": "  rerun: {wait: 3s}\n  follow_runs_by_hand: false\n",
        "operations:\n": "watch:\n  builders: {every: 2s, older_than: 1s, grace: 5s}\noperations:\n",
    },
)
GRACE, ROUND = 5.0, 2.0


async def play(world: World) -> None:
    """Act it out."""
    announce("max starts a build in GitHub; its only job hangs while Packer's builder runs")
    repository = world.github.repository(INFRASTRUCTURE)
    repository.hang_next("build-images.yml", job="cron, dev")
    run = repository.dispatch(
        "build-images.yml", BUILD_SOME, {"machines": "cron", "environments": "dev"}, actor="max-weber"
    )
    await until(lambda: _builds(run), "the job did not begin to build")
    await asyncio.sleep(3 * ROUND)
    page = await _listed(world, "2 builders, 1 stuck")
    expect("🔨 works" in page.rendered and "still runs" in page.rendered, "the list does not say that it works")
    expect(len(_alerts(world)) == 1, "the builder at work was told as well")

    announce("max cancels the run in GitHub; Packer gets no time to clean up")
    await repository.cancel(run)
    alert = await shows(world, "#ops", "(cancelled)", "was cancelled", "by its tag", timeout=GRACE + 4 * ROUND + 20)
    expect("GITHUB_RUN_ID" not in alert.text, "the message says more than a person needs")
    await _listed(world, "2 builders, 2 stuck")


def _builds(run: Run) -> bool:
    return any("Provisioning" in line for job in run.jobs for _, line in job.log)


def _alerts(world: World) -> list[Message]:
    return [message for message in world.channel("#ops").messages if "left running" in message.rendered]


async def _listed(world: World, *pieces: str) -> Message:
    await types(world, "ana", "#ops", "/infra builders")
    return await gets_notice(world.person("ana"), pieces[0])
