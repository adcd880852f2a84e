"""A nightly deploy that nobody requested in Slack: it is followed, a new deploy waits for it, and its end counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a deploy by its schedule gets a message, a new deploy waits for it, and the environment's commit is known"
CHANNELS = ("#dev",)
OPTIONS = Options(speed=60.0, webhooks=True)
WORKFLOW = "deploy-dev.yml"
_PATH = f".github/workflows/{WORKFLOW}"


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    written = repository.graph.resolve("main").files[_PATH].decode()
    nightly = written.replace("  workflow_dispatch:\n", '  workflow_dispatch:\n  schedule: [{cron: "30 3 * * *"}]\n')
    commit = repository.commit("main", {_PATH: nightly}, "Deploy to dev every night")

    announce("the schedule starts a deploy to dev")
    held = repository.hold_next(WORKFLOW, job="cron")
    run = repository.run_schedule(WORKFLOW)
    await shows(
        world, "#dev", f"Deploy to dev, run {run.number}", "started in GitHub by its schedule", "running", timeout=120
    )
    await types(world, "ana", "#dev", "/deploy dev")
    await shows(world, "#dev", "Deploy main to dev", f"waiting for Deploy to dev, run {run.number}")
    expect(len(repository.runs) == 1, "two deploys run beside each other")
    held.release()
    await shows(
        world, "#dev", ":white_check_mark:", f"Deploy to dev, run {run.number}", f"deployed {commit.short}", timeout=120
    )
    await shows(world, "#dev", ":white_check_mark:", "Deploy main to dev", f"deployed {commit.short}", timeout=120)
    expect(len(repository.runs) == 2, "one deploy each")

    announce("the next night's deploy fails on one machine")
    repository.fail_next(WORKFLOW, job="cron", step="Run playbook", log=["fatal: [cron-1]: FAILED!"])
    night = repository.run_schedule(WORKFLOW)
    await shows(
        world, "#dev", ":x:", f"Deploy to dev, run {night.number}", "the run failed: deploy (cron)", timeout=120
    )
    expect(len(world.channel("#dev").messages) == 3, "a run has more than one message")
