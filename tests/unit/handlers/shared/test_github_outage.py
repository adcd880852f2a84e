"""That GitHub was silent while a run was followed is noted, and said when the run is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from handlers.shared import github_outage
from runners.results import State, WorkflowRun

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from tests.unit.handlers.conftest import Desk

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # the desk's
RUN = WorkflowRun("o/r", 10, 3, 1, "Deploy", "a" * 40, State.RUNNING, "https://github.com/o/r/actions/runs/10", NOW)
LATE = replace(RUN, stale_since=NOW, stale_because="its error 503")


def operation(desk: Desk) -> Operation:
    async def step(_: str, work: Any) -> Any:
        return await work()

    return cast("Operation", SimpleNamespace(services=desk.services, number=1, step=step))


async def test_where_github_always_answered_nothing_is_said(desk: Desk) -> None:
    outage = github_outage.GitHubOutage(operation(desk))
    for _ in range(2):
        await outage.observe(RUN)
    assert not await github_outage.outage_notice(operation(desk))


async def test_a_silence_counts_from_the_last_answer_to_the_next_one(desk: Desk) -> None:
    outage = github_outage.GitHubOutage(operation(desk))
    for run, at in ((RUN, 0), (LATE, 30), (LATE, 90), (RUN, 125), (RUN, 200)):
        desk.now = NOW.timestamp() + at
        await outage.observe(run)
    notice = await github_outage.outage_notice(operation(desk))
    assert "GitHub did not answer for 2 min 5 s from " in notice
    assert "2026-03-02 12:00 UTC" in notice

    later = datetime.fromtimestamp(NOW.timestamp() + 600, UTC)
    await outage.observe(replace(LATE, stale_since=later))
    desk.now = later.timestamp() + 60
    await outage.observe(RUN)
    assert "for 3 min 5 s in all, 2 times, first from" in await github_outage.outage_notice(operation(desk))
