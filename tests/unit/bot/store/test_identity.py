"""The identity of the database: another one, an empty, a damaged and a missing one are refused in words."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.engine.schema import prepare
from bot.errors import ConfigError
from bot.store import identity, migrations
from bot.store.database import Store
from bot.store.migrations import migrate
from bot.store.operations import Operations, Request

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = Request("key", "deploy", "dev", "U0ANA", "Deploy dev " * 15, "C0OPS", {})


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    path = tmp_path / "var"
    path.mkdir(mode=0o700)
    return path


async def started(url: str, workplace: Path) -> str:
    store = Store(url)
    try:
        return await prepare(store, workplace)
    finally:
        store.close()


async def filled(url: str, workplace: Path) -> Path:
    """A database that has been used; its file."""
    store = Store(url)
    await prepare(store, workplace)
    for number in range(200):
        await Operations(store, lambda: 1.0).create(replace(REQUEST, key=f"key {number}"))
    store.close()
    return store.file or Path()


async def test_the_first_start_gives_both_the_same_identity_and_later_ones_keep_it(url: str, workplace: Path) -> None:
    first = await started(url, workplace)
    file = workplace / identity.FILE
    assert file.read_text() == f"{first}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await started(url, workplace) == first
    assert [path.name for path in workplace.iterdir()] == [identity.FILE]


async def test_several_first_starts_at_once_agree(url: str, workplace: Path) -> None:
    assert len(set(await asyncio.gather(*(started(url, workplace) for _ in range(4))))) == 1


async def test_another_directory_of_the_same_database_learns_its_identity(url: str, workplace: Path) -> None:
    first = await started(url, workplace)
    second = workplace.parent / "second"
    second.mkdir()
    assert await started(url, second) == first
    assert (second / identity.FILE).read_text() == f"{first}\n"


async def test_another_database_is_refused_with_both_ways_on(url: str, workplace: Path) -> None:
    (workplace / identity.FILE).write_text("0123\n")
    store = Store(url)
    await migrate(store)
    identity.claim(store, workplace.parent)
    with pytest.raises(ConfigError) as refused:
        await prepare(store, workplace)
    store.close()
    assert str(refused.value) == (
        f"database: the database {store.location} is not the one that {workplace} belongs to: it is another one. "
        f"Nothing was started. Restore that database, or delete {workplace / identity.FILE} to start anew: "
        "then operations that waited are forgotten"
    )


async def test_a_database_that_lost_its_tables_is_refused_and_left_as_it_is(url: str, workplace: Path) -> None:
    await started(url, workplace)
    if url.startswith("sqlite"):
        url = url.replace("signalbox.sqlite", "other.sqlite")
        sqlite3.connect(url.removeprefix("sqlite:///")).execute("CREATE TABLE foreign_table (id INTEGER)").close()
    else:
        store = Store(url)
        with store.engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        store.close()
    with pytest.raises(ConfigError, match=r"belongs to: it is empty\. Nothing was started"):
        await started(url, workplace)
    store = Store(url)
    with store.engine.begin() as connection:
        assert not migrations.has_tables(connection)
    store.close()


async def test_a_backup_from_before_there_were_identities_gets_the_one_of_the_directory(
    url: str, workplace: Path
) -> None:
    first = await started(url, workplace)
    store = Store(url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM signalbox_identity")
    with pytest.raises(ConfigError, match="it is empty"):
        await prepare(store, workplace)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE signalbox_identity")
        connection.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '0003'")  # noqa: S608  -- a constant
    identity.check(store, workplace)
    with store.engine.begin() as connection:
        identity.identities.create(connection)
    assert identity.claim(store, workplace) == first
    store.close()


def tables_of(file: Path) -> set[str] | None:
    """The tables in the file; None without a file that SQLite reads."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError:
        return None


def _remove(file: Path) -> None:
    file.unlink()


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _text(file: Path) -> None:
    file.write_text("this is no database " * 500)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _new(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE signalbox_revision (version_num TEXT)")


@pytest.mark.parametrize("harm", [_remove, _empty, _text, _cut, _new])
async def test_whatever_happened_to_the_file_is_said_and_nothing_is_made_in_its_place(
    workplace: Path, harm: Callable[[Path], None]
) -> None:
    url = f"sqlite:///{workplace}/signalbox.sqlite"
    file = await filled(url, workplace)
    harm(file)
    before = tables_of(file)
    with pytest.raises(ConfigError, match="Nothing was started"):
        await started(url, workplace)
    assert tables_of(file) == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_page_that_was_overwritten_is_found_or_the_database_is_whole(workplace: Path, data: st.DataObject) -> None:
    """SQLite's own integrity check, on a copy without the bot, says what the start has to refuse."""
    url = f"sqlite:///{workplace}/signalbox.sqlite"
    if not (workplace / "kept").exists():
        shutil.copy(asyncio.run(filled(url, workplace)), workplace / "kept")
    file = workplace / "signalbox.sqlite"
    shutil.copy(workplace / "kept", file)
    pages = file.stat().st_size // 4096
    page = data.draw(st.integers(1, pages - 1))
    content = bytearray(file.read_bytes())
    content[page * 4096 : page * 4096 + 200] = data.draw(st.binary(min_size=200, max_size=200))
    file.write_bytes(content)
    copy = workplace / "copy"
    shutil.copy(file, copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            whole = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            whole = False
    store = Store(url)
    assert bool(identity.damage(store)) == (not whole)
    store.close()
    try:
        asyncio.run(started(url, workplace))
        refused = ""
    except ConfigError as error:
        refused = str(error)
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    assert whole or "is damaged" in refused


async def test_what_happens_to_the_file_of_a_running_bot_is_noticed(workplace: Path) -> None:
    url = f"sqlite:///{workplace}/signalbox.sqlite"
    file = await filled(url, workplace)
    store = Store(url)
    mine, inode = await prepare(store, workplace), identity.inode_of(store)
    assert identity.difference(store, mine, inode) == ""
    other = workplace.parent / "other"
    other.mkdir()
    foreign = await filled(f"sqlite:///{other}/signalbox.sqlite", other)
    aside = file.rename(workplace / "aside")
    assert identity.difference(store, mine, inode) == "its file was deleted"
    shutil.copy(foreign, file)
    assert identity.difference(store, mine, inode) == "its file was replaced"
    aside.rename(file)
    assert identity.difference(store, mine, inode) == ""
    store.close()
    file.write_bytes(foreign.read_bytes())
    assert identity.difference(store, mine, inode) == "its file was overwritten with another database"
    file.write_bytes(b"x" * 9_000)
    assert identity.difference(store, mine, inode).startswith("its file cannot be read any more")
    store.close()


async def test_another_database_under_the_running_bot_is_noticed(url: str, workplace: Path) -> None:
    store = Store(url)
    mine, inode = await prepare(store, workplace), identity.inode_of(store)
    assert identity.difference(store, mine, inode) == ""
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE signalbox_identity SET identity = 'other'")
    assert identity.difference(store, mine, inode)
    store.close()
