"""Spread periodic tasks on virtual time: each target has a time of its own, the same in every process and after a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bot.operations.registry import DueRun, PeriodicTask
from tests.unit.bot.operations.test_periodic import DAY, MINUTE, START, Database, clock, process, work_for
from tests.virtual_time import run_virtually

if TYPE_CHECKING:
    from bot.services import Services


def _spread(runs: dict[str, list[float]], interval: timedelta, database: Database) -> PeriodicTask:
    """A spread task of 200 targets, whose runs are counted once for each due time, as requests with a key are."""
    counted = set[tuple[str, float]]()

    async def run(_: Services, due: DueRun) -> None:
        if (due.target, due.due_at) not in counted:
            counted.add((due.target, due.due_at))
            runs.setdefault(due.target, []).append(clock())
        database.attempts += 1

    return PeriodicTask("drift", lambda _: {f"env-{n}": interval for n in range(200)}, run, spread=True)


def test_the_targets_of_a_spread_task_have_times_of_their_own_that_stay() -> None:
    runs, database = dict[str, list[float]](), Database()
    day = timedelta(days=1)
    run_virtually(work_for(4 * DAY, _spread(runs, day, database), database=database))
    assert len(runs) == 200
    first = [times[0] for times in runs.values()]
    assert START.timestamp() <= min(first)
    assert max(first) <= START.timestamp() + 3_601, "each is checked within the first hour"
    later = [at for times in runs.values() for at in times[1:]]
    hours = Counter(int(at // 3_600) for at in later if START.timestamp() + DAY * 1.5 <= at)
    assert len(hours) >= 48, "all over the day"
    assert max(hours.values()) <= 20, "never more than a few at the same time"
    for times in runs.values():
        gaps = [after - before for before, after in pairwise(times[1:])]
        assert gaps == pytest.approx([DAY] * len(gaps), abs=5)
        assert DAY / 2 - 5 <= times[1] - times[0] <= 1.5 * DAY + 5


def test_two_processes_and_a_restart_leave_a_spread_task_its_times() -> None:
    alone, shared, interval = dict[str, list[float]](), dict[str, list[float]](), timedelta(hours=1)

    async def with_one() -> None:
        await work_for(5 * 3_600, _spread(alone, interval, Database()), database=Database())

    async def with_two() -> None:
        database = Database()
        task = _spread(shared, interval, database)
        first, second = process(database, task), process(database, task)
        await asyncio.sleep(2.2 * 3_600)
        await first.close()
        await second.close()
        await work_for(2.8 * 3_600, task, database=database)

    run_virtually(with_one())
    run_virtually(with_two())
    assert shared.keys() == alone.keys()
    for target, times in alone.items():
        assert shared[target] == pytest.approx(times, abs=5)


def test_a_short_interval_is_spread_too() -> None:
    runs, database = dict[str, list[float]](), Database()
    run_virtually(work_for(130, _spread(runs, MINUTE, database), database=database))
    assert len(runs) == 200
    assert all(2 <= len(times) <= 3 for times in runs.values())
