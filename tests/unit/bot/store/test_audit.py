"""The audit log: a change, a removal and an insertion are detected; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.redaction import Redactor
from bot.store import audit as audit_log
from bot.store.audit import Audit, Entry
from bot.store.audit_verification import first_fault, read_all
from bot.store.database import Store
from tests.unit.bot.store.audit_tampering import drop_triggers

if TYPE_CHECKING:
    from tests.unit.bot.conftest import Clock

ENTRY = Entry("U0ANA", "deploy", "staging", 1, {"ref": "main"})
SECRET = "hunter2-and-more"


@pytest.fixture
def log(store: Store, clock: Clock) -> Audit:
    return Audit(store, clock, Redactor([SECRET]))


async def whole(store: Store) -> str | None:
    return first_fault(store.engine)


async def change(store: Store, statement: Any) -> None:
    """Change the log as its administrator could: the triggers are dropped first."""

    def work(connection: sa.Connection) -> None:
        drop_triggers(connection)
        assert connection.execute(statement).rowcount in (1, -1)  # not every driver counts what is inserted

    await store.run(work)


async def test_entries_are_numbered_dated_and_chained(store: Store, log: Audit, clock: Clock) -> None:
    assert await whole(store) is None
    await log.record(ENTRY)
    clock.now += 1.25
    await log.record(Entry("signalbox", "ended", "staging", 1, {"status": "succeeded"}))
    newest, oldest = await log.read(newest=5)
    assert (oldest.number, oldest.entry, oldest.previous) == (1, ENTRY, "0" * 64)
    assert (newest.number, newest.at, newest.previous) == (2, clock.now, oldest.digest)
    assert await whole(store) is None


async def test_many_at_once_keep_their_order_and_leave_no_gap(store: Store, log: Audit) -> None:
    await asyncio.gather(*(log.record(Entry("U0ANA", f"click {number}")) for number in range(200)))
    lines = await log.read(newest=1_000)
    assert [line.entry.action for line in reversed(lines)] == [f"click {number}" for number in range(200)]
    assert [line.number for line in reversed(lines)] == list(range(1, 201))
    assert await whole(store) is None


async def test_two_processes_write_a_single_chain(url: str, store: Store, log: Audit, clock: Clock) -> None:
    other_store = Store(url)
    other = Audit(other_store, clock, Redactor())
    await asyncio.gather(*([log, other][number % 2].record(Entry("U0ANA", f"{number}")) for number in range(40)))
    both = [(store, log), (other_store, other)]
    await asyncio.gather(*(where.run(partial(who.append, entry=ENTRY)) for where, who in both * 5))
    other_store.close()
    assert await whole(store) is None
    assert len(await log.read(newest=100)) == 50


async def test_an_entry_is_stored_with_the_change_of_its_transaction_or_neither_is(store: Store, log: Audit) -> None:
    def work(connection: sa.Connection) -> None:
        log.append(connection, ENTRY)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.run(work)
    assert await log.read(newest=1) == ()


@pytest.mark.parametrize(
    "values",
    [
        {"actor": "U0MAX"},
        {"action": "plan"},
        {"detail": {"ref": "evil"}},
        {"at": 1.0},
        {"operation": None},
        {"digest": "0" * 64},
    ],
)
async def test_a_changed_entry_is_detected(store: Store, log: Audit, values: dict[str, Any]) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    await change(store, sa.update(audit_log.audit).where(audit_log.audit.c.number == 2).values(values))
    assert await whole(store) == "entry 2 was changed"


async def test_an_entry_that_was_changed_with_its_digest_is_detected_by_the_next(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    line = (await log.read(newest=2))[1]
    forged = {**audit_log.as_json(line), "actor": "U0MAX"}
    await change(
        store,
        sa.update(audit_log.audit)
        .where(audit_log.audit.c.number == 2)
        .values(actor="U0MAX", digest=audit_log.digest_of(forged)),
    )
    assert await whole(store) == "entry 3 was changed"


async def test_a_removed_entry_is_detected(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    await change(store, sa.delete(audit_log.audit).where(audit_log.audit.c.number == 2))
    assert await whole(store) == "entry 2 is missing"


async def test_an_inserted_entry_is_detected(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    last = (await log.read(newest=1))[0]
    row = {**audit_log.as_json(last), "number": 4, "actor": "U0MAX"}
    del row["time"]  # it is no column
    await change(store, sa.insert(audit_log.audit).values({**row, "digest": audit_log.digest_of(row)}))
    assert await whole(store) == "entry 4 was changed"


async def test_an_export_can_be_checked_by_others(store: Store, log: Audit) -> None:
    await log.record(
        Entry("U0ANA", "déploy ✓", "staging", None, {"list": [1, 2.5, None, True], "nested": {"b": "ü", "a": 1}})
    )
    lines = [json.dumps(audit_log.as_json(item)) for item in read_all(store.engine)]
    read = json.loads(lines[0])
    assert audit_log.digest_of(read) == read["digest"]
    assert read["action"] == "déploy ✓"


async def test_no_secret_is_stored(store: Store, log: Audit) -> None:
    await log.record(Entry("U0ANA", "plan", detail={"why": f"password {SECRET}", "number": 3}))
    assert (await log.read(newest=1))[0].entry.detail == {"why": "password [redacted]", "number": 3}
    assert await whole(store) is None


async def test_an_entry_that_cannot_be_written_raises_where_it_is_awaited(store: Store, log: Audit) -> None:
    with pytest.raises(TypeError):
        await log.record(Entry("U0ANA", "plan", detail={"no JSON": object()}))
    await log.record(ENTRY)
    assert len(await log.read(newest=5)) == 1
