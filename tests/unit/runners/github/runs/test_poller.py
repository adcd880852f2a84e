"""How watching runs goes over time, on a virtual clock: what it costs, what webhooks save, what an outage does."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github import Answer
from runners.github.runs import poll_schedule, poller
from runners.github.runs.attempt_jobs import AttemptJobs
from runners.github.runs.events import RunEvent, run_event_of
from runners.results import Job, State, WorkflowRun
from tests.virtual_github import BUILD, REPOSITORY, VirtualGitHub
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Callable

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


async def seen(github: VirtualGitHub, run_id: int, **more: Any) -> list[tuple[float, WorkflowRun]]:
    """Every item with the seconds at which it came, and a virtual hour at most."""
    began = now()
    async with asyncio.timeout(7_200):
        return [(now() - began, run) async for run in poller.watch_run(github, REPOSITORY, run_id, **more)]


def lag(github: VirtualGitHub, run: WorkflowRun, began: float, at: float) -> float:
    """Seconds from the run's end to when it was told."""
    truly = max(job.completed_at for job in github.repository.runs[run.run_id].jobs if job.completed_at)
    since = truly - datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    return began + at - since.total_seconds()


def test_a_run_of_twenty_minutes_costs_thirty_calls_by_polling() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        began, run_id = now(), github.build()
        items = await seen(github, run_id)
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
        items = await seen(github, run_id)
        at, last = items[-1]
        assert last.state is State.SUCCEEDED
        assert github.calls <= 8
        assert lag(github, last, began, at) < 5
        for job in last.jobs:
            shown = next(when for when, run in items for one in run.jobs if one == job)
            assert job.ended_at
            ended = (job.ended_at - datetime(2026, 11, 23, 10, 0, tzinfo=UTC)).total_seconds()
            assert began + shown - ended < 5, job.name
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
        at, last = (await seen(github, run_id))[-1]
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
        items = await seen(github, run_id)
        assert lag(github, items[-1][1], began, items[-1][0]) < 5  # the end is told
        assert len(items) > 12
        assert 12 < github.calls <= 30
        await github.close()

    run_virtually(go())


def test_webhooks_in_any_order_late_and_again_never_take_a_job_back() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        kept: list[tuple[str, dict[str, Any]]] = []

        def keep(event: str, payload: dict[str, Any]) -> bool:
            kept.append((event, payload))
            return True

        github.send_webhooks(lost=keep)
        run_id = github.build()

        async def replay() -> None:
            for _ in range(200):
                await asyncio.sleep(7)
                for event, payload in reversed(kept[-40:]):
                    news = run_event_of(event, payload)
                    assert news
                    github.receive_event(news)

        replaying = asyncio.create_task(replay())
        items = [run for _, run in await seen(github, run_id)]
        replaying.cancel()
        order = {State.WAITING: 0, State.RUNNING: 1}
        for before, after in itertools.pairwise(items):
            known = {job.job_id: job for job in after.jobs}
            for job in before.jobs:
                assert order.get(known[job.job_id].state, 2) >= order.get(job.state, 2)
        assert items[-1].state is State.SUCCEEDED
        await github.close()

    run_virtually(go())


def test_webhooks_that_come_before_the_first_look_cost_nothing_more() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks(late=0.05)  # before the answer to the first look
        run_id = github.build()
        await asyncio.sleep(0.02)
        assert (await seen(github, run_id))[-1][1].state is State.SUCCEEDED
        assert github.calls <= 8
        await github.close()

    run_virtually(go())


def test_a_webhook_alone_ends_nothing() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.send_webhooks()
        github.repository.hang_next(BUILD, job="cron")
        run_id = github.repository.dispatch(BUILD, "main").run_id
        watching = asyncio.create_task(seen(github, run_id))
        await asyncio.sleep(60)
        before = len(github.asked)
        for _ in range(5):
            github.receive_event(RunEvent(REPOSITORY, run_id, 1, BUILD, ended=True))
        await asyncio.sleep(120)
        assert not watching.done()
        assert 1 <= len(github.asked) - before < 20  # looked after together, for a while
        await github.repository.cancel(github.repository.runs[run_id])
        assert (await watching)[-1][1].state is State.CANCELLED
        await github.close()

    run_virtually(go())


