"""Operations on the real engine, over SQLite: numbered, announced, one at a time, ended whatever happens."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.config import read
from bot.engine.engine import Engine, EngineSettings
from bot.errors import DatabaseAwayError, UserError
from bot.operations import lifecycle
from bot.operations.registry import Kind
from bot.redaction import Redactor
from bot.slack.blocks import common, kit
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from bot.store import database_outage
from bot.store.approvals import Approvals, Outcome
from bot.store.audit import Audit
from bot.store.database import Store
from bot.store.migrations import migrate
from bot.store.operations import Operations, Record, Request, Status
from runners.errors import RunnerError, UncertainError
from tests.unit.bot.drawn import read as read_message

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

    Body = Callable[[Operation], Coroutine[Any, Any, None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")
FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE, U0MAX]}
environments:
  dev: {deploy: {github_actions: {workflow: d.yml}}}
  staging: {deploy: {github_actions: {workflow: d.yml}}, approval: {required: 2, expires_after: 1s}}
"""
SECRET = "hunter2-and-more"


class Chat:
    """Slack: what each message says now, after checking that Slack would take it."""

    def __init__(self) -> None:
        self.says: dict[str, str] = {}
        self.refuses: set[str] = set()

    async def post(self, channel: str, message: Message, **_: Any) -> Posted:
        if channel in self.refuses:
            raise ChatError("chat.postMessage", "not_in_channel")
        at = Posted(channel, f"{len(self.says) + 1}.0")
        self.says[at.ts] = read_message(message)
        return at

    async def update(self, at: Posted, message: Message) -> None:
        self.says[at.ts] = read_message(message)

    async def find(self, *_: Any, **__: Any) -> None:
        return None

    async def channel_id(self, name: str) -> str:
        return name


class World:
    """The services, and bodies by the name of the test's request."""

    def __init__(self, services: Services, chat: Chat) -> None:
        self.services = services
        self.chat = chat
        self.bodies: dict[str, Body] = {}
        self._keys = 0

    async def begin(self, body: Body, environment: str = "dev", **more: Any) -> Request:
        self._keys += 1
        key = f"key {self._keys}"
        self.bodies[key] = body
        request = Request(key, "test", environment, "U0ANA", f"Test {key}", "C0OPS", {"key": key})
        request = replace(request, **more)
        await self.services.engine.begin(request)
        return request

    async def body(self, operation: Operation) -> None:
        await self.bodies[operation.record.arguments["key"]](operation)

    async def until(self, request: Request, *statuses: Status) -> Record:
        """The request's record, as soon as it stands so."""
        for _ in range(400):
            result = [item for item in await self._all() if item.arguments["key"] == request.key]
            if result and result[0].status in statuses:
                return result[0]
            await asyncio.sleep(0.02)
        raise AssertionError(f"{request.title} never was {statuses}: {result}")

    def said_of(self, record: Record) -> str:
        return self.chat.says[record.message_ts or ""]

    async def _all(self) -> tuple[Record, ...]:
        return await self.services.operations._select()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    directory = tmp_path_factory.mktemp("lifecycle")
    store, chat, redact = Store(f"sqlite:///{directory}/signalbox.sqlite"), Chat(), Redactor([SECRET])
    await migrate(store)
    services = cast(
        "Services",
        SimpleNamespace(
            config=read(FILE, "signalbox.yaml"), chat=chat, redact=redact, clock=time.time, workplace=directory,
            engine=Engine(EngineSettings(store.url, "test", wake_interval=0.05, queue_interval=0.05)),
            operations=Operations(store, time.time), approvals=Approvals(store, time.time),
            audit=Audit(store, time.time, redact),
        ),
    )  # fmt: skip
    made = World(services, chat)

    async def begin(request: Request) -> None:
        await lifecycle.begin(services, request, Kind("test", made.body))

    async def run(number: int) -> None:
        await lifecycle.run(services, number, Kind("test", made.body))

    services.engine.register_begin(begin)
    services.engine.register("test", run)
    await services.engine.launch()
    yield made
    services.engine.destroy()
    store.close()


async def succeed(operation: Operation) -> None:
    await operation.end(Status.SUCCEEDED, common.short_message(operation.head, "succeeded", "all done"))


