"""Pages of the history together are what was asked for, each once, newest first; compared with a plain filter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config.targets import without_lane
from bot.redaction import Redactor
from bot.store.audit import Audit, Entry
from bot.store.history import History, Page, Position, Wanted, time_of
from bot.store.operations import Operations, Record, Request, Status
from tests.migrated import migrated
from tests.unit.bot.store.audit_tampering import drop_triggers

if TYPE_CHECKING:
    import pytest

    from bot.store.database import Store

PEOPLE, KINDS = ("U0ANA", "U0LEE"), ("deploy", "plan")
PLACES = ("dev", "prod", "prod/dns", "prod/run 47", "image builds/run 4711")
TARGETS = ("dev", "prod", "prod/dns", "image builds")
ACTIONS = ("approved", "refused", "dispatched", "/infra status")


class Event(NamedTuple):
    """An operation (`kind`), or an entry (`action`) about the newest operation or about none."""

    at: int
    place: str
    person: str
    kind: str = ""
    action: str = ""
    about_it: bool = False
    listed: bool = True


operation = st.builds(
    Event,
    st.integers(0, 3),
    st.sampled_from(PLACES),
    st.sampled_from(PEOPLE),
    kind=st.sampled_from(KINDS),
    action=st.just(""),
    about_it=st.just(False),
    listed=st.booleans(),
)
entry = st.builds(
    Event,
    st.integers(0, 3),
    st.sampled_from(PLACES),
    st.sampled_from((*PEOPLE, "signalbox")),
    kind=st.just(""),
    action=st.sampled_from(ACTIONS),
    listed=st.just(True),
    about_it=st.booleans(),
)
wanted = st.builds(
    Wanted,
    targets=st.none() | st.frozensets(st.sampled_from(TARGETS)),
    person=st.sampled_from(("", *PEOPLE)),
    kinds=st.none() | st.frozensets(st.sampled_from(KINDS)),
    actions=st.none() | st.frozensets(st.sampled_from(ACTIONS)),
    since=st.integers(0, 20).map(float),
)


class World:
    """What has happened, in the database and as a list."""

    def __init__(self, store: Store) -> None:
        self.now = 0.0
        self.operations = Operations(store, self.clock)
        self.audit = Audit(store, self.clock, Redactor(), store.keyring)
        self.history = History(store, self.audit)
        self.number: int | None = None
        self.events = list[tuple[float, str, Event]]()

    def clock(self) -> float:
        return self.now

    async def happen(self, event: Event) -> None:
        self.now += event.at
        if event.kind:
            request = Request(f"key {len(self.events)}", event.kind, event.place, event.person, "Title", "C1", {})
            self.number = await self.operations.create(request)
            await self.audit.record(Entry(event.person, event.kind, event.place, self.number))
            if event.listed:
                await self.operations.set_message(self.number, "C1", "1.1")
            name = f"operation {self.number}"
        else:
            number = self.number if event.about_it else None
            await self.audit.record(
                Entry(event.person, event.action, event.place, number, {"n": str(len(self.events))})
            )
            name = f"entry {len(self.events)}"
        self.events.append((self.now, name, event))

    def expected(self, asked: Wanted) -> set[str]:
        return {name for at, name, event in self.events if at >= asked.since and self._is_wanted(event, asked)}

    def _is_wanted(self, event: Event, asked: Wanted) -> bool:
        if asked.targets is not None and without_lane(event.place) not in asked.targets:
            return False
        if asked.person not in ("", event.person):
            return False
        if event.kind:
            return event.listed and (asked.kinds is None or event.kind in asked.kinds)
        is_step = event.person == "signalbox" and event.about_it and self.number is not None
        if event.action == "/infra status" or is_step:
            return False
        return asked.actions is None or event.action in asked.actions


def name_of(item: object) -> str:
    if isinstance(item, Record):
        return f"operation {item.number}"
    return f"entry {item.entry.detail['n']}"  # type: ignore[attr-defined]


async def pages(history: History, asked: Wanted, most: int) -> list[Page]:
    read: list[Page] = []
    below: Position | None = None
    while not read or below:
        read.append(await history.page(asked, KINDS, most, below))
        below = read[-1].rest
    return read


@given(
    first=operation, events=st.lists(operation | entry, max_size=25), questions=st.lists(wanted, min_size=5, max_size=9)
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_pages_together_are_what_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, first: Event, events: list[Event], questions: list[Wanted]
) -> None:
    async def go() -> None:
        store = await migrated(f"sqlite:///{tmp_path_factory.mktemp('history')}/signalbox.sqlite")
        sa.event.listen(store.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        store.engine.dispose()
        world = World(store)
        for event in (first, *events):
            await world.happen(event)
        for most, asked in enumerate(questions, 1):
            check(await pages(world.history, asked, most), world.expected(asked), most)
        store.close()

    asyncio.run(go())


def check(read: list[Page], expected: set[str], most: int) -> None:
    items = [item for page in read for item in page.items]
    names = [name_of(item) for item in items]
    assert len(names) == len(set(names))
    assert set(names) == expected
    assert [time_of(item) for item in items] == sorted((time_of(item) for item in items), reverse=True)
    assert all(len(page.items) == most for page in read[:-1])


async def test_nothing_is_lost_between_two_pages_where_clocks_differ(store: Store) -> None:
    world = World(store)
    for at in (100.0, 90.0, 105.0, 95.0, 101.0, 80.0):
        world.now = at
        await world.happen(Event(0, "prod", "U0ANA", kind="deploy"))
    names = [name_of(item) for page in await pages(world.history, Wanted(), 2) for item in page.items]
    assert names == [f"operation {number}" for number in range(6, 0, -1)]


async def test_the_steps_of_an_operation_say_which_entry_was_changed(store: Store) -> None:
    world = World(store)
    await world.happen(Event(1, "prod", "U0ANA", kind="deploy"))
    await world.happen(Event(1, "prod", "signalbox", action="dispatched", about_it=True))
    await world.happen(Event(1, "dev", "U0LEE", action="refused"))
    assert [(each.entry.action, intact) for each, intact in await world.history.steps(1)] == [
        ("deploy", True),
        ("dispatched", True),
    ]

    def tamper(connection: object) -> None:
        drop_triggers(connection)  # type: ignore[arg-type]
        connection.exec_driver_sql("UPDATE signalbox_audit SET actor = 'U0MAX' WHERE number = 2")  # type: ignore[attr-defined]

    await store.run(tamper)
    assert [intact for _, intact in await world.history.steps(1)] == [True, False]


async def test_the_ends_of_operations_are_read_together(store: Store) -> None:
    world = World(store)
    for _ in range(2):
        await world.happen(Event(1, "prod", "U0ANA", kind="deploy"))
    await world.audit.record(
        Entry("signalbox", "ended", "prod", 2, {"status": Status.FAILED.value, "outcome": "failed"})
    )
    assert await world.history.ends([1, 2]) == {2: {"status": "failed", "outcome": "failed"}}
    assert await world.history.ends([]) == {}
