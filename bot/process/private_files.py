"""Requires that files which decide are private: nobody but this user may read or replace them."""

from __future__ import annotations

import errno
import os
import pwd
import stat
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def make_private_directory(path: Path) -> None:
    """Create the directory with mode 0700, or accept the existing one if it is private and can be written to.

    Raises ConfigError with the directory, its owner and what to type.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _fault(_not_made(path, error)) from error
    require(path)
    _require_writable(path)
    try:
        require_owned(path.iterdir())
    except OSError as error:
        raise _fault(f"{path} cannot be read ({error.strerror})") from error


def require_owned(paths: Iterable[Path]) -> None:
    """Require that each of these belongs to this user, as what another user's start left does not. Raises ConfigError."""
    foreign = []
    for path in paths:
        with suppress(FileNotFoundError):  # another process deletes its temporary files
            if path.lstat().st_uid != os.geteuid():
                foreign.append(path)
    if foreign:
        others = f" and {len(foreign) - 1} more there" if len(foreign) > 1 else ""
        owner = _person(foreign[0].lstat().st_uid)
        raise _fault(f"{foreign[0]}{others}: belongs to {owner}. {_to_own(foreign[0].parent, owner)}")


@contextmanager
def left_as_found(directory: Path) -> Iterator[None]:
    """Remove the directory and its parents at the end of the block if they were not there before, and are empty."""
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # not empty: a start uses it by now
            for path in made:
                path.rmdir()


def require(*paths: Path) -> None:
    """Require that each of these directories and files is private, if it exists. Raises ConfigError with every fault.

    The owner and the mode decide, not what this process could do with the file: root could do everything.
    """
    faults = [Fault(None, "", problem) for problem in _problems(paths)]
    if faults:
        raise ConfigError("files", tuple(faults))


def others_may_write(path: Path) -> bool:
    """Whether users beside the owner and the group may write to the file."""
    return bool(path.stat().st_mode & stat.S_IWOTH)


def _problems(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        if stat.S_ISLNK(status.st_mode):
            yield f"{path} is a symbolic link; name the place that it leads to, {path.resolve()}"
        elif status.st_uid != os.geteuid():
            owner = _person(status.st_uid)
            yield f"{path} belongs to {owner}. {_to_own(path, owner)}"
        elif stat.S_IMODE(status.st_mode) & 0o077:
            yield f"other users may read or write {path}; type: chmod {mode} {path}"
    for directory in dict.fromkeys(parent for path in paths for parent in path.resolve().parents):
        # With the sticky bit, as in /tmp, only its owner may rename or remove an entry.
        if directory.is_dir() and (mode_of := directory.stat().st_mode) & stat.S_IWOTH and not mode_of & stat.S_ISVTX:
            yield f"other users may replace what is in {directory}; type: chmod o-w {directory}"


def _require_writable(directory: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=directory):
            return
    except OSError as error:
        raise _fault(_unwritable(directory, error)) from error


def _not_made(path: Path, error: OSError) -> str:
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return f"{path} cannot be made: it, or a part of its path, is a file; set operations.directory to a directory"
    nearest = next(parent for parent in path.parents if parent.exists())
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"{path} cannot be made: {nearest} belongs to {_person(nearest.stat().st_uid)}, and Signalbox runs as "
            f"{_person(os.geteuid())}. Type as root: install -d -m 700 -o {os.geteuid()} {path}"
        )
    return f"{path} cannot be made. {_unwritable(nearest, error)}"


def _unwritable(directory: Path, error: OSError) -> str:
    owner = _person(directory.stat().st_uid)
    if error.errno == errno.EROFS:
        remedy = "its file system is read-only; set operations.directory to a place that can be written to"
    elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "no room is left there; free some"
    elif owner == _person(os.geteuid()):
        remedy = f"type: chmod 700 {directory}"
    else:
        remedy = _to_own(directory, owner)
    return f"nothing can be written to {directory} ({error.strerror}), which belongs to {owner}: {remedy}"


def _to_own(path: Path, owner: str) -> str:
    me = os.geteuid()
    return (
        f"Signalbox runs as {_person(me)}: run it as {owner.partition(' ')[0]}, or type as root: chown -R {me} {path}"
    )


def _person(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"#{uid} (uid {uid})"  # as sudo -u names a user without a name


def _fault(problem: str) -> ConfigError:
    return ConfigError("files", (Fault(None, "", problem),))
