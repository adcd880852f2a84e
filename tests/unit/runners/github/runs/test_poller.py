"""Watching runs over time, on a virtual clock: the calls it costs, and the calls that webhooks save."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from runners.github.runs import poll_schedule, poller
from runners.github.runs.events import RunEvent, run_event_of
from runners.results import Job, State, WorkflowRun
from tests.virtual_github import BUILD, REPOSITORY, VirtualGitHub
from tests.virtual_time import now, run_virtually

MANY = """\
name: Many
on: {workflow_dispatch: {}}
jobs:
  build:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        one: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
        two: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    steps:
      - run: make it
"""


async def observed_states(github: VirtualGitHub, run_id: int, **more: Any) -> list[tuple[float, WorkflowRun]]:
    """Every item with the seconds at which it came, and a virtual hour at most."""
    began = now()
    async with asyncio.timeout(7_200):
        return [(now() - began, run) async for run in poller.watch_run(github, REPOSITORY, run_id, **more)]


def lag(github: VirtualGitHub, run: WorkflowRun, began: float, at: float) -> float:
    """Seconds from the run's end to when it was set up."""
    truly = max(job.completed_at for job in github.repository.runs[run.run_id].jobs if job.completed_at)
    since = truly - datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    return began + at - since.total_seconds()


def test_a_run_of_twenty_minutes_costs_thirty_calls_by_polling() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        began, run_id = now(), github.build()
        items = await observed_states(github, run_id)
        at, last = items[-1]
        assert (last.state, len(last.jobs)) == (State.SUCCEEDED, 17)
        assert 1_000 < at < 1_400
        assert github.calls <= 30
        assert lag(github, last, began, at) < 95
        await github.close()

    run_virtually(go())


def test_with_webhooks_it_costs_eight_and_each_job_is_shown_at_once() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks(late=1)
        began, run_id = now(), github.build()
        items = await observed_states(github, run_id)
        at, last = items[-1]
        assert last.state is State.SUCCEEDED
        assert github.calls <= 8
        assert lag(github, last, began, at) < 5
        for job in last.jobs:
            rendered = next(when for when, run in items for item in run.jobs if item == job)
            assert job.ended_at
            ended = (job.ended_at - datetime(2026, 11, 23, 10, 0, tzinfo=UTC)).total_seconds()
            assert began + rendered - ended < 5, job.name
        await github.close()

    run_virtually(go())


@pytest.mark.parametrize("lost", ["workflow_run", "workflow_job", "all after ten minutes"])
def test_lost_webhooks_cost_a_slow_look_at_most(lost: str) -> None:
    def is_lost(event: str, _: object) -> bool:
        return event == lost or (lost.startswith("all") and now() > 1_600)

    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks(late=1, lost=is_lost)
        began, run_id = now(), github.build()
        at, last = (await observed_states(github, run_id))[-1]
        assert last.state is State.SUCCEEDED
        assert lag(github, last, began, at) < poll_schedule.WEBHOOKS_BUSY * 5
        assert github.calls <= 30
        await github.close()

    run_virtually(go())


def test_where_webhooks_tell_of_runs_alone_their_jobs_are_asked_for_as_without() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks(late=1, lost=lambda event, _: event == "workflow_job")
        began, run_id = now(), github.build()
        items = await observed_states(github, run_id)
        assert lag(github, items[-1][1], began, items[-1][0]) < 5  # the end is reported
        assert len(items) > 12
        assert 12 < github.calls <= 30
        await github.close()

    run_virtually(go())


