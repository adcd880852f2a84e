"""Periodic tasks on virtual time: each at its interval, through failures, restarts and a second process."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.errors import UserError
from bot.operations.periodic import PeriodicTasks, operation_at_interval
from bot.operations.registry import DueRun, PeriodicTask
from bot.redaction import Redactor
from runners.errors import UnavailableError
from tests.unit.bot.drawn import read as read_message
from tests.unit.handlers.conftest import FILE
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.cursors import Cursors
    from bot.store.operations import Request

DAY = 86_400.0
START = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday, a week before a month's end
MINUTE = timedelta(minutes=1)


class Database:
    """The cursors and requests that all processes share; a key begins one operation."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.before: dict[str, int] = {}  # the positions before the last change
        self.begun: dict[str, float] = {}  # when by key
        self.attempts = 0
        self.open: list[Any] = []
        self.posts: list[str] = []

    async def get(self, name: str) -> int | None:
        await asyncio.sleep(0)
        return self.positions.get(name)

    async def advance(self, name: str, position: int) -> None:
        await asyncio.sleep(0)
        self.before = dict(self.positions)
        self.positions[name] = max(position, self.positions.get(name, 0))

    async def begin(self, request: Request) -> None:
        self.attempts += 1
        await asyncio.sleep(0.01)
        self.begun.setdefault(request.key, clock())

    async def open_in(self, _: str) -> list[Any]:
        return self.open

    def unnumbered(self, _: str) -> int:
        return 0

    async def channel_id(self, name: str) -> str:
        return f"C{name}"

    async def post(self, channel: str, message: Message) -> None:
        self.posts.append(f"{channel} {read_message(message)}")


def clock() -> float:
    """The wall clock, which virtual time moves."""
    return START.timestamp() + now() - 1_000