async def test_an_operation_is_numbered_announced_run_and_ended(world: World, caplog: pytest.LogCaptureFixture) -> None:
    observed: list[str] = []

    async def body(operation: Operation) -> None:
        operation.scratch.mkdir(parents=True)
        observed.append(world.said_of(operation.record))
        await succeed(operation)

    with caplog.at_level(logging.INFO):
        record = await world.until(await world.begin(body), Status.SUCCEEDED)
    assert f"operation {record.number}: test in dev, for U0ANA" in caplog.text
    assert f"#{record.number} Test key" in observed[0]
    assert "starting" in observed[0]
    assert record.ended_at is not None
    for _ in range(200):  # that it has ended is kept right before it is shown
        if ":white_check_mark:" in world.said_of(record):
            break
        await asyncio.sleep(0.02)
    assert re.search(r"ended .+ after \d+ s", world.said_of(record))
    for _ in range(200):  # it is removed right after its end is shown
        if not (world.services.workplace / "operations" / str(record.number)).exists():
            return
        await asyncio.sleep(0.02)
    pytest.fail("its files are still there")


async def test_a_request_that_comes_twice_is_begun_once(world: World) -> None:
    runs: list[int] = []

    async def body(operation: Operation) -> None:
        runs.append(operation.number)
        await succeed(operation)

    request = await world.begin(body)
    await asyncio.gather(*(world.services.engine.begin(request) for _ in range(5)))
    record = await world.until(request, Status.SUCCEEDED)
    await asyncio.sleep(0.3)
    assert runs == [record.number]


async def test_one_at_a_time_in_order_and_those_in_line_are_told_for_what(world: World) -> None:
    gate, order = asyncio.Event(), list[int]()

    async def hold(operation: Operation) -> None:
        order.append(operation.number)
        await operation.show(
            "busy", common.short_message(operation.head, "running", "busy"), Status.RUNNING, "is <busy>"
        )
        await gate.wait()
        await succeed(operation)

    async def follow(operation: Operation) -> None:
        order.append(operation.number)
        await succeed(operation)

    first = await world.begin(hold)
    ahead = await world.until(first, Status.RUNNING)
    followers = []
    for _ in range(3):
        followers.append(await world.begin(follow))
        await world.until(followers[-1], Status.WAITING)
    outside = await world.until(await world.begin(follow, "staging"), Status.SUCCEEDED)
    waiting = await world.until(followers[0], Status.WAITING)
    for _ in range(100):
        if "waits for" in world.chat.says.get(waiting.message_ts or "", ""):
            break
        await asyncio.sleep(0.02)
        waiting = await world.until(followers[0], Status.WAITING)
    assert f"waits for #{ahead.number} (Test {first.key}, asked by @ana)" in world.said_of(waiting)
    gate.set()
    ended = [await world.until(follower, Status.SUCCEEDED) for follower in followers]
    assert order == [ahead.number, outside.number, *sorted(item.number for item in ended)]


async def test_who_waits_is_told_as_soon_as_the_one_ahead_does_something_else(world: World) -> None:
    moves, gate = asyncio.Event(), asyncio.Event()

    async def hold(operation: Operation) -> None:
        starting = common.short_message(operation.head, "running", "approved")
        await operation.show("approved", starting, Status.RUNNING, "starts")
        await moves.wait()
        await operation.step("work", lambda: operation.set_activity("is deploying"))
        await gate.wait()
        await succeed(operation)

    async def says(request: Request, words: str) -> bool:
        for _ in range(200):
            record = await world.until(request, Status.WAITING)
            if words in world.chat.says.get(record.message_ts or "", ""):
                return True
            await asyncio.sleep(0.02)
        return False

    await world.until(await world.begin(hold), Status.RUNNING)
    behind = await world.begin(succeed)
    assert await says(behind, "which starts")
    moves.set()
    assert await says(behind, "which is deploying")
    gate.set()
    await world.until(behind, Status.SUCCEEDED)


