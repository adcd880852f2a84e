"""Attack: somebody drops, disables or empties the triggers of the audit log, and then changes whatever they like."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from bot import audit_commands
from bot.config import read
from bot.errors import NothingThereError
from bot.store.audit_table import TRIGGERS, audit, missing_triggers
from bot.store.audit_verification import read_all, verify
from tests.attacks.test_audit_log import KEYRING, Log
from tests.migrated import migrated
from tests.unit.bot.conftest import Clock, clock, postgres, store, url
from tests.unit.bot.store.audit_tampering import drop_triggers
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from bot.store.database import Store

__all__ = ["clock", "postgres", "store", "url"]  # fixtures
ROWS = 6
NAMES = [name for names in TRIGGERS.values() for name in names]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "at": st.floats(0, 4e9),
    "actor": st.text("UO0ANAX", max_size=9),
    "action": st.text("deploy 0123456789", max_size=12),
    "environment": st.sampled_from(["", "prod", "prod/dns", "PROD"]),
    "operation": st.none() | st.integers(0, 9),
    "detail": st.dictionaries(st.sampled_from(["ref", "x"]), st.sampled_from(["main", "evil", 1, None])),
    "previous": st.text("0123456789abcdef", min_size=64, max_size=64),
    "digest": st.text("0123456789abcdef", min_size=64, max_size=64),
    "seal": st.none() | st.text("Aa0-_", min_size=43, max_size=43),
}


@given(st.integers(1, ROWS), st.sampled_from(sorted(VALUES)), st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_changed_field_of_any_entry_is_found_and_the_entry_named(
    tmp_path_factory: pytest.TempPathFactory, number: int, column: str, data: st.DataObject
) -> None:
    value = data.draw(VALUES[column])

    async def go() -> None:
        log = Log(await migrated(f"sqlite:///{tmp_path_factory.mktemp('tampered')}/signalbox.sqlite"), Clock())
        await log.add(ROWS)
        same = sa.select(audit.c[column]).where(audit.c.number == number)
        before = await log.store.run(lambda connection: connection.scalar(same))
        changed = sa.update(audit).where(audit.c.number == number).values({column: value})
        await log.change(lambda connection: connection.execute(changed))
        fault = verify(read_all(log.store.engine), KEYRING, None).fault
        assert fault.startswith(f"entry {number} ") if before != value else fault == ""
        log.store.close()

    asyncio.run(go())


@pytest.mark.parametrize("name", NAMES)
async def test_a_missing_trigger_is_named(store: Store, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    await Log(store, Clock()).add(1)
    table = "" if store.file else f" ON {audit.name}"
    of_it = name in TRIGGERS[store.engine.dialect.name]
    await store.run(lambda connection: connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{table}"))
    assert await store.run(missing_triggers) == ((name,) if of_it else ())
    assert audit_commands.verify_log(store, KEYRING, read(CONFIG), None) == 0
    output = capsys.readouterr().out
    assert ("WARNING: the database no longer refuses" in output) == of_it


async def test_a_disabled_or_empty_trigger_is_missing(store: Store) -> None:
    assert await store.run(missing_triggers) == ()
    name = NAMES[0]
    statements = (
        (f"DROP TRIGGER {name}", f"CREATE TRIGGER {name} BEFORE DELETE ON {audit.name} BEGIN SELECT 1; END")
        if store.file
        else (f"ALTER TABLE {audit.name} DISABLE TRIGGER ALL",)
    )
    for statement in statements:
        await store.run(lambda connection, text=statement: connection.exec_driver_sql(text))  # type: ignore[misc]
    assert await store.run(missing_triggers) == ((name,) if store.file else TRIGGERS["postgresql"])


async def test_a_dropped_table_is_no_audit_log(store: Store) -> None:
    await Log(store, Clock()).add(1)

    def drop(connection: sa.Connection) -> None:
        drop_triggers(connection)
        connection.exec_driver_sql(f"DROP TABLE {audit.name}")

    await store.run(drop)
    with pytest.raises(NothingThereError):
        audit_commands.verify_log(store, KEYRING, read(CONFIG), None)
