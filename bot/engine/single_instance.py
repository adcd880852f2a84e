"""The single-instance lock: of the processes with the same executor's name a single process works."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.store.database import Store


@contextmanager
def single_instance_lock(store: Store, workplace: Path, name: str) -> Iterator[None]:
    """Hold the lock of this name during the block, on this machine and in the database.

    Raises ConfigError when another process holds it. The operating system and PostgreSQL release it when the process
    dies, also by SIGKILL.
    """
    with _locked_file(workplace / f"{name}.lock", name), _locked_in_database(store, name):
        yield


@contextmanager
def _locked_file(path: Path, name: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(name) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _locked_in_database(store: Store, name: str) -> Iterator[None]:
    if store.engine.dialect.name != "postgresql":
        yield  # an SQLite file is on this machine, where the lock file is enough
        return
    key = int.from_bytes(hashlib.sha256(f"signalbox executor {name}".encode()).digest()[:8], signed=True)
    with store.engine.connect() as connection:
        connection.detach()  # the connection holds the lock: back in the pool it would keep it
        if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
            raise _taken(name)
        connection.commit()  # the session holds the lock, not the transaction
        yield


def _taken(name: str) -> ConfigError:
    problem = (
        f"another Signalbox is running as {name!r} on this database, and two would do everything twice; "
        "stop it, or give this one its own name in SIGNALBOX_EXECUTOR"
    )
    return ConfigError("environment", (Fault(None, "SIGNALBOX_EXECUTOR", problem),))
