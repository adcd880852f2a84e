"""The messages of a queue against a model: in the end each says what it waits for; a change of turn changes a few."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from hypothesis import given, settings, strategies as st

from bot.operations.queue import DISTANCES, NEAR, UNDRAWN, QueueDisplay, waits_for
from bot.slack import client
from bot.slack.pacing import Lane, Pace
from bot.store.operations import Record, Status
from bot.store.preferences import Preference
from tests.unit.bot.drawn import read
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Posted

LONG = 100
# One for each distance that somebody passes, the next in the queue, and one for what the one ahead does.
MOST_FOR_A_TURN = len([distance for distance in DISTANCES if distance < LONG]) + 2


def record_of(number: int) -> Record:
    title, at = f"Deploy {number}", float(number)
    return Record(number, "deploy", "dev", "U0ANA", title, {}, "C0DEV", f"{number}.0", Status.WAITING, "", at, None)


@dataclass
class Queue:
    """The records, Slack at its pace, and the display that is under test."""

    display: QueueDisplay = field(default_factory=QueueDisplay)
    records: dict[int, Record] = field(default_factory=dict)
    says: dict[int, str] = field(default_factory=dict)
    updates: int = 0
    cancelled_at: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pace = Pace(client.UPDATE_INTERVAL, client.UPDATE_BURST, client.UPDATE_RESERVE)

    @property
    def services(self) -> Services:
        annotations = SimpleNamespace(values_of=self._nothing)
        outbox = SimpleNamespace(waits=self._none, replace=self._none, put=self._none)
        chat = SimpleNamespace(turn=self._pace.turn, update=self._update, redacted=dict, permalink=self._no_address)
        operations = SimpleNamespace(open_in=self._open_in, get=self._get, cancel_requested=self._nobody)
        parts = {
            "approvals": SimpleNamespace(votes_of=self._nothing), "annotations": annotations, "outbox": outbox,
            "chat": chat, "operations": operations, "audit": SimpleNamespace(record_once=self._none), "preferences": SimpleNamespace(of=self._unchosen), "config": SimpleNamespace(environments={}, builds={}),
        }  # fmt: skip
        return cast("Services", SimpleNamespace(**parts))

    async def _unchosen(self, people: Iterable[str]) -> dict[str, Preference]:
        return dict.fromkeys(people, Preference())

    async def _nothing(self, *_: object) -> tuple[str, ...]:
        return ()

    async def _none(self, *_: object) -> bool:
        return False

    async def _no_address(self, _: object) -> str:
        return ""

    async def _nobody(self, _: int) -> str:
        return "U0LEE"

    async def _get(self, number: int) -> Record:
        return self.records[number]

    async def _open_in(self, _: str) -> tuple[Record, ...]:
        return tuple(self.open())

    async def _update(self, at: Posted, message: Message, _: Lane | None) -> None:
        number = int(float(at.ts))
        self.updates += 1
        self.says[number] = read(message)
        if "cancelled by" in self.says[number]:
            self.cancelled_at.setdefault(number, now())

    def open(self) -> list[Record]:
        return [record for record in self.records.values() if not record.status.ended]

    def enqueue(self) -> None:
        number = len(self.records) + 1
        record, ahead = record_of(number), self.open()
        if ahead:
            text = waits_for(len(ahead), ahead[-1])
            self.display.announced(self.services, record, text)
            self.says[number] = f"queued behind {text}"
        else:
            record = replace(record, status=Status.RUNNING)
            self.says[number] = "running"
        self.records[number] = record

    def change(self, record: Record, status: Status, activity: str = "") -> None:
        self.records[record.number] = replace(record, status=status, activity=activity, ended_at=now())

    def turn(self) -> None:
        """The first ends, and the next begins."""
        first, *others = self.open()
        self.change(first, Status.SUCCEEDED)
        if others:
            self.change(others[0], Status.RUNNING)
            self.says[others[0].number] = "running"
        self.display.changed(self.services, "dev")

    def cancel(self, place: int) -> None:
        waiting = [record for record in self.open() if record.status is Status.WAITING]
        if waiting:
            record = waiting[place % len(waiting)]
            self.change(record, Status.CANCELLED)
            self.display.cancelled(self.services, record)

    def act(self, activity: str) -> None:
        for first in self.open()[:1]:
            self.change(first, first.status, activity)
            self.display.changed(self.services, "dev")

    def check(self) -> None:
        """Every message says how its operation stands; who is near reads of what exactly it waits."""
        queue = self.open()
        for position, (ahead, record) in enumerate(pairwise(queue), start=1):
            if record.status is Status.WAITING:
                expected = read_waits(waits_for(position, ahead))
                assert expected in self.says[record.number], (position, self.says[record.number])
                assert (f"#{ahead.number} " in self.says[record.number]) is (position <= NEAR)
        for record in self.records.values():
            if record.status is Status.CANCELLED:
                assert "cancelled by @lee" in self.says[record.number]


def read_waits(text: str) -> str:
    return text.partition(",")[0] if "(" in text else text


EVENTS = st.one_of(
    st.just(("enqueue", 0)),
    st.just(("enqueue", 0)),
    st.just(("turn", 0)),
    st.tuples(st.just("withdraw"), st.integers(0, 200)),
    st.tuples(st.just("act"), st.integers(0, 3)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 60)),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, LONG), st.lists(EVENTS, max_size=40))
def test_whatever_happens_in_the_end_every_message_says_what_it_waits_for(
    length: int, events: list[tuple[str, int]]
) -> None:
    async def go() -> None:
        queue = Queue()
        for _ in range(length):
            queue.enqueue()
        await queue.display.drawn()
        for event, value in events:
            match event:
                case "enqueue":
                    queue.enqueue()
                case "turn" if queue.open():
                    queue.turn()
                case "withdraw":
                    queue.cancel(value)
                case "act":
                    queue.act(f"does {value}")
                case "restart":
                    await queue.display.drawn()
                    queue.display = QueueDisplay()
                    queue.display.changed(queue.services, "dev")  # as each start does
                    await asyncio.sleep(0)  # it reads the queue at once; a turn takes longer
                case "wait":
                    await asyncio.sleep(value)
        await queue.display.drawn()
        queue.check()

    run_virtually(go())


def test_turns_while_the_first_messages_are_drawn_after_a_restart_leave_none_behind() -> None:
    async def go() -> None:
        queue = Queue()
        for _ in range(LONG):
            queue.enqueue()
        await queue.display.drawn()
        queue.display = QueueDisplay()
        queue.display.changed(queue.services, "dev")
        await asyncio.sleep(0)
        for _ in range(UNDRAWN + 3):
            queue.turn()
        await queue.display.drawn()
        queue.check()

    run_virtually(go())


def test_a_change_of_turn_in_a_queue_of_a_hundred_changes_a_few_messages_and_waits_for_none() -> None:
    async def go() -> tuple[int, list[int]]:
        queue, counts = Queue(), list[int]()
        for _ in range(LONG):
            queue.enqueue()
        for _ in range(LONG - 1):
            before, began = queue.updates, now()
            queue.turn()
            assert now() == began
            await queue.display.drawn()
            counts.append(queue.updates - before)
            queue.check()
        return queue.updates, counts

    total, counts = run_virtually(go())
    assert max(counts) <= MOST_FOR_A_TURN
    assert total < LONG * 4


def test_turns_that_follow_each_other_quickly_are_drawn_together() -> None:
    async def go() -> int:
        queue = Queue()
        for _ in range(LONG):
            queue.enqueue()
        for _ in range(LONG // 2):
            queue.turn()
        await queue.display.drawn()
        queue.check()
        return queue.updates

    assert run_virtually(go()) <= LONG // 2


def test_ten_withdrawals_at_once_are_drawn_before_the_queue_and_cost_a_few_more() -> None:
    async def go() -> tuple[int, float]:
        queue = Queue()
        for _ in range(LONG):
            queue.enqueue()
        began = now()
        for place in range(10):
            queue.cancel(place * 9)
        await queue.display.drawn()
        queue.check()
        return queue.updates, max(queue.cancelled_at.values()) - began

    updates, seconds = run_virtually(go())
    assert updates <= 10 + 10 * len(DISTANCES)
    assert seconds <= 10 * client.UPDATE_INTERVAL
