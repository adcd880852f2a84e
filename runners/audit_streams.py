"""Lines of the audit log leave the database: into an append-only file, or to syslog.

Every function blocks. Raises RunnerError with a remedy.
"""

from __future__ import annotations

import os
import socket
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIMEOUT = 10.0  # seconds for a connection to a syslog server
# RFC 5424: facility 13 (log audit), severity 5 (notice).
_PRIORITY = 13 * 8 + 5
_PORTS = {"udp": 514, "tcp": 601}  # RFC 5426 and RFC 6587


@dataclass(frozen=True, slots=True)
class Purpose:
    """What is sent, for errors: "sending an anchor of the audit log", and the key of the configuration that says where to."""

    doing: str
    key: str


def append(path: Path, lines: Sequence[str], purpose: Purpose) -> None:
    """Append the lines to a file that only its owner reads, without those that it ends with; they are on disk afterwards."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            os.fchmod(file.fileno(), 0o600)
            whole = [f"{line}\n".encode() for line in lines]
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - max(map(len, whole), default=0) - 1))
            end = file.read()
            missing = b"".join(_missing(end, whole))
            # A line that a full disk cut is ended, so that the next one stands on its own.
            cut = b"" if end.endswith(b"\n") or not end else b"\n"
            view = memoryview(cut + missing if missing else b"")
            while view:
                view = view[os.write(file.fileno(), view) :]
            os.fsync(file.fileno())
    except OSError as error:
        problem = f"{path} cannot be written to: {error.strerror}"
        raise RunnerError(purpose.doing, problem, remedy=f"Check {purpose.key}.") from error


def _missing(end: bytes, lines: Sequence[bytes]) -> Sequence[bytes]:
    """The lines after the last one that the file ends with: an earlier attempt wrote it, before it was interrupted."""
    for index in range(len(lines) - 1, -1, -1):
        if end == lines[index] or end.endswith(b"\n" + lines[index]):
            return lines[index + 1 :]
    return lines


def syslog_message(line: str, at: float, instance: str, kind: str) -> bytes:
    """The line as a message of RFC 5424; `kind` is its MSGID."""
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname() or "-"
    return f"<{_PRIORITY}>1 {time} {host} signalbox {instance} {kind} - {line}".encode()


def send_syslog(address: str, messages: Sequence[bytes], purpose: Purpose) -> None:
    """Send messages to a socket's path (/dev/log), to udp://host[:514] or to tcp://host[:601] (octet counting)."""
    try:
        if address.startswith("/"):
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as local:
                local.settimeout(TIMEOUT)
                local.connect(address)
                for message in messages:
                    local.send(message)
            return
        url = urlsplit(address)
        target = (url.hostname or "", url.port or _PORTS[url.scheme])
        if url.scheme == "tcp":
            with socket.create_connection(target, TIMEOUT) as connection:
                connection.sendall(b"".join(b"%d %b" % (len(message), message) for message in messages))
            return
        family, kind, protocol, _, resolved = socket.getaddrinfo(*target, type=socket.SOCK_DGRAM)[0]
        with closing(socket.socket(family, kind, protocol)) as datagrams:
            for message in messages:
                datagrams.sendto(message, resolved)
    except OSError as error:
        problem = f"syslog at {address} cannot be reached: {error.strerror or error}"
        remedy = f"Check {purpose.key}, and that the syslog server runs."
        raise RunnerError(purpose.doing, problem, remedy=remedy) from error
