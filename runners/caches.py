"""Caches of what operations install: an entry for each content, bounded in time, and never deleted while it is used.

A cache belongs to one environment: what is installed for one is never run for another. An operation uses an entry until its
own directory is deleted, also across restarts. The bot's machine has one such directory for each operation.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.removal import remove_tree_if_possible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNUSED_AFTER = 30 * 86_400.0  # seconds after the last use
_PART_AFTER = 86_400.0  # seconds after which an entry that was never completed, or never deleted, goes
_PART, _USERS, _LOCK = ".part-", ".users", ".lock"


@dataclass(frozen=True, slots=True)
class CacheDirectory:
    """A directory of a cache that a child process needs; `writable` while it is filled, else the child only reads it."""

    path: Path
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache of one environment, in `root` (0700). `unused_after` is in seconds."""

    root: Path
    unused_after: float = UNUSED_AFTER

    def entry(self, key: str) -> Path:
        """The directory of an entry, by the digest of what decides its content."""
        return self.root / key

    def use(self, key: str, scratch: Path) -> Path | None:
        """The entry, which then stays until the operation's directory `scratch` is deleted; None where there is none."""
        entry = self.entry(key)
        with self._locked():
            if not entry.is_dir():
                return None
            self._mark(entry, scratch)
        return entry

    def make(self, key: str, scratch: Path) -> Path:
        """The entry as in `use`; a new one is empty."""
        with self._locked():
            entry = self.entry(key)
            entry.mkdir(mode=0o700, exist_ok=True)
            self._mark(entry, scratch)
        return entry

    def new_part(self, key: str) -> Path:
        """A new empty directory, to be filled and then given to `store`."""
        with self._locked():
            part = self.root / f"{key}{_PART}{uuid.uuid4().hex[:8]}"
            part.mkdir(mode=0o700)
        return part

    def store(self, part: Path, key: str, scratch: Path) -> Path:
        """Make a filled directory the entry, used as in `use`; the one of a quicker process is taken in its place."""
        entry = self.entry(key)
        with self._locked():
            if not entry.is_dir():
                part.rename(entry)
            self._mark(entry, scratch)
        return entry

    def remove_unused(self) -> None:
        """Delete the entries that no operation uses and none has used for `unused_after`, and what was never completed."""
        if not self.root.is_dir():
            return
        with self._locked():
            removed = [self._set_aside(entry) for entry in list(self.root.iterdir()) if self._is_unused(entry)]
        for directory in removed:  # outside of the lock: it may take long
            remove_tree_if_possible(directory)

    def _is_unused(self, entry: Path) -> bool:
        if entry.name.endswith((_USERS, _LOCK)) or not entry.is_dir():
            return False
        age = time.time() - entry.stat().st_mtime
        if _PART in entry.name:
            return age > _PART_AFTER
        return age > self.unused_after and not any(link.exists() for link in _users(entry))

    def _set_aside(self, entry: Path) -> Path:
        """Rename what will be deleted, so that nobody takes it for an entry."""
        aside = entry.with_name(f"{entry.name.partition(_PART)[0]}{_PART}{uuid.uuid4().hex[:8]}")
        entry.rename(aside)
        remove_tree_if_possible(_users_of(entry))
        return aside

    def _mark(self, entry: Path, scratch: Path) -> None:
        os.utime(entry)
        users = _users_of(entry)
        users.mkdir(mode=0o700, exist_ok=True)
        for link in _users(entry):
            if not link.exists():
                link.unlink()
        scratch = scratch.absolute()
        with suppress(FileExistsError):
            (users / hashlib.sha256(os.fsencode(scratch)).hexdigest()[:32]).symlink_to(scratch)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the cache's lock, against other processes too; only for a moment."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)
        handle = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # this releases the lock


def _users_of(entry: Path) -> Path:
    return entry.with_name(entry.name + _USERS)


def _users(entry: Path) -> list[Path]:
    users = _users_of(entry)
    return list(users.iterdir()) if users.is_dir() else []