async def test_one_that_went_on_while_the_message_behind_it_was_posted_is_told_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, post = asyncio.Event(), world.chat.post

    async def hold(operation: Operation) -> None:
        await operation.services.operations.set_status(operation.number, Status.RUNNING, "starts")
        await gate.wait()
        await succeed(operation)

    ahead = await world.until(await world.begin(hold), Status.RUNNING)

    async def slow(channel: str, message: Message, **more: Any) -> Posted:
        await world.services.operations.set_status(ahead.number, Status.RUNNING, "is deploying")
        return await post(channel, message, **more)

    monkeypatch.setattr(world.chat, "post", slow)
    behind = await world.begin(succeed)
    for _ in range(200):
        record = await world.until(behind, Status.WAITING)
        if "which is deploying" in world.chat.says.get(record.message_ts or "", ""):
            break
        await asyncio.sleep(0.02)
    assert "which is deploying" in world.said_of(record)
    monkeypatch.undo()
    gate.set()
    await world.until(behind, Status.SUCCEEDED)


async def test_what_fails_after_an_answer_was_lost_is_not_said_to_have_left_all_as_it_was(world: World) -> None:
    async def body(operation: Operation) -> None:
        operation.failure_context = common.FailureContext("nothing was deployed", next_command="/deploy dev")
        raise UncertainError("starting it", "no answer came", remedy="Look.")

    record = await world.until(await world.begin(body), Status.FAILED)
    for _ in range(200):
        if ":x:" in world.said_of(record):
            break
        await asyncio.sleep(0.02)
    assert "failed. No answer came" in world.said_of(record)
    assert "nothing was deployed" not in world.said_of(record)
    assert "/deploy dev" not in world.said_of(record)


async def test_one_that_was_withdrawn_while_it_waited_does_not_begin(world: World) -> None:
    gate, began = asyncio.Event(), list[int]()

    async def hold(operation: Operation) -> None:
        await gate.wait()
        await succeed(operation)

    async def body(operation: Operation) -> None:
        began.append(operation.number)
        await succeed(operation)

    await world.until(await world.begin(hold), Status.RUNNING)
    waits = await world.begin(body)
    record = await world.until(waits, Status.WAITING)
    while not record.message_ts:  # only what has a message has the button
        await asyncio.sleep(0.02)
        record = await world.until(waits, Status.WAITING)
    assert await world.services.operations.cancel_queued(record.number, "U0LEE")
    last = await world.begin(body)
    gate.set()
    after = await world.until(last, Status.SUCCEEDED)
    for _ in range(200):  # what was withdrawn has its turn as well, and shows in it that it is over
        if "withdrawn by @lee before it had begun" in world.said_of(record):
            break
        await asyncio.sleep(0.02)
    assert "withdrawn by @lee before it had begun" in world.said_of(record)
    assert began == [after.number]
    assert (await world.services.operations.get(record.number)).status is Status.CANCELLED


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("dev takes <no> deploys today."), "dev takes <no> deploys today."),
        (
            RunnerError("planning x", f"no such {SECRET}", remedy="Look.", log_tail=f"Error: {SECRET}"),
            "failed. No such [redacted]",
        ),
        (RunnerError("planning x", f"no such {SECRET}"), "while planning x"),
    ],
)
async def test_what_fails_is_said_and_frees_the_environment(world: World, error: Exception, words: str) -> None:
    async def body(operation: Operation) -> None:
        async def fail() -> None:
            raise error

        await operation.step("fail", fail)

    record = await world.until(await world.begin(body), Status.FAILED)
    assert words in world.said_of(record)
    assert SECRET not in world.said_of(record)
    await world.until(await world.begin(succeed), Status.SUCCEEDED)


async def test_a_fault_of_our_own_is_an_apology_with_the_id_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_: Operation) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        record = await world.until(await world.begin(body), Status.FAILED)
    rendered = world.said_of(record)
    error_id = rendered.split("under `")[1][:8]
    assert "a fault in Signalbox itself" in rendered
    assert f"error {error_id}" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_an_effect_that_was_begun_before_is_looked_for_not_repeated(world: World) -> None:
    did: list[str] = []

    async def body(operation: Operation) -> None:
        async def do() -> str:
            did.append("done")
            return "done"

        async def recover() -> str:
            did.append("found")
            return "found"

        await operation.once("dispatch", do, recover)
        await world.services.operations.begin_side_effect(
            operation.number, "apply"
        )  # as an interrupted attempt leaves it
        await operation.once("apply", do, recover)
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
    assert did == ["done", "found"]


