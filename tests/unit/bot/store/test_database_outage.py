"""Temporary outages of the database, and faults that waiting would not end."""

from __future__ import annotations

import socket
import sqlite3
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.errors import DatabaseAwayError
from bot.slack.blocks import replies
from bot.store.database import Store, insert_new
from bot.store.migrations import migrate
from bot.store.operation_tables import side_effects
from tests.unit.bot.drawn import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres_server import PostgresServer

ROW = {"operation": 1, "name": "apply", "started_at": 1.0, "seal": ""}


def insert(connection: sa.Connection) -> bool:
    return insert_new(connection, side_effects, ROW)


async def test_a_server_that_does_not_listen_is_away() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        store = Store(f"postgresql+psycopg://signalbox:hunter2@127.0.0.1:{probe.getsockname()[1]}/signalbox")
        with pytest.raises(DatabaseAwayError, match=r"the database postgresql 127\.0\.0\.1/signalbox: ") as raised:
            await store.run(insert)
    assert "hunter2" not in str(raised.value)
    store.close()


@pytest.mark.needs_postgres
async def test_a_server_that_hung_up_meanwhile_is_asked_again(postgres: PostgresServer) -> None:
    store = Store(postgres.new_database().replace("postgresql:", "postgresql+psycopg:"))
    await migrate(store)
    assert await store.run(insert)
    other = sa.create_engine(postgres.url().replace("postgresql:", "postgresql+psycopg:"))
    with other.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s",
            {"name": str(store.engine.url.database)},
        )
    other.dispose()
    assert not await store.run(insert), "on a connection of its own, and what was written is there"
    store.close()


async def test_a_file_without_room_is_away_until_there_is(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await migrate(store)

    def large(connection: sa.Connection) -> None:
        for number in range(2_000):
            connection.execute(sa.insert(side_effects).values({**ROW, "name": "x" * 70, "operation": number}))

    def no_room(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        large(connection)

    with pytest.raises(DatabaseAwayError, match="full"):
        await store.run(no_room)
    store.close()
    store = Store(store.url, store.keyring)
    await store.run(large)
    store.close()


async def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "signalbox.sqlite").write_text("not a database, and long enough to be told so " * 100)
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    with pytest.raises(sa.exc.DatabaseError) as raised:
        await store.run(insert)
    assert isinstance(raised.value.orig, sqlite3.DatabaseError)
    store.close()


@pytest.mark.parametrize(
    # A table or column that is missing is that of another version: see test_migrations.py.
    "statement",
    ["not sql", "INSERT INTO signalbox_side_effects VALUES (NULL)"],
)
async def test_a_statement_that_is_wrong_is_a_fault(store: Store, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await store.run(lambda connection: connection.exec_driver_sql(statement).all())


def test_a_person_reads_what_happens_and_what_to_do() -> None:
    text = read(replies.database_away())
    for piece in ("could not write this down", "goes on by itself", "Wait a minute", "do this once more"):
        assert piece in text
