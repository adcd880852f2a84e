"""The single-instance lock: of the processes of a workplace with the same executor's name a single process works.

Between machines the lease decides: see bot/engine/lease.py.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.store.workers import Worker


@contextmanager
def single_instance_lock(workplace: Path, name: str) -> Iterator[None]:
    """Hold the lock of this name during the block.

    Raises ConfigError when another process holds it. The operating system releases it when the process dies, also by
    SIGKILL.
    """
    descriptor = os.open(workplace / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(name) from None
        yield
    finally:
        os.close(descriptor)


def is_surely_dead(workplace: Path, worker: Worker, *, shared: bool) -> bool:
    """Whether this worker, whose lease ran out, has no process.

    On a database that is `shared` between machines its clock decides. An SQLite file is used on one machine, whose clock
    may jump: there the lock decides.
    """
    path = workplace / f"{worker.executor}.lock"
    if shared or not path.exists():
        return True
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _taken(name: str) -> ConfigError:
    problem = (
        f"another Signalbox is running as {name!r} in this directory, and two would do everything twice; "
        "stop it, or give this one its own name in SIGNALBOX_EXECUTOR"
    )
    return ConfigError("environment", (Fault(None, "SIGNALBOX_EXECUTOR", problem),))
