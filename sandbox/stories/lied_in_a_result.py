"""Ansible calls a script's task changed, and the script says in the task's result that a program is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import BUILD_SOME, INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "a green image build, then a green deploy, hide `composer: command not found` in an Ansible result; both are suspect"
CHANNELS = ("#ops", "#dev")
OPTIONS = Options(speed=60.0)
OWN_AWS = True
WORKFLOW = "build-images.yml"
MISSING = "configure.sh: line 41: composer: command not found"


async def play(world: World) -> None:
    """Act it out."""
    repository = world.github.repository(INFRASTRUCTURE)
    repository.green_but_broken(WORKFLOW, job="cron, dev", tool="script")
    await types(world, "ana", "#ops", f"/build cron,sftp dev {BUILD_SOME}")
    matrix = await shows(world, "#ops", ":warning:", "2 of 2 images, 1 suspect", "⚠️ suspect", "Plan dev", timeout=120)
    job = next(job for run in repository.runs.values() for job in run.jobs if "cron" in job.name)
    expect(job.conclusion == "success", "the job was to end well")
    warning = next(reply for reply in world.channel("#ops").replies(matrix.ts) if "Not a failure" in reply.rendered)
    announce(f"the thread shows: {warning.rendered.splitlines()[0]}")
    expect(MISSING in warning.rendered, "the thread does not show the line of the script")
    expect("shell: command not found" in warning.rendered, "the thread does not name the failure pattern")
    expect("TASK [php : Configure the machine]" in warning.rendered, "the thread does not name the task")

    repository.green_but_broken("deploy-dev.yml", job="cron", tool="script")
    await types(world, "ana", "#dev", "/deploy dev")
    signs = ("but its log shows signs of failure", MISSING, "The commit is recorded as deployed", "Deployed:")
    deployed = await shows(world, "#dev", ":warning:", *signs, timeout=120)
    announce(f"the deploy says: {deployed.rendered.splitlines()[0]}")
    await clicks(world, "ana", deployed, "log-details")
