"""Rows of requests to start a workflow that the database alone has written: none starts a workflow again or hides a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from bot.errors import ForgedError
from bot.store import migrations, sealed
from bot.store.database import Store
from bot.store.run_claims import RunClaims, dispatches, run_claims

if TYPE_CHECKING:
    from tests.unit.bot.conftest import Clock

RUN, WORKFLOW = 9_000_000_001, "o/r d.yml main"
DOING = "does not verify.*Signalbox does not request it again"
TEXT = st.text("abc /.-", min_size=1, max_size=10)


@pytest.fixture
def claims(store: Store, clock: Clock) -> RunClaims:
    return RunClaims(store, clock)


async def attack(store: Store, statement: sa.Executable) -> None:
    await store.run(lambda connection: connection.execute(statement))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    changed=st.one_of(
        st.fixed_dictionaries({"workflow": TEXT}),
        st.fixed_dictionaries({"sent_at": st.floats(0, 2e9)}),
        st.fixed_dictionaries({"seal": st.text("abcAB_-", max_size=43)}),
    )
)
async def test_a_changed_request_is_refused_and_never_sent_again(
    store: Store, claims: RunClaims, clock: Clock, changed: dict[str, object]
) -> None:
    assume(changed.get("workflow") != WORKFLOW)
    assume(changed.get("sent_at") != clock.now)
    await attack(store, sa.delete(dispatches))
    assert await claims.begin_dispatch(1, WORKFLOW)
    assert await claims.was_dispatched(1)
    await attack(store, sa.update(dispatches).values(changed))
    with pytest.raises(ForgedError, match=DOING):
        await claims.was_dispatched(1)
    with pytest.raises(ForgedError, match=DOING):
        await claims.begin_dispatch(1, WORKFLOW)


async def test_a_request_with_the_seal_of_another_operation_is_refused(store: Store, claims: RunClaims) -> None:
    await claims.begin_dispatch(1, WORKFLOW)
    columns = [dispatches.c.workflow, dispatches.c.sent_at, dispatches.c.seal]
    copied = sa.select(sa.literal(2), *columns)
    names = ["operation", "workflow", "sent_at", sealed.COLUMN]
    await attack(store, sa.insert(dispatches).from_select(names, copied))
    with pytest.raises(ForgedError, match="the request of #2 to start a workflow does not verify"):
        await claims.was_dispatched(2)


async def test_a_forged_claim_hides_neither_a_run_nor_a_request_that_has_none(
    store: Store, claims: RunClaims, clock: Clock
) -> None:
    await claims.begin_dispatch(1, WORKFLOW)
    forged = {"run_id": RUN, "operation": 1, "claimed_at": clock.now, sealed.COLUMN: "forged"}
    await attack(store, sa.insert(run_claims).values(forged))
    assert await claims.claimed_runs([RUN]) == frozenset()
    assert await claims.rivals(2, WORKFLOW, clock.now - 30) == 1
    assert not await claims.begin_dispatch(2, WORKFLOW, alone_since=clock.now - 30)
    with pytest.raises(ForgedError):
        await claims.claim(2, RUN)


async def test_a_request_whose_record_does_not_verify_still_counts_as_a_rival(
    store: Store, claims: RunClaims, clock: Clock
) -> None:
    await claims.begin_dispatch(1, WORKFLOW)
    await attack(store, sa.update(dispatches).values({sealed.COLUMN: ""}))
    assert await claims.rivals(2, WORKFLOW, clock.now - 30) == 1


async def test_the_request_of_an_older_version_stays_and_is_not_sent_again(url: str, clock: Clock) -> None:
    store = _at_revision(url, "0003")
    row = {"operation": 1, "workflow": WORKFLOW, "sent_at": clock.now}
    columns = [dispatches.c.operation, dispatches.c.workflow, dispatches.c.sent_at]
    await attack(store, sa.insert(sa.table("signalbox_dispatches", *map(_bare, columns))).values(row))
    await migrations.migrate(store)
    claims = RunClaims(store, clock)
    with pytest.raises(ForgedError, match=DOING):
        await claims.was_dispatched(1)
    assert await claims.rivals(2, WORKFLOW, clock.now - 30) == 1
    assert await claims.begin_dispatch(2, WORKFLOW)
    assert await claims.was_dispatched(2)
    store.close()


def _bare(column: sa.Column[object]) -> sa.ColumnClause[object]:
    return sa.column(column.name, column.type)


def _at_revision(url: str, revision: str) -> Store:
    store = Store(url)
    with store.engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrations.__path__[0]).replace("%", "%%"))
        command.upgrade(config, revision)
    return store
