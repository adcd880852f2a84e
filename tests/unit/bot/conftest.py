"""Real databases: an SQLite file each, and a PostgreSQL server that the session shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.seals import Keyring
from bot.settings import database_url
from tests.migrated import migrated
from tests.postgres_server import PostgresServer, running_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bot.store.database import Store


KEY = bytes(range(32)).hex()  # of a SIGNALBOX_KEY


class Clock:
    """Unix seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, as SQLAlchemy takes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/signalbox.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    address = database_url(server.url(), "")
    engine = sa.create_engine(address)
    with engine.begin() as connection:  # quicker than a database for each test
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        connection.exec_driver_sql("DROP SCHEMA IF EXISTS dbos CASCADE")
    engine.dispose()
    return address


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    made = await migrated(url, Keyring.read(KEY))
    yield made
    made.close()
