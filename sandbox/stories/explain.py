"""Deploys fail by causes that are well known: the messages name them, and logs, a console and a run's address are read on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import announce, clicks, expect, gets_notice, shows, types
from sandbox.stories._infrastructure import commit
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = (
    "two deploys fail: the messages name the likely cause and the next step, and /infra logs and /infra console read on"
)
CHANNELS = ("#dev", "#staging")
OPTIONS = Options()
_PLAYBOOK = "provisioners/deploy-cron.yml"
_DENIED = (
    "An error occurred (AccessDeniedException) when calling the GetParameter operation: User: arn:aws:sts::111122223333:assumed-role/ci/run "
    "is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:us-west-2:111122223333:parameter/dev/key because no "
    "identity-based policy allows the ssm:GetParameter action"
)


async def play(world: World) -> None:
    """Act it out."""
    repository, ana = world.github.repository(INFRASTRUCTURE), world.person("ana")
    repository.fail_next("deploy-dev.yml", job="cron", log=[_DENIED])
    await types(world, "ana", "#dev", "/deploy dev")
    failed = await shows(world, "#dev", "#1 ", ":x:", "the run failed", "Likely cause: AWS forbids ssm:GetParameter")
    expect("Add `ssm:GetParameter` to the policy" in failed.rendered, "the next step is not named")

    await types(world, "ana", "#dev", "/infra logs 1")
    answer = await gets_notice(ana, "First sign of trouble")
    expect("ssm:GetParameter" in answer.rendered, "the line is not quoted")
    await shows(world, "#dev", "[file] Log of ")
    run = next(each for each in repository.runs.values() if each.event == "workflow_dispatch")
    await types(world, "ana", "#dev", f"/infra logs https://github.com/{INFRASTRUCTURE}/actions/runs/{run.run_id}")
    await gets_notice(ana, f"of run {run.number}")
    reply = await types(world, "ana", "#dev", f"/infra logs https://github.com/other/code/actions/runs/{run.run_id}")
    expect("configured repositories" in reply.ephemerals[0].rendered, "a foreign repository is not refused")

    announce("a disk on staging is full")
    text = repository.graph.resolve("main").files[_PLAYBOOK].decode()
    task = "\n    - name: Write the crontab\n      ansible.builtin.shell: cat /etc/hosts > /dev/full\n"
    commit(world, {_PLAYBOOK: text.rstrip() + "\n" + task}, "Write the crontab")
    await types(world, "ana", "#staging", "/deploy staging cron")
    ask = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#staging", "#2 ", "failed on staging-cron", "Likely cause: the disk is full", "df -h")
    await types(world, "ana", "#staging", "/infra logs 2 staging-cron")
    await gets_notice(ana, "of #2")
    reply = await types(world, "ana", "#staging", "/infra logs 2 staging-corn")
    expect("did you mean “staging-cron”" in reply.ephemerals[0].rendered, "the nearest host is not named")
    await types(world, "ana", "#staging", "/infra console staging-cron")
    await gets_notice(ana, "console of staging-cron")
