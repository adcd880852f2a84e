"""No function of the store reads a whole table that grows: the work of each statement is counted in large tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.seals import Keyring
from bot.store.operation_tables import operations
from bot.store.retention import BOUNDS, Bound, Retention
from tests.filled_tables import NOW
from tests.migrated import migrated
from tests.unit.bot.conftest import KEY
from tests.unit.bot.store.large_tables import Meter, fill, growing_tables
from tests.unit.bot.store.store_functions import public_functions, record_calls
from tests.unit.bot.store.store_workload import Workload, clock

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bot.store.database import Store

SMALL = {
    **{name: "as many rows as the configuration or the code names" for name, b in BOUNDS.items() if b is Bound.FIXED},
    "signalbox_workers": "as many rows as processes had a name within the retention",
    "signalbox_run_slots": "as many rows as programs run or wait for room",
}
# Statements that read a whole table on purpose, by their beginning.
ON_PURPOSE = {
    "SELECT DISTINCT signalbox_children.operation": "a sweep lists what open operations have, from an index",
    "SELECT count(*) AS count_1, min(signalbox_outbox.created_at)": "what is undelivered is counted, from an index",
    "SELECT DISTINCT signalbox_artifacts.operation": "a sweep lists what open operations have, from an index",
    "SELECT signalbox_audit.number, signalbox_audit.at,": "the audit log is verified and exported in batches",
}


async def test_no_statement_reads_a_whole_table(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await _costly(store, monkeypatch, statistics=True) == []


async def test_sqlite_does_without_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite gathers them only where an administrator has it do so; PostgreSQL does so by itself."""
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite", Keyring.read(KEY))
    assert await _costly(store, monkeypatch, statistics=False) == []
    store.close()


def test_a_statement_that_reads_a_whole_table_is_noticed(store: Store) -> None:
    with store.engine.begin() as connection:
        fill(connection, operations)
    meter = Meter(store.engine)
    with store.engine.begin() as connection:
        connection.execute(sa.select(operations).where(operations.c.requester == "nobody")).all()
        connection.execute(sa.select(operations).where(operations.c.number == 7)).all()
    scan, search = (work.amount for work in meter.works if work.statement.startswith("SELECT"))
    assert scan > meter.most > search


async def _costly(store: Store, patch: pytest.MonkeyPatch, *, statistics: bool) -> list[str]:
    """The statements of the workload, in large tables, that read more than a fraction of a table."""
    with store.engine.begin() as connection:
        for table in growing_tables(frozenset(SMALL)):
            fill(connection, table)
    if statistics:
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    await Retention(store, clock).delete_unused(NOW - 86_400)  # counts what had ended before there were counts
    called = record_calls(patch)
    meter = Meter(store.engine)
    await Workload(store).run()
    missing = {name for _, _, name in public_functions()} - called
    assert not missing, "call them in the workload"
    costly = {work.statement: work.amount for work in meter.works if work.amount > meter.most}
    return [f"{costly[each]} {each}" for each in costly if not each.startswith(tuple(ON_PURPOSE))]
