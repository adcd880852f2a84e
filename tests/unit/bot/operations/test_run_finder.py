"""Runs that Signalbox did not start are found, each once, with and without webhooks, and after a restart."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from hypothesis import given, settings, strategies as st

from bot.operations.dropped import DROPPED
from bot.operations.registry import RunListener, WorkflowOf
from bot.operations.run_finder import CHECK_INTERVAL, GRACE, LONGEST_PAUSE, QUIET_CHECK_INTERVAL, RunFinder
from bot.redaction import Redactor
from bot.store.cursors import Cursors
from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from runners.github.runs.events import RunEvent
from runners.results import State, WorkflowRun
from tests.unit.bot.drawn import read
from tests.virtual_github import BUILD, REPOSITORY, VirtualGitHub, clock
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    import pytest

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock

LEE = "lee-park"


@dataclass
class Stored:
    """What is stored over a restart: cursors, and the runs that operations have claimed."""

    positions: dict[str, int] = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)

    async def get(self, name: str) -> int | None:
        return self.positions.get(name)

    async def advance(self, name: str, number: int) -> None:
        self.positions[name] = max(number, self.positions.get(name, 0))

    async def claimed_runs(self, run_ids: Collection[int]) -> frozenset[int]:
        return frozenset(self.claimed).intersection(run_ids)


@dataclass
class Listener:
    """A listener that records each run with its time, and fails `fails` times first."""

    runs: list[tuple[int, float]] = field(default_factory=list)
    fails: int = 0
    refuses: set[int] = field(default_factory=set)  # runs at which it always falls over
    last: WorkflowRun | None = None

    async def handle(self, _: Services, run: WorkflowRun) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the handler fell over")
        if run.run_id in self.refuses:
            raise RuntimeError("the handler falls over")
        self.last = run
        self.runs.append((run.run_id, now()))

    @property
    def ids(self) -> list[int]:
        return [number for number, _ in self.runs]


@dataclass
class Hunt:
    """A finder over a GitHub of its own."""

    github: VirtualGitHub = field(default_factory=VirtualGitHub)
    stored: Stored = field(default_factory=Stored)
    listener: Listener = field(default_factory=Listener)
    workflow: str | None = BUILD
    finder: RunFinder | None = None
    posts: list[str] = field(default_factory=list)

    async def channel_id(self, name: str) -> str:
        return name

    async def post(self, channel: str, message: Message) -> None:
        self.posts.append(f"{channel} {read(message)}")

    async def start(self) -> None:
        slack = SimpleNamespace(channel="#ops")
        config = SimpleNamespace(github=SimpleNamespace(repository=REPOSITORY), slack=slack)
        services = SimpleNamespace(
            config=config, github=self.github, run_claims=self.stored, clock=clock, chat=self, redact=Redactor()
        )
        wanted = [WorkflowOf(REPOSITORY, self.workflow)] if self.workflow else []
        watch = RunListener(lambda _: wanted, self.listener.handle)
        self.finder = RunFinder(cast("Services", services), cast("Cursors", self.stored), [watch])
        self.finder.start()
        await asyncio.sleep(5)

    async def stop(self) -> None:
        assert self.finder
        await self.finder.close()

    def hint(self, run_id: int, actor: str = LEE, **more: Any) -> None:
        assert self.finder
        self.finder.hint(RunEvent(REPOSITORY, run_id, 1, more.pop("workflow", BUILD), actor, **more))


def hunting(test: Callable[[Hunt], Coroutine[Any, Any, None]]) -> None:
    async def go() -> None:
        hunt = Hunt()
        await test(hunt)
        if hunt.finder:
            await hunt.stop()
        await hunt.github.repository.stop()

    run_virtually(go())


def test_a_run_started_by_hand_is_found_within_a_minute() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        began, run_id = now(), hunt.github.build(LEE)
        await asyncio.sleep(900)
        assert hunt.listener.ids == [run_id]
        assert hunt.listener.runs[0][1] - began <= CHECK_INTERVAL + 1
        run = hunt.listener.last
        assert run
        assert (run.actor, run.event, run.branch, run.jobs) == (LEE, "workflow_dispatch", "main", ())

    hunting(test)


def test_a_webhook_finds_it_at_once_and_many_find_it_once() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        began, run_id = now(), hunt.github.build(LEE)
        for _ in range(20):
            hunt.hint(run_id)
            await asyncio.sleep(1)
        await asyncio.sleep(600)
        assert hunt.listener.ids == [run_id]
        assert hunt.listener.runs[0][1] - began < 3

    hunting(test)


def test_other_workflows_and_none_at_all_are_left_alone() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        run = hunt.github.repository.dispatch("deploy-dev.yml", "main", actor=LEE)
        hunt.hint(run.run_id, workflow="deploy-dev.yml")
        await asyncio.sleep(200)
        assert not hunt.listener.ids

    hunting(test)

    async def unconfigured(hunt: Hunt) -> None:
        hunt.workflow = None
        await hunt.start()
        hunt.github.build(LEE)
        await asyncio.sleep(600)
        assert (hunt.listener.ids, hunt.github.asked) == ([], [])

    hunting(unconfigured)


def test_a_run_of_an_operation_is_not_found() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        run_id = hunt.github.build()
        hunt.hint(run_id, "signalbox-bot")
        await asyncio.sleep(GRACE - 10)  # the answer to the dispatch may take long
        hunt.stored.claimed.add(run_id)
        await asyncio.sleep(2_000)
        assert not hunt.listener.ids

    hunting(test)


def test_a_run_of_our_account_that_no_operation_claims_is_found_after_a_while() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        began, run_id = now(), hunt.github.build()
        await asyncio.sleep(400)
        assert hunt.listener.ids == [run_id]
        assert GRACE < hunt.listener.runs[0][1] - began < GRACE + CHECK_INTERVAL + 5

    hunting(test)


def test_at_the_very_first_start_only_what_is_under_way_is_found() -> None:
    async def test(hunt: Hunt) -> None:
        hunt.github.repository.dispatch(BUILD, "main", actor=LEE)
        await asyncio.sleep(300)  # it is over by then
        under_way = hunt.github.build(LEE)
        await hunt.start()
        await asyncio.sleep(300)
        assert hunt.listener.ids == [under_way]

    hunting(test)


def test_what_went_on_or_ended_while_the_bot_was_down_is_found_afterwards_and_nothing_twice() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        first = hunt.github.build(LEE)
        await asyncio.sleep(3_600)
        await hunt.stop()
        ended = hunt.github.repository.dispatch(BUILD, "main", actor=LEE).run_id
        await asyncio.sleep(1_200)
        goes_on = hunt.github.build(LEE)
        await hunt.start()
        await asyncio.sleep(3_600)
        assert hunt.listener.ids == [first, ended, goes_on]
        states = hunt.github.repository.runs
        assert states[ended].finished

    hunting(test)


def test_what_ended_more_than_a_day_ago_is_not_told_any_more() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        await asyncio.sleep(1_800)
        await hunt.stop()
        hunt.github.repository.dispatch(BUILD, "main", actor=LEE)
        await asyncio.sleep(timedelta(days=1, hours=1).total_seconds())
        await hunt.start()
        await asyncio.sleep(600)
        assert not hunt.listener.ids

    hunting(test)


def test_looking_is_free_while_nothing_happens_and_rarer_when_it_is_quiet() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        await asyncio.sleep(3_500)
        assert hunt.github.calls <= 2
        assert len(hunt.github.asked) < 3_500 / CHECK_INTERVAL
        before = len(hunt.github.asked)
        await asyncio.sleep(3_000)
        assert len(hunt.github.asked) - before <= 3_000 / QUIET_CHECK_INTERVAL + 1

    hunting(test)


def test_a_run_that_goes_on_costs_no_call_a_minute() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        run_id = hunt.github.build()
        hunt.stored.claimed.add(run_id)
        await asyncio.sleep(1_300)
        assert hunt.github.calls <= 4

    hunting(test)


def test_many_new_runs_are_found_over_all_pages() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        ids = [hunt.github.repository.dispatch(BUILD, "main", actor=LEE).run_id for _ in range(230)]
        await asyncio.sleep(120)
        assert hunt.listener.ids == ids

    hunting(test)


def test_a_handler_that_falls_over_is_tried_again_and_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        hunt.listener.fails = 1
        first, second = hunt.github.build(LEE), hunt.github.build(LEE)
        await asyncio.sleep(600)
        assert sorted(hunt.listener.ids) == [first, second]
        assert len([line for line in caplog.records if line.exc_info]) == 1

    with caplog.at_level(logging.WARNING):
        hunting(test)


def dropped_so_far() -> float:
    return float(DROPPED.labels("run finder")._value.get())


def test_a_webhook_for_a_run_that_github_does_not_have_stops_nothing() -> None:
    async def test(hunt: Hunt) -> None:
        before = dropped_so_far()
        await hunt.start()
        hunt.hint(4_711)
        await asyncio.sleep(5)
        assert dropped_so_far() == before + 1
        began, run_id = now(), hunt.github.build(LEE)
        hunt.hint(run_id)
        await asyncio.sleep(900)
        assert hunt.listener.ids == [run_id]
        assert hunt.listener.runs[0][1] - began < 3

    hunting(test)


BAD_ANSWERS: list[Any] = [
    AccessDeniedError("reading", "forbidden"),
    UnavailableError("reading", "GitHub answers 502"),
    RunnerError("reading", "refused (451)"),
    KeyError("run_number"),
    ValueError("no date"),
]


@given(st.lists(st.sampled_from([None, *BAD_ANSWERS]), min_size=1, max_size=6))
@settings(deadline=None)
def test_whatever_is_wrong_with_some_runs_the_others_are_found(answers: list[Exception | None]) -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        ids = [hunt.github.build(LEE) for _ in answers]
        wrong = {str(run_id): error for run_id, error in zip(ids, answers, strict=True) if error}

        def trouble(path: str) -> None:
            if error := wrong.get(path.rpartition("/")[2]):
                raise type(error)(*error.args)

        hunt.github.trouble = trouble
        for run_id in ids:
            hunt.hint(run_id)
        await asyncio.sleep(10)
        assert {run_id for run_id, error in zip(ids, answers, strict=True) if not error} <= set(hunt.listener.ids)
        await asyncio.sleep(CHECK_INTERVAL + 5)
        assert set(hunt.listener.ids) == set(ids), "GitHub's list has them all"

    hunting(test)


def test_a_run_that_cannot_be_read_hides_no_other() -> None:
    async def test(hunt: Hunt) -> None:
        before = dropped_so_far()
        await hunt.start()
        runs = [hunt.github.build(LEE) for _ in range(3)]
        whole = hunt.github._runs

        def spoilt(workflow: str, query: dict[str, str]) -> dict[str, Any] | None:
            answer = whole(workflow, query)
            for run in answer["workflow_runs"] if answer else ():
                if run["id"] == runs[1]:
                    del run["head_sha"]
            return answer

        hunt.github._runs = spoilt  # type: ignore[method-assign]
        await asyncio.sleep(900)
        assert hunt.listener.ids == [runs[0], runs[2]]
        assert dropped_so_far() == before + 1, "once, however often GitHub lists it"

    hunting(test)


def test_a_run_whose_handler_always_falls_over_is_dropped_and_people_are_notified() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        bad = hunt.github.build(LEE)
        hunt.listener.refuses.add(bad)
        await asyncio.sleep(90)
        later = hunt.github.build(LEE)
        await asyncio.sleep(CHECK_INTERVAL * 8)
        assert hunt.listener.ids == [later]
        (post,) = hunt.posts
        assert post.startswith("#ops ")
        assert "cannot process" in post
        assert "watch it on GitHub" in post
        await asyncio.sleep(1_200)
        assert len(hunt.posts) == 1
        assert max(hunt.stored.positions.values()) >= bad, "a restart does not bring it back"

    hunting(test)


def test_an_outage_is_logged_once_and_backed_off_from(caplog: pytest.LogCaptureFixture) -> None:
    async def test(hunt: Hunt) -> None:
        tries = 0

        def trouble(_: str) -> None:
            nonlocal tries
            tries += 1
            raise UnavailableError("listing the runs", "GitHub cannot be reached")

        await hunt.start()
        hunt.github.trouble = trouble
        run_id = hunt.github.build(LEE)
        await asyncio.sleep(3_600)
        assert 5 < tries < 12
        hunt.github.trouble = None
        await asyncio.sleep(LONGEST_PAUSE)
        assert hunt.listener.ids == [run_id]

    with caplog.at_level(logging.WARNING):
        hunting(test)
    assert len(caplog.records) == 1
    assert "GitHub cannot be reached" in caplog.text


def test_a_rate_limit_is_waited_out_whatever_webhooks_tell() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        asked: list[float] = []

        def trouble(_: str) -> None:
            asked.append(now())
            if len(asked) == 1:
                reset = datetime.fromtimestamp(clock() + 1_000, UTC)
                raise UnavailableError("listing", "GitHub's rate limit is used up", retry_at=reset)

        hunt.github.trouble = trouble
        run_id = hunt.github.build(LEE)
        for _ in range(10):
            hunt.hint(run_id)
            await asyncio.sleep(50)
        assert len(asked) == 1
        await asyncio.sleep(600)
        assert asked[1] - asked[0] >= 999
        assert hunt.listener.ids == [run_id]

    hunting(test)


def test_a_found_run_may_have_ended_meanwhile() -> None:
    async def test(hunt: Hunt) -> None:
        await hunt.start()
        await asyncio.sleep(CHECK_INTERVAL * 40)  # quiet by now
        run_id = hunt.github.repository.dispatch(BUILD, "main", actor=LEE).run_id
        await asyncio.sleep(QUIET_CHECK_INTERVAL + 5)
        assert hunt.listener.ids == [run_id]
        assert hunt.listener.last
        assert hunt.listener.last.state is State.SUCCEEDED

    hunting(test)


async def test_a_mark_only_grows_and_stays(store: Store, clock: Clock) -> None:
    positions = Cursors(store, clock)
    assert await positions.get("runs") is None
    for number, expected in ((0, 0), (19_600_000_007, 19_600_000_007), (5, 19_600_000_007)):
        await positions.advance("runs", number)
        assert await positions.get("runs") == expected
    await asyncio.gather(*(positions.advance("other", number) for number in range(20)))
    assert await positions.get("other") == 19
