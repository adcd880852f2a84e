"""A real PostgreSQL server of one's own: on loopback, in a temporary directory, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# For tests and stories alone: what a crash of the machine would lose is of no interest, and starting is quick.
_SETTINGS = "-c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=16MB"
TIMEOUT = 60


def initdb() -> str | None:
    """The path of PostgreSQL's initdb; `postgres` lies beside it. Debian keeps both off PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    return str(debian[-1]) if debian else shutil.which("initdb")


@dataclass(frozen=True)
class PostgresServer:
    """A running server. `host` and `port` are where it listens; everybody from this machine may do everything.

    `stop` takes it away as an administrator or a crash does, also while clients are connected; `start` brings it back as it was.
    """

    host: str
    port: int
    start: Callable[[], None]
    stop: Callable[[], None]

    def url(self, database: str = "postgres") -> str:
        """As DATABASE_URL has it."""
        return f"postgresql://signalbox@{self.host}:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of a new, empty database."""
        name = f"test_{uuid4().hex}"
        engine = sa.create_engine(
            self.url().replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return self.url(name)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server, and end it with the block. Raises RuntimeError with what it printed when it does not start."""
    programs = initdb()
    if programs is None:
        raise RuntimeError("PostgreSQL's initdb is not on this machine")
    directory = Path(tempfile.mkdtemp(prefix="signalbox-postgres-", dir="/tmp"))  # a socket's path must be short
    user = _user()
    if user is not None:
        shutil.chown(directory, user)
    program, data, port = Path(programs).parent, directory / "data", _free_port()
    try:
        _run(user, program / "initdb", "-D", data, "-U", "signalbox", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {directory} {_SETTINGS}"
        control = (user, program / "pg_ctl", "-D", data, "-w")
        start = partial(_run, *control, "-l", directory / "log", "-o", options, "start")
        stop = partial(_run, *control, "-m", "immediate", "stop")
        start()
        try:
            yield PostgresServer("127.0.0.1", port, start, stop)
        finally:
            if (data / "postmaster.pid").exists():
                stop()
    finally:
        shutil.rmtree(directory)


def _user() -> str | None:
    """Whom to run it as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    existing = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in existing else "nobody"


def _run(user: str | None, *command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
