"""What the trail and the log show afterwards: what was planned, begun in the world, and how each operation ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.scenarios import moments
from tests.scenarios.acting import clicks, infrastructure, shows, types

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World


async def audit_log(world: World, number: int) -> list[tuple[str, dict[str, str]]]:
    """(action, details) of an operation that is over, oldest first."""
    query = f"SELECT action, detail FROM signalbox_audit WHERE operation = {number} ORDER BY number"  # noqa: S608  -- a number of ours
    async with asyncio.timeout(60):
        while True:  # it is noted right after the end is shown
            result = [(str(action), json.loads(str(detail))) for action, detail in moments.rows(world, query)]
            if result and result[-1][0] == "ended":
                return result
            await asyncio.sleep(0.05)


async def logged(world: World, number: int, *lines: str) -> None:
    """Wait until the bot's log has all this of the operation."""
    async with asyncio.timeout(60):
        while True:  # the last line is written right after the trail's
            log = world.bot.log.read_text()
            if all(f"operation {number}: {line}" in log for line in lines):
                return
            await asyncio.sleep(0.05)


def number_of(message: Message) -> int:
    """Of the operation whose message it is."""
    result = re.search(r"#(\d+) ", message.rendered)
    assert result, message.rendered
    return int(result[1])


async def approved(world: World, *pieces: str) -> tuple[Message, Message]:
    """What asked in #staging and was approved by lee, and how it ended, with these words."""
    ask = await shows(world, "#staging", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    return ask, await shows(world, "#staging", f"#{number_of(ask)} ", *pieces)


async def test_of_a_plan_without_changes_it_is_told_that_there_are_none(shared_world: World) -> None:
    await types(shared_world, "ana", "#dev", "/plan dev")
    message = await shows(shared_world, "#dev", "up to date")
    *_, (planned, up_to_date), (_, nothing) = await audit_log(shared_world, number_of(message))
    assert (planned, up_to_date["changes"]) == ("planned", "none")
    assert nothing == {"status": "succeeded", "outcome": "up to date"}


async def test_of_an_apply_the_plan_is_told_that_was_approved_and_what_was_done(shared_world: World) -> None:
    world = shared_world
    await types(world, "ana", "#staging", "/plan staging")
    ask, end = await approved(world, "applied, 3 replaced")
    report = await audit_log(world, number_of(end))
    assert [action for action, _ in report] == ["plan", "planned", "approved", "apply started", "apply ended", "ended"]
    result = dict(report)
    assert result["planned"] == result["apply started"]
    assert len(result["planned"]["plan"]) == 64
    assert result["planned"]["plan"][:12] in ask.rendered
    assert result["planned"]["commit"] == infrastructure(world).graph.resolve("main").sha
    bound = f"apply {number_of(end)} staging {result['planned']['commit']} {result['planned']['plan']}"
    assert result["approved"]["binding"] == hashlib.sha256(bound.encode()).hexdigest()
    assert result["approved"]["actor_name"] == "Lee Park"
    assert result["planned"]["changes"] == "3 to replace, 1 to update, 1 output"
    assert result["apply ended"] == {"outcome": "applied", "done": "3 added, 1 changed, 3 destroyed"}
    assert result["ended"]["outcome"] == "applied"
    await logged(
        world,
        number_of(end),
        "plan in staging, for U0ANA",
        "approved by U0LEE, approved",
        "begins apply",
        "ended, succeeded",
    )


async def test_of_a_deploy_by_github_actions_the_run_is_told(shared_world: World) -> None:
    world = shared_world
    await types(world, "ana", "#dev", "/deploy dev")
    message = await shows(world, "#dev", ":white_check_mark:", "deployed")
    report = await audit_log(world, number_of(message))
    assert [action for action, _ in report] == ["deploy", "dispatched", "recorded on GitHub", "run ended", "ended"]
    result = dict(report)
    assert result["dispatched"]["url"] == result["run ended"]["url"]
    assert result["dispatched"]["commit"] == result["run ended"]["commit"]
    assert result["run ended"]["outcome"] == "succeeded"
    assert result["ended"]["outcome"] == "deployed"
    await logged(world, number_of(message), "begins dispatch")


@pytest.mark.slow("deploys with Ansible, which takes seconds of processor time for each playbook")
async def test_of_a_deploy_by_ansible_each_playbook_is_told(shared_world: World) -> None:
    world = shared_world
    await types(world, "ana", "#staging", "/deploy staging")
    _, end = await approved(world, ":white_check_mark:", "deployed")
    report = await audit_log(world, number_of(end))
    plays = [detail["machine"] for action, detail in report if action == "playbook started"]
    ends = [(detail["machine"], detail["outcome"]) for action, detail in report if action == "playbook ended"]
    assert plays == ["backend", "cron", "taskrunner", "sftp"]
    assert ends == [(machine, "succeeded") for machine in plays]
