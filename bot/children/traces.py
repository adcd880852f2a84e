"""Traces of keepers on their machine: a file for each, which its keeper holds locked for as long as it lives.

A trace without a lock is of a keeper that died: bot/children/rescue.py gives its child another one. Nothing here is secret.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = "keepers"  # in the workplace
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Trace:
    """What it takes to keep a child that runs: see `Spec` for the fields."""

    operation: int
    name: str
    keeper: str
    directory: str
    leaves: str
    mark: str


def leave(traces: Path, trace: Trace) -> Path:
    """Write a trace before its keeper starts; its path."""
    traces.mkdir(mode=0o700, exist_ok=True)
    path = traces / f"{trace.keeper}{_SUFFIX}"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(trace)), encoding="utf-8")
    new.rename(path)
    return path


def lock(path: Path, *, wait: bool) -> int | None:
    """A descriptor that holds the lock until it is closed; None when there is no trace, or another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def without_keeper(traces: Path) -> dict[Path, Trace]:
    """The traces that nobody holds."""
    listed = {}
    for path in traces.glob(f"*{_SUFFIX}"):
        descriptor = lock(path, wait=False)
        if descriptor is None:
            continue
        os.close(descriptor)
        with suppress(FileNotFoundError):  # its keeper ended meanwhile
            listed[path] = Trace(**json.loads(path.read_text(encoding="utf-8")))
    return listed