def asking(required: int, observed: list[str]) -> Body:
    async def body(operation: Operation) -> None:
        view = await operation.approved(
            f"binding of {operation.number}", required, lambda item: _open(operation, item, observed)
        )
        observed.append(view.outcome)
        await succeed(operation)

    return body


def _open(operation: Operation, view: common.ApprovalView, observed: list[str]) -> Message:
    observed.append(f"{view.id} {len(view.votes)}")
    buttons = common.decision_buttons(view, approve="Approve", question="Sure?")
    return kit.message("open", [buttons, common.approval_lines(view), common.requester_block(operation.head)])


async def test_an_approval_wakes_the_operation_and_votes_are_shown(world: World) -> None:
    observed: list[str] = []
    request = await world.begin(asking(2, observed))
    record = await world.until(request, Status.APPROVAL)
    approval_id = observed[0].split()[0]
    for person in ("U0LEE", "U0MAX"):
        await world.services.approvals.decide(approval_id, person, Outcome.APPROVED)
        await world.services.engine.wake(record.number)
        await asyncio.sleep(0.3)
    await world.until(request, Status.SUCCEEDED)
    assert observed == [f"{approval_id} 0", f"{approval_id} 1", "approved"]


async def test_an_approval_that_nobody_gives_expires_by_itself(world: World) -> None:
    observed: list[str] = []
    began = time.monotonic()
    await world.until(await world.begin(asking(1, observed), "staging"), Status.SUCCEEDED)
    assert observed[-1] == "expired"
    assert time.monotonic() - began >= 1
    assert any(line.entry.action == "expired" for line in await world.services.audit.read(newest=5))


async def test_a_channel_that_takes_no_message_starts_nothing_and_keeps_the_line_free(world: World) -> None:
    world.chat.refuses.add("C0CLOSED")
    record = await world.until(await world.begin(succeed, channel="C0CLOSED"), Status.FAILED)
    assert "not_in_channel" in record.activity
    await world.until(await world.begin(succeed), Status.SUCCEEDED)


async def test_an_environment_that_left_the_configuration_ends_what_waited_for_it(world: World) -> None:
    record = await world.until(await world.begin(succeed, "gone"), Status.FAILED)
    assert "gone is no longer in the configuration" in world.said_of(record)


class Room:
    """Whether SQLite's files may grow."""

    def take(self) -> None:
        sa.event.listen(sa.pool.Pool, "checkout", _no_room)

    def give(self) -> None:
        if sa.event.contains(sa.pool.Pool, "checkout", _no_room):
            sa.event.remove(sa.pool.Pool, "checkout", _no_room)
            sa.event.listen(sa.pool.Pool, "checkout", _room)


@pytest.fixture
def room() -> Iterator[Room]:
    here = Room()
    yield here
    here.give()
    sa.event.remove(sa.pool.Pool, "checkout", _room)


def _no_room(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA max_page_count = 1")  # that is: none beyond those that it has


def _room(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA max_page_count = 1073741823")


async def test_an_operation_waits_for_room_in_the_database(
    world: World, room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[int] = []

    async def grows() -> str:
        written.append(1)
        room.take()
        return "x" * 3_000_000

    async def body(operation: Operation) -> None:
        assert len(await operation.step("grows", grows)) == 3_000_000
        await succeed(operation)

    request = await world.begin(body)
    async with asyncio.timeout(60):
        while "is full" not in caplog.text:  # noqa: ASYNC110  -- the engine says it in its log alone
            await asyncio.sleep(0.05)
    room.give()
    record = await world.until(request, Status.SUCCEEDED, Status.FAILED)
    assert record.status is Status.SUCCEEDED
    assert written == [1], "what was done is written down once there is room, not done again"


async def test_a_step_is_done_again_when_the_database_was_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_outage, "FIRST_PAUSE", 0.01)
    tries: list[int] = []

    async def away_at_first() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseAwayError("the database is away")
        return len(tries)

    async def body(operation: Operation) -> None:
        assert await operation.step("away", away_at_first) == 3
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
    assert len(tries) == 3


async def test_what_is_under_way_is_not_stopped_because_the_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: int) -> str | None:
        raise DatabaseAwayError("the database is away")

    async def body(operation: Operation) -> None:
        monkeypatch.setattr(operation.services.operations, "cancel_requested", away)
        assert await operation.unless_cancelled(asyncio.sleep(1.2, "done")) == "done"
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
