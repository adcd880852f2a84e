"""The audit log: a change, a removal and an insertion are detected; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bot.errors import ForgedError
from bot.redaction import Redactor
from bot.seals import Keyring
from bot.store import audit as audit_log
from bot.store.audit import Audit, Entry, request_detail
from bot.store.audit_export import as_json
from bot.store.audit_table import audit
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
    await change(store, sa.update(audit).where(audit.c.number == 2).values(values))
    assert await whole(store) == "entry 2 was changed"


async def test_an_entry_that_was_changed_with_its_digest_is_detected_by_the_next(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    line = (await log.read(newest=2))[1]
    forged = {**as_json(line), "actor": "U0MAX"}
    await change(
        store,
        sa.update(audit).where(audit.c.number == 2).values(actor="U0MAX", digest=audit_log.digest_of(forged)),
    )
    assert await whole(store) == "entry 3 was changed"


async def test_a_removed_entry_is_detected(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    await change(store, sa.delete(audit).where(audit.c.number == 2))
    assert await whole(store) == "entry 2 is missing"


async def test_an_inserted_entry_is_detected(store: Store, log: Audit) -> None:
    for _ in range(3):
        await log.record(ENTRY)
    last = (await log.read(newest=1))[0]
    row = {**as_json(last), "number": 4, "actor": "U0MAX"}
    del row["time"]  # it is no column
    await change(store, sa.insert(audit).values({**row, "digest": audit_log.digest_of(row)}))
    assert await whole(store) == "entry 4 was changed"


async def test_an_export_can_be_checked_by_others(store: Store, log: Audit) -> None:
    await log.record(
        Entry("U0ANA", "déploy ✓", "staging", None, {"list": [1, 2.5, None, True], "nested": {"b": "ü", "a": 1}})
    )
    lines = [json.dumps(as_json(item)) for item in read_all(store.engine)]
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


async def requested(store: Store, clock: Clock, *, key: str) -> Audit:
    """A log of an entry each 100 seconds: `same` begins #1 in entry 31, and #2, requested then too, has entry 61."""
    log = Audit(store, clock, Redactor(), Keyring([b"k" * 32]))
    accepted = clock.now + 3_000
    for number in range(61):
        operation, detail = {
            30: (1, request_detail("same", accepted)),
            60: (2, request_detail(key, accepted)),
        }.get(number, (None, {}))
        await log.record(Entry("U0ANA", "entry", operation=operation, detail=detail))
        clock.now += 100
    return Audit(store, clock, Redactor(), Keyring([b"k" * 32]))


async def test_a_request_begins_one_operation_and_the_log_is_read_from_its_time_on(store: Store, clock: Clock) -> None:
    log = await requested(store, clock, key="other")
    await change(store, sa.update(audit).where(audit.c.number == 23).values(actor="U0EVE"))
    assert [entry.operation for entry in await log.of_operation(2)] == [2]
    await change(store, sa.update(audit).where(audit.c.number == 24).values(actor="U0EVE"))
    with pytest.raises(ForgedError, match="Entry 24 of the audit log does not verify"):
        await log.of_operation(2)


async def test_a_request_that_has_begun_another_operation_is_found(store: Store, clock: Clock) -> None:
    log = await requested(store, clock, key="same")
    with pytest.raises(ForgedError, match="the request of #2 has begun #1 already"):
        await log.of_operation(2)


@pytest.mark.parametrize("number", [24, 25, 30, 31, 32, 60, 61])
@pytest.mark.parametrize("tampered", ["at = 0", "at = 9e12", "operation = NULL, at = 0", "detail = '{}'", ""])
async def test_no_entry_since_the_request_can_be_hidden(store: Store, clock: Clock, number: int, tampered: str) -> None:
    log = await requested(store, clock, key="same")
    statement = f"UPDATE signalbox_audit SET {tampered}" if tampered else "DELETE FROM signalbox_audit"  # noqa: S608
    await change(store, sa.text(f"{statement} WHERE number = {number}"))
    if number == 61 and tampered in ("", "operation = NULL, at = 0"):
        assert await log.of_operation(2) == ()  # which bot/operations/authority.py refuses
        return
    with pytest.raises(ForgedError):
        await log.of_operation(2)


async def test_an_entry_of_an_older_version_names_no_request_and_a_request_without_a_time_is_refused(
    store: Store, clock: Clock
) -> None:
    log = Audit(store, clock, Redactor())
    await log.record(ENTRY)
    await log.record(Entry("U0ANA", "deploy", "dev", 2, request_detail("old", 0.0)))
    assert await log.of_operation(1) == (ENTRY,)
    with pytest.raises(ForgedError, match="older version"):
        await log.of_operation(2)