def test_many_watchers_of_a_run_cost_what_one_does() -> None:
    async def go(watchers: int) -> int:
        github = VirtualGitHub()
        run_id = github.build()
        ends = await asyncio.gather(*(seen(github, run_id) for _ in range(watchers)))
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
        watching = [asyncio.create_task(seen(github, run_id)) for run_id in ids]
        await asyncio.sleep(3_600)
        assert github.calls < 5_000
        assert len(github.asked) < 5_000  # even if 304s counted
        for one in watching:
            one.cancel()
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
        last = (await seen(github, run_id))[-1][1]
        assert (last.state, len(last.jobs), len({job.job_id for job in last.jobs})) == (State.SUCCEEDED, 256, 256)
        pages = [one.path.rpartition("=")[2] for one in github.asked if "/jobs" in one.path]
        assert set(pages) == {"1", "2", "3"}
        assert pages.count("1") < pages.count("3")
        await github.close()

    run_virtually(go())


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
        items = await seen(github, run_id)
        stale = [(at, run) for at, run in items if run.stale_since]
        assert len(stale) == 1
        at, said = stale[0]
        assert 314 < at < 390
        assert said.stale_because == "GitHub answered with its error 502"
        assert len([one for one in github.asked if 1_300 < one.at < 1_900]) == 0
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
        watching = [asyncio.create_task(seen(github, run_id)) for run_id in ids]
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
        watching = [asyncio.create_task(seen(github, github.build())) for _ in range(3)]
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
        first = (await seen(github, run_id))[-1][1]
        assert (first.state, first.attempt) == (State.FAILED, 1)
        following = asyncio.create_task(seen(github, run_id, attempt=2))
        await asyncio.sleep(12)  # GitHub may need a moment to know the attempt
        github.repository.rerun(github.repository.runs[run_id], failed_only=True, actor="lee-park")
        items = [run for _, run in await following]
        assert {run.attempt for run in items} == {2}
        assert [run.state.ended for run in items] == [False] * (len(items) - 1) + [True]
        assert items[-1].state is State.SUCCEEDED
        assert items[-1].actor == "lee-park"
        again = [run for _, run in await seen(github, run_id)]
        assert [(run.attempt, run.state) for run in again] == [(2, State.SUCCEEDED)]
        await github.close()

    run_virtually(go())


def test_an_attempt_that_never_comes_is_said() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        run_id = github.repository.dispatch(BUILD, "main").run_id
        await seen(github, run_id)
        with pytest.raises(NotFoundError, match="no attempt 2"):
            await seen(github, run_id, attempt=2)
        await github.close()

    run_virtually(go())


def test_late_news_of_an_earlier_attempt_changes_nothing() -> None:
    async def go() -> None:
        github = VirtualGitHub()
        github.repository.fail_next(BUILD, job="cron, dev")
        run_id = github.repository.dispatch(BUILD, "main").run_id
        first = (await seen(github, run_id))[-1][1]
        run = github.repository.runs[run_id]
        github.repository.hang_next(BUILD, job="cron, dev")
        github.repository.rerun(run, failed_only=True, actor="lee-park")
        following = asyncio.create_task(seen(github, run_id, attempt=2))
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


@pytest.mark.parametrize(("minutes", "calls"), [(1, 12), (5, 18), (20, 26), (60, 50)])
def test_calls_are_given_out_more_and_more_slowly(minutes: int, calls: int) -> None:
    assert poll_schedule.earliest(calls + 1) > minutes * 12
    assert poll_schedule.earliest(calls - 3) < minutes * 12
    times = [poll_schedule.earliest(number) for number in range(100)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("workflow_run", {}),
        ("workflow_run", {"repository": {"full_name": "a/b"}, "workflow_run": {"id": "x", "status": "queued"}}),
        ("workflow_run", {"repository": [], "workflow_run": {}}),
        ("workflow_job", {"repository": {"full_name": "a/b"}, "workflow_job": {"id": 1}}),
        ("workflow_job", {"repository": {"full_name": "a/b"}, "workflow_job": None}),
    ],
)
def test_what_is_not_of_githubs_shape_is_no_news(event: str, payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=event):
        run_event_of(event, payload)


def test_other_events_are_none_of_ours() -> None:
    assert run_event_of("push", {"anything": 1}) is None


@pytest.mark.parametrize(
    ("path", "file"),
    [
        (".github/workflows/build-images.yml", "build-images.yml"),
        (".github/workflows/build.yml@refs/heads/main", "build.yml"),
        (None, ""),
    ],
)
def test_a_run_names_its_workflows_file(path: str | None, file: str) -> None:
    run = {"id": 7, "status": "completed", "path": path, "run_attempt": 2}
    news = run_event_of("workflow_run", {"repository": {"full_name": "a/b"}, "workflow_run": run})
    assert news == RunEvent("a/b", 7, 2, file, ended=True)


async def test_what_github_does_not_list_at_the_end_is_dropped_and_its_order_kept() -> None:
    jobs = AttemptJobs()
    for number in (3, 9):
        jobs.receive(Job(number, f"job {number}", State.RUNNING, ""))

    async def ask(page: int, etag: str | None) -> Answer:
        assert (page, etag) == (1, None)
        shown = [{"id": number, "name": "x", "status": "completed", "conclusion": "success"} for number in (5, 3)]
        return Answer({"total_count": 2, "jobs": shown}, "tag")

    poll = await jobs.poll(ask, whole=True)
    assert (poll.calls, poll.missed_webhook) == (1, True)
    assert [job.job_id for job in jobs.jobs] == [5, 3]
    assert jobs.ended
