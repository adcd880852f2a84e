"""Watching runs through outages, rate limits and reruns, on a virtual clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github.runs import poller
from runners.github.runs.events import RunEvent
from runners.results import State, WorkflowRun
from tests.virtual_github import BUILD, REPOSITORY, VirtualGitHub
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Callable


async def observed_states(github: VirtualGitHub, run_id: int, **more: Any) -> list[tuple[float, WorkflowRun]]:
    """Every item with the seconds at which it came, and a virtual hour at most."""
    began = now()
    async with asyncio.timeout(7_200):
        return [(now() - began, run) async for run in poller.watch_run(github, REPOSITORY, run_id, **more)]


def outage(began: float, until: float, error: Callable[[], RunnerError]) -> Callable[[str], None]:
    def trouble(_: str) -> None:
        if began <= now() < until:
            raise error()

    return trouble


def test_ten_minutes_without_github_are_told_and_lose_nothing() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        run_id = github.build()
        github.trouble = outage(
            1_300, 1_900, lambda: UnavailableError("watching", "GitHub answered with its error 502")
        )
        items = await observed_states(github, run_id)
        stale = [(at, run) for at, run in items if run.stale_since]
        assert len(stale) == 1
        at, text = stale[0]
        assert 314 < at < 390
        assert text.stale_because == "GitHub answered with its error 502"
        assert len([item for item in github.asked if 1_300 < item.at < 1_900]) == 0
        back = next(at for at, run in items if at > stale[0][0] and run.stale_since is None)
        assert back < 900 + 70
        assert items[-1][1].state is State.SUCCEEDED
        assert items[-1][1].stale_since is None
        await github.close()

    run_virtually(go())


def test_while_github_does_not_answer_it_is_asked_twice_a_minute_whatever_is_watched() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        tries = 0

        def trouble(_: str) -> None:
            nonlocal tries
            if now() > 1_100:
                tries += 1
                raise UnavailableError("watching", "GitHub cannot be reached")

        ids = [github.build() for _ in range(10)]
        github.trouble = trouble
        watching = [asyncio.create_task(observed_states(github, run_id)) for run_id in ids]
        await asyncio.sleep(700)
        assert 10 < tries < 30
        ends = await asyncio.gather(*watching, return_exceptions=True)
        assert all(isinstance(end, UnavailableError) for end in ends)
        assert 1_000 < now() - 1_100 + 100 < 1_200
        await github.close()

    run_virtually(go())


def test_what_github_asks_of_one_look_is_kept_for_all() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        asked: list[float] = []

        def trouble(_: str) -> None:
            asked.append(now())
            if len(asked) == 30:
                in_a_while = datetime.now(UTC) + timedelta(seconds=1_200)
                raise UnavailableError("watching", "GitHub's rate limit is used up", retry_at=in_a_while)

        github.trouble = trouble
        watching = [asyncio.create_task(observed_states(github, github.build())) for _ in range(3)]
        results = await asyncio.gather(*watching)
        assert asked[30] - asked[29] >= 1_195
        for items in results:
            assert [run.stale_because for _, run in items if run.stale_since] == ["GitHub's rate limit is used up"]
            assert items[-1][1].state is State.SUCCEEDED
        await github.close()

    run_virtually(go())


def test_a_rerun_is_followed_in_its_new_attempt() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.repository.fail_next(BUILD, job="cron, dev")
        run_id = github.repository.dispatch(BUILD, "main").run_id
        first = (await observed_states(github, run_id))[-1][1]
        assert (first.state, first.attempt) == (State.FAILED, 1)
        following = asyncio.create_task(observed_states(github, run_id, attempt=2))
        await asyncio.sleep(12)  # GitHub may need a moment to know the attempt
        github.repository.rerun(github.repository.runs[run_id], failed_only=True, actor="lee-park")
        items = [run for _, run in await following]
        assert {run.attempt for run in items} == {2}
        assert [run.state.ended for run in items] == [False] * (len(items) - 1) + [True]
        assert items[-1].state is State.SUCCEEDED
        assert items[-1].actor == "lee-park"
        again = [run for _, run in await observed_states(github, run_id)]
        assert [(run.attempt, run.state) for run in again] == [(2, State.SUCCEEDED)]
        await github.close()

    run_virtually(go())


def test_an_attempt_that_never_comes_is_said() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        run_id = github.repository.dispatch(BUILD, "main").run_id
        await observed_states(github, run_id)
        with pytest.raises(NotFoundError, match="no attempt 2"):
            await observed_states(github, run_id, attempt=2)
        await github.close()

    run_virtually(go())


def test_late_news_of_an_earlier_attempt_changes_nothing() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.repository.fail_next(BUILD, job="cron, dev")
        run_id = github.repository.dispatch(BUILD, "main").run_id
        first = (await observed_states(github, run_id))[-1][1]
        run = github.repository.runs[run_id]
        github.repository.hang_next(BUILD, job="cron, dev")
        github.repository.rerun(run, failed_only=True, actor="lee-park")
        following = asyncio.create_task(observed_states(github, run_id, attempt=2))
        await asyncio.sleep(60)
        asked = len(github.asked)
        for job in first.jobs:
            github.receive_event(RunEvent(REPOSITORY, run_id, 1, job=job))
        github.receive_event(RunEvent(REPOSITORY, run_id, 1, ended=True))
        await asyncio.sleep(3)
        assert len(github.asked) <= asked + 2
        await github.repository.cancel(run)
        assert (await following)[-1][1].state is State.CANCELLED
        await github.close()

    run_virtually(go())
