"""Every table whose rows decide: what Signalbox sealed verifies after any database, and any change of a field is refused."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import bot.store
from bot.seals import Keyring
from bot.store import sealed
from bot.store.database import Store, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

for module in pkgutil.iter_modules(bot.store.__path__, "bot.store."):
    importlib.import_module(module.name)  # each defines its tables

KEYRING = Keyring([bytes(range(32))])
TABLES = sorted(table.name for table in metadata.tables.values() if sealed.COLUMN in table.columns)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)  # what PostgreSQL takes
JSON = st.dictionaries(TEXT, TEXT, max_size=2) | st.lists(st.tuples(TEXT, st.integers(0, 9)).map(list), max_size=2)


def values_of(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    """What a column may hold."""
    match column.type:
        case sa.Double():
            values: st.SearchStrategy[Any] = st.floats(0, 2e9) | st.integers(0, 2_000_000_000)
        case sa.Integer():  # BigInteger is one
            values = st.integers(0, 2_000_000_000)
        case sa.Boolean():
            values = st.booleans()
        case sa.JSON():
            values = JSON
        case _:
            values = TEXT
    return values | st.none() if column.nullable else values


def rows_of(table: sa.Table) -> st.SearchStrategy[dict[str, Any]]:
    names = [column for column in table.columns if column.name != sealed.COLUMN]
    return st.fixed_dictionaries({column.name: values_of(column) for column in names})


def covered(table: sa.Table) -> list[str]:
    """The columns that the seal covers."""
    unsealed = (sealed.COLUMN, *table.info.get(sealed.UNSEALED, ()))
    return [column.name for column in table.columns if column.name not in unsealed]


def same(one_value: Any, other_value: Any) -> bool:
    """Whether a database holds the same for both."""
    return type(one_value) is type(other_value) and bool(one_value == other_value)


def test_what_authorizes_is_sealed() -> None:
    assert set(TABLES) >= {
        "signalbox_operations",
        "signalbox_approvals",
        "signalbox_votes",
        "signalbox_side_effects",
        "signalbox_annotations",
        "signalbox_hcp_runs",
        "signalbox_run_claims",
        "signalbox_dispatches",
        "signalbox_deployments",
        "signalbox_closures",
        "signalbox_host_keys",
        "signalbox_removal_candidates",
        "signalbox_log_warning_dismissals",
    }


@pytest.mark.parametrize("name", TABLES)
@settings(deadline=None)
@given(data=st.data())
def test_a_row_with_any_field_changed_is_refused(name: str, data: st.DataObject) -> None:
    table = metadata.tables[name]
    row = sealed.sealed(KEYRING, table, data.draw(rows_of(table)))
    assert sealed.verifies(KEYRING, table, row)
    changed = data.draw(st.sampled_from([*covered(table), sealed.COLUMN]))
    value = data.draw(TEXT if changed == sealed.COLUMN else values_of(table.columns[changed]))
    stored = float(value) if isinstance(table.columns[changed].type, sa.Double) and value is not None else value
    before = float(row[changed]) if isinstance(stored, float) and row[changed] is not None else row[changed]
    assume(not same(stored, before))
    assert not sealed.verifies(KEYRING, table, {**row, changed: value})


@pytest.mark.parametrize("name", TABLES)
@settings(deadline=None)
@given(data=st.data())
def test_the_seal_of_another_row_or_table_is_refused(name: str, data: st.DataObject) -> None:
    table, other = metadata.tables[name], metadata.tables[data.draw(st.sampled_from(TABLES))]
    row = sealed.sealed(KEYRING, table, data.draw(rows_of(table)))
    moved = sealed.sealed(KEYRING, other, data.draw(rows_of(other)))
    assume(other is not table or any(not same(row[column], moved[column]) for column in covered(table)))
    assume(moved[sealed.COLUMN] != row[sealed.COLUMN])
    assert not sealed.verifies(KEYRING, table, {**row, sealed.COLUMN: moved[sealed.COLUMN]})


@pytest.mark.slow("writes and reads rows of every table, on PostgreSQL as well")
@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_what_a_database_returns_verifies(name: str, store: Store, data: st.DataObject) -> None:
    table = metadata.tables[name]
    row = sealed.sealed(KEYRING, table, data.draw(rows_of(table)))

    def work(connection: sa.Connection) -> Mapping[str, Any] | sa.RowMapping:
        with connection.begin_nested() as undone:  # what no trigger forbids, as a deletion of the row would be
            connection.execute(sa.insert(table).values(row))
            read = connection.execute(sa.select(table)).mappings().one()
            undone.rollback()
        return read

    sealed.check(KEYRING, table, await store.run(work), "the row")