def test_webhooks_in_any_order_late_and_again_never_take_a_job_back() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        stored: list[tuple[str, dict[str, Any]]] = []

        def keep(event: str, payload: dict[str, Any]) -> bool:
            stored.append((event, payload))
            return True

        github.send_webhooks(lost=keep)
        run_id = github.build()

        async def replay() -> None:
            for _ in range(200):
                await asyncio.sleep(7)
                for event, payload in reversed(stored[-40:]):
                    news = run_event_of(event, payload)
                    assert news
                    github.receive_event(news)

        replaying = asyncio.create_task(replay())
        items = [run for _, run in await observed_states(github, run_id)]
        replaying.cancel()
        order = {State.WAITING: 0, State.RUNNING: 1}
        for before, after in itertools.pairwise(items):
            existing = {job.job_id: job for job in after.jobs}
            for job in before.jobs:
                assert order.get(existing[job.job_id].state, 2) >= order.get(job.state, 2)
        assert items[-1].state is State.SUCCEEDED
        await github.close()

    run_virtually(go())


def test_webhooks_that_come_before_the_first_look_cost_nothing_more() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks(late=0.05)  # before the answer to the first look
        run_id = github.build()
        await asyncio.sleep(0.02)
        assert (await observed_states(github, run_id))[-1][1].state is State.SUCCEEDED
        assert github.calls <= 8
        await github.close()

    run_virtually(go())


def test_a_webhook_alone_ends_nothing() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks()
        github.repository.hang_next(BUILD, job="cron")
        run_id = github.repository.dispatch(BUILD, "main").run_id
        watching = asyncio.create_task(observed_states(github, run_id))
        await asyncio.sleep(60)
        before = len(github.asked)
        for _ in range(5):
            github.receive_event(RunEvent(REPOSITORY, run_id, 1, BUILD, ended=True))
        await asyncio.sleep(120)
        assert not watching.done()
        assert 1 <= len(github.asked) - before < 20  # watched together, for a while
        await github.repository.cancel(github.repository.runs[run_id])
        assert (await watching)[-1][1].state is State.CANCELLED
        await github.close()

    run_virtually(go())


def test_many_watchers_of_a_run_cost_what_one_does() -> None:
    async def go(watchers: int) -> int:
        github = VirtualGitHub()
        run_id = github.build()
        ends = await asyncio.gather(*(observed_states(github, run_id) for _ in range(watchers)))
        assert {end[-1][1].state for end in ends} == {State.SUCCEEDED}
        await github.close()
        return len(github.asked)

    assert run_virtually(go(20)) == run_virtually(go(1))


def test_fifty_runs_at_once_stay_within_githubs_hourly_limit() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        ids = []
        for _ in range(50):
            github.repository.hang_next(BUILD, job="cron, prod")
            ids.append(github.build())
        watching = [asyncio.create_task(observed_states(github, run_id)) for run_id in ids]
        await asyncio.sleep(3_600)
        assert github.calls < 5_000
        assert len(github.asked) < 5_000  # even if 304s counted
        for item in watching:
            item.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await github.close()

    run_virtually(go())


def test_256_jobs_come_in_three_pages_and_settled_pages_are_left_alone() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.repository.commit("main", {".github/workflows/many.yml": MANY}, "Build many")
        for two in "abcdefghijklmnop":
            github.repository.slow_next("many.yml", job=f"p, {two}", times_slower=50)
        run_id = github.repository.dispatch("many.yml", "main").run_id
        last = (await observed_states(github, run_id))[-1][1]
        assert (last.state, len(last.jobs), len({job.job_id for job in last.jobs})) == (State.SUCCEEDED, 256, 256)
        pages = [item.path.rpartition("=")[2] for item in github.asked if "/jobs" in item.path]
        assert set(pages) == {"1", "2", "3"}
        assert pages.count("1") < pages.count("3")
        await github.close()

    run_virtually(go())


def test_hints_of_runs_that_nobody_watches_ask_nothing_and_are_forgotten() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        job = Job(1, "build", State.RUNNING, "")
        for number in range(10_000):
            github.receive_event(RunEvent(REPOSITORY, number, 1, job=job))
        await asyncio.sleep(600)
        assert not github.asked
        assert len(github.poller(REPOSITORY)._with_webhooks) <= 256

    run_virtually(go())
