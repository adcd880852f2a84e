"""`audit export` and `verify` delay nobody: they hold no transaction while they write, and no lock while they read."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
import termios
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.redaction import Redactor
from bot.store.audit import Audit, Entry
from bot.store.audit_table import audit
from bot.store.audit_verification import BATCH, first_fault, read_all
from tests.unit.bot.conftest import KEY
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from typing import IO

    from bot.store.database import Store

ROOT = Path(__file__).parents[4]
ENTRIES = BATCH + 500  # more than a pipe holds


async def filled(store: Store) -> Audit:
    log = Audit(store, time.time, Redactor(), store.keyring)
    await asyncio.gather(*(log.record(Entry("U0ANA", f"click {number}")) for number in range(ENTRIES)))
    return log


async def blocked(pipe: IO[bytes]) -> None:
    """Return once the pipe is full: its writer sleeps until somebody reads."""
    held, before = array.array("i", [0]), -1
    async with asyncio.timeout(120):
        while held[0] == 0 or held[0] != before:
            before = held[0]
            await asyncio.sleep(0.3)
            fcntl.ioctl(pipe, termios.FIONREAD, held)


def begin_export(url: str, directory: Path) -> subprocess.Popen[bytes]:
    config = directory / "signalbox.yaml"
    config.write_text(f"{CONFIG}operations: {{directory: {directory}}}\n")
    environment = {**os.environ, "SIGNALBOX_KEY": KEY, "DATABASE_URL": url}
    argv = [sys.executable, "-m", "bot", "audit", "export", "--config", str(config)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment)


def check_nobody_reads(store: Store) -> None:
    """No connection has a transaction open that has read the log."""
    if store.file:
        with closing(sqlite3.connect(store.file)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert not busy
    else:
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"LOCK TABLE {audit.name} IN ACCESS EXCLUSIVE MODE NOWAIT")


async def test_an_export_into_a_pipe_that_nobody_reads_holds_nothing(store: Store, tmp_path: Path) -> None:
    log = await filled(store)
    tmp_path.chmod(0o700)
    if store.file:
        store.file.chmod(0o600)
    with begin_export(store.url, tmp_path) as export:
        assert export.stdout
        assert export.stderr
        try:
            await blocked(export.stdout)
            await log.record(Entry("U0ANA", "meanwhile"))
            check_nobody_reads(store)
            export.stdout.close()  # as `head` does
            errors = await asyncio.to_thread(export.stderr.read)
            assert (errors, await asyncio.to_thread(export.wait)) == (b"", 0)
        finally:
            export.kill()


async def test_a_log_is_verified_while_somebody_writes_and_the_writer_does_not_wait(store: Store) -> None:
    log = await filled(store)
    with store.engine.begin() as writer:  # holds an SQLite file's write lock
        writer.execute(sa.select(audit.c.number).limit(1))
        assert first_fault(store.engine) is None
    entries = read_all(store.engine)
    next(entries)
    await log.record(Entry("U0ANA", "while the reader pauses"))
    assert sum(1 for _ in entries) == ENTRIES
