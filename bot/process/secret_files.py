"""Secrets in files: NAME_FILE names the file of the variable NAME, and systemd's credentials have the variable's name.

systemd.exec(5), LoadCredential=: the files are in $CREDENTIALS_DIRECTORY, readable for the service alone.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LONGEST = 64 * 1024  # bytes; a private key has three thousand
CREDENTIALS = "CREDENTIALS_DIRECTORY"


class _UnusableError(Exception):
    """A file cannot be a secret; the message says why, and what to do."""


def read(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The values of these variables that files have. Raises ConfigError with every fault.

    Line breaks at the end are no part of a value.
    """
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for name in dict.fromkeys(names):
        files = dict(_files(environ, name))
        sources = [*files, *([name] if environ.get(name) else [])]
        if len(sources) > 1:
            faults.append(Fault(None, name, f"is set twice, by {' and '.join(sources)}; keep one of them"))
            continue
        for source, path in files.items():
            try:
                values[name] = _text(path, checked=source == f"{name}_FILE")
            except _UnusableError as error:
                faults.append(Fault(None, source, str(error)))
    if faults:
        raise ConfigError("environment", tuple(faults))
    return values


def _files(environ: Mapping[str, str], name: str) -> Iterator[tuple[str, Path]]:
    if named := environ.get(f"{name}_FILE"):
        yield f"{name}_FILE", Path(named)
    directory = environ.get(CREDENTIALS)
    if directory and _exists(Path(directory, name)):
        yield f"the credential {name}", Path(directory, name)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # reading it reports why it cannot be read


def _text(path: Path, *, checked: bool) -> str:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            _check(path, os.fstat(file.fileno()), checked=checked)
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise _UnusableError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LONGEST:
        raise _UnusableError(f"{path} has more than {LONGEST // 1024} KB; it is not a secret")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise _UnusableError(f"{path} is not text in UTF-8") from error
    if not text or "\0" in text:
        raise _UnusableError(f"{path} {'has a NUL character' if text else 'is empty'}; write the secret into it")
    return text


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # else opening a pipe waits for its writer


def _check(path: Path, status: os.stat_result, *, checked: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _UnusableError(f"{path} is not a file")
    if not checked:
        return
    if status.st_uid not in (0, os.geteuid()):
        raise _UnusableError(f"{path} belongs to another user; type: chown {os.geteuid()} {path}")
    # Kubernetes gives root's files to a pod's user by its group (fsGroup).
    given_by_root = 0o040 if status.st_uid == 0 != os.geteuid() else 0
    if stat.S_IMODE(status.st_mode) & 0o077 & ~given_by_root:
        raise _UnusableError(f"other users may read or write {path}; type: chmod go-rwx {path}")
