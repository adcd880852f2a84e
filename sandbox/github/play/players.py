"""The output and duration of steps, by the kind of step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.expressions import to_text
from sandbox.github.play.stage import RateLimitedError

if TYPE_CHECKING:
    from sandbox.github.play.stage import Player, Stage

_TASKS = (
    "Make the release directory",
    "Write the release",
    "Write the configuration",
    "Run the migrations",
    "Switch over",
)


async def set_up(stage: Stage) -> None:
    """GitHub's own first step."""
    stage.log("Current runner version: '2.329.0'", "Runner name: 'GitHub Actions 7'")
    stage.group("Runner Image", "Image: ubuntu-24.04", "Version: 20261110.1.0")
    stage.log(f"Complete job name: {stage.job.name}")
    await stage.clock.sleep(1)


async def complete(stage: Stage) -> None:
    """GitHub's own last step."""
    stage.log("Cleaning up orphan processes")
    await stage.clock.sleep(0.5)


async def action(stage: Stage) -> None:
    """A step that uses an action, such as checkout."""
    stage.group(f"Run {stage.command}", "with:", f"  ref: {stage.commit.sha}")
    await stage.work(stage.rng.uniform(1, 3))
    stage.log(f"HEAD is now at {stage.commit.short} {stage.commit.message.splitlines()[0]}")


async def command(stage: Stage) -> None:
    """Any other step that runs a command; it prints AWS's rate limit as the AWS CLI does."""
    stage.group(f"Run {stage.command}", stage.command, "shell: /usr/bin/bash -e {0}")
    try:
        await stage.work(stage.rng.uniform(2, 8))
    except RateLimitedError:
        stage.log(
            "An error occurred (RequestLimitExceeded) when calling the DescribeInstances operation "
            "(reached max retries: 4): Request limit exceeded."
        )
        raise


async def playbook(stage: Stage) -> None:
    """A step that runs ansible-playbook against a machine."""
    machine = to_text(stage.job.matrix.get("machine", "backend"))
    host = f"{machine}-1"
    stage.group(f"Run {stage.command}", stage.command, "shell: /usr/bin/bash -e {0}")
    stage.log("", f"PLAY [Deploy {machine}] {'*' * 40}")
    for task in _TASKS[:2]:
        await stage.clock.sleep(stage.rng.uniform(2, 5))
        stage.log("", f"TASK [{task}] {'*' * 40}", f"changed: [{host}]")
    await stage.work(stage.rng.uniform(10, 20))
    for task in _TASKS[2:]:
        await stage.clock.sleep(stage.rng.uniform(1, 3))
        stage.log("", f"TASK [{task}] {'*' * 40}", f"changed: [{host}]")
    stage.log(
        "", f"PLAY RECAP {'*' * 40}", f"{host} : ok=5 changed=5 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0"
    )


def player_of(uses: str | None, run: str | None, *, image_builder: Player | None) -> Player:
    """The player of a step, by its action or command."""
    if uses is not None:
        return action
    if run is not None and "ansible-playbook" in run:
        return playbook
    if run is not None and "packer build" in run and image_builder is not None:
        return image_builder
    return command