class Recorded:
    """Tasks that record when they ran, in seconds since the start."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, float]] = []

    def task(self, name: str, *answers: Any, interval: timedelta | None = MINUTE) -> PeriodicTask:
        remaining = list(answers)

        async def run(_: Services, __: DueRun) -> timedelta | None:
            self.runs.append((name, now() - 1_000))
            answer = remaining.pop(0) if remaining else None
            if isinstance(answer, Exception):
                raise answer
            return cast("timedelta | None", answer)

        return PeriodicTask(name, lambda _: {} if interval is None else {"dev": interval}, run)


def process(database: Database, *tasks: PeriodicTask) -> PeriodicTasks:
    """The periodic tasks of a process that starts now."""
    services = SimpleNamespace(
        config=read(FILE, "signalbox.yaml"), redact=Redactor(["secret-word"]), clock=clock,
        operations=database, chat=database, engine=database,
    )  # fmt: skip
    return PeriodicTasks(cast("Services", services), cast("Cursors", database), tasks)


async def work_for(seconds: float, *tasks: PeriodicTask, database: Database | None = None) -> None:
    running = process(database or Database(), *tasks)
    await asyncio.sleep(seconds)
    await running.close()


def virtually(work: Coroutine[Any, Any, None]) -> None:
    run_virtually(work)


@pytest.mark.parametrize(("error", "posts"), [(ValueError("always wrong"), 1), (UnavailableError("a", "away"), 0)])
def test_people_are_notified_once_of_a_task_that_always_fails_for_itself(error: Exception, posts: int) -> None:
    database, recorded, other = Database(), Recorded(), Recorded()
    failing, working = recorded.task("bad", *[error] * 99), other.task("good")
    virtually(work_for(3_000, failing, working, database=database))
    assert len(database.posts) == posts
    assert all("bad of dev" in post and "always wrong" in post for post in database.posts)
    assert len(other.runs) >= 49


def test_the_first_run_is_soon_and_the_others_at_the_interval() -> None:
    recorded = Recorded()
    virtually(work_for(130, recorded.task("one")))
    assert [at for _, at in recorded.runs] == pytest.approx([2, 62, 122], abs=0.1)


def test_an_interval_shorter_than_the_first_wait_holds_from_the_start() -> None:
    recorded = Recorded()
    virtually(work_for(3.5, recorded.task("fast", interval=timedelta(seconds=1))))
    assert [at for _, at in recorded.runs] == pytest.approx([1, 2, 3], abs=0.1)


def test_a_task_runs_sooner_where_it_asks_for_that_but_never_later() -> None:
    recorded = Recorded()
    virtually(work_for(100, recorded.task("one", timedelta(seconds=9), timedelta(hours=1), timedelta())))
    assert [at for _, at in recorded.runs] == pytest.approx([2, 12, 72, 73], abs=0.1)


def test_a_run_that_was_asked_for_sooner_is_made_sooner_after_a_restart_too() -> None:
    recorded, database = Recorded(), Database()
    task = recorded.task("one", timedelta(seconds=19))

    async def work() -> None:
        await work_for(10, task, database=database)
        await work_for(50, task, database=database)

    virtually(work())
    assert [at for _, at in recorded.runs] == pytest.approx([2, 22], abs=0.1)


def test_a_failure_is_logged_and_the_run_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    recorded = Recorded()
    errors = (UnavailableError("looking", "AWS says secret-word"), UserError("no channel"), ValueError("surprise"))
    virtually(work_for(200, recorded.task("one", *errors)))
    assert [at for _, at in recorded.runs] == pytest.approx([2, 62, 122, 182], abs=0.1)
    assert "periodic task one: looking: AWS says" in caplog.text
    assert "secret-word" not in caplog.text
    assert "no channel" in caplog.text
    assert "stopped" in caplog.text


def test_a_failed_run_of_a_long_interval_is_tried_again_within_minutes() -> None:
    recorded = Recorded()
    virtually(work_for(3 * DAY, recorded.task("daily", UserError("no channel"), interval=timedelta(days=1))))
    assert [at for _, at in recorded.runs] == pytest.approx([2, 302, 302 + DAY, 302 + 2 * DAY], abs=1)


def test_a_task_that_is_not_configured_never_runs() -> None:
    recorded = Recorded()
    virtually(work_for(100, recorded.task("off", interval=None), recorded.task("on")))
    assert {name for name, _ in recorded.runs} == {"on"}


async def test_closing_interrupts_a_task_that_runs() -> None:
    begun, interrupted = asyncio.Event(), []

    async def long(_: Services, __: DueRun) -> None:
        begun.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            interrupted.append(True)
            raise

    running = process(Database(), PeriodicTask("long", lambda _: {"dev": timedelta(milliseconds=1)}, long))
    await asyncio.wait_for(begun.wait(), 60)
    await running.close()
    assert interrupted == [True]


def _weekly() -> PeriodicTask:
    return operation_at_interval("propose", "Propose for {target}", lambda _: {"dev": timedelta(days=7)})


def _days(database: Database) -> list[float]:
    return [(at - START.timestamp()) / DAY for at in database.begun.values()]


def test_seven_days_are_seven_days_over_the_end_of_a_month() -> None:
    database = Database()
    virtually(work_for(29 * DAY, _weekly(), database=database))
    assert _days(database) == pytest.approx([0, 7, 14, 21, 28], abs=0.01)


@pytest.mark.parametrize("stopped", [0.5, 3.0], ids=["between two runs", "over the end of the interval"])
def test_a_restart_neither_repeats_nor_skips_a_run(stopped: float) -> None:
    database = Database()

    async def work() -> None:
        await work_for(5 * DAY, _weekly(), database=database)
        await asyncio.sleep(stopped * DAY)
        for _ in range(3):  # restarts in a row
            await work_for(60, _weekly(), database=database)
        await work_for(10 * DAY, _weekly(), database=database)

    virtually(work())
    second = 7.0 if stopped < 2 else 8.0
    assert _days(database) == pytest.approx([0, second, second + 7], abs=0.01)


def test_a_run_that_was_interrupted_before_it_was_recorded_begins_nothing_twice() -> None:
    database = Database()

    async def work() -> None:
        await work_for(8 * DAY, _weekly(), database=database)
        database.positions = database.before
        await work_for(60, _weekly(), database=database)

    virtually(work())
    assert database.attempts == 3
    assert len(database.begun) == 2


def test_several_processes_begin_each_run_once() -> None:
    database = Database()

    async def work() -> None:
        running = []
        for _ in range(3):
            running.append(process(database, _weekly()))
            await asyncio.sleep(0.004)
        await asyncio.sleep(15 * DAY)
        for tasks in running:
            await tasks.close()

    virtually(work())
    assert database.attempts > len(database.begun)
    assert _days(database) == pytest.approx([0, 7, 14], abs=0.01)


def test_nothing_is_begun_while_the_last_operation_of_its_kind_is_open() -> None:
    database = Database()

    async def work() -> None:
        database.open = [SimpleNamespace(kind="propose")]
        await work_for(8 * DAY, _weekly(), database=database)
        database.open = [SimpleNamespace(kind="plan")]
        await work_for(7 * DAY, _weekly(), database=database)

    virtually(work())
    assert _days(database) == pytest.approx([14], abs=0.01)


def test_a_scheduled_operation_waits_for_room_in_a_full_queue_and_people_hear_of_it_once() -> None:
    database = Database()
    limit = read(FILE, "signalbox.yaml").operations.queue_limit
    database.open = [SimpleNamespace(kind="deploy")] * limit

    async def work() -> None:
        await work_for(DAY, _weekly(), database=database)
        assert not database.begun
        (post,) = database.posts
        assert "operations.queue_limit" in post
        database.open.pop()
        await work_for(DAY, _weekly(), database=database)

    virtually(work())
    assert len(database.begun) == 1
