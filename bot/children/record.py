"""The keeper's side of the database: the row of its child, and what the child prints. Plain psycopg, one connection."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from bot.children.spec import DerivedKeys
from bot.store import encrypted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.children.spec import Spec
    from bot.seals import Field, Keyring

NOW = "extract(epoch FROM clock_timestamp())"
TIMEOUT = 5  # seconds for connecting and for each statement: what hangs costs the lease, and is tried again
PURPOSE = "child output"  # as in bot/store/children.py, which the keeper does not import: SQLAlchemy costs memory
TABLE = "signalbox_children"


class HungError(psycopg.OperationalError):
    """The server, or something on the way to it, does not answer, and does not close the connection either."""


class LostError(Exception):
    """Somebody else has ended this keeper's hold on its child."""


class Record:
    """The row of one child, and its output. Every method raises psycopg.Error when the database cannot be used."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._keys: Keyring = DerivedKeys(spec.keys)
        self._connection: psycopg.Connection[Any] | None = None
        signal.signal(signal.SIGALRM, _hung)

    def mark_started(self) -> None:
        """Record that the program may start from now on, and hold it for a lease. Raises LostError."""
        renewed = f"heard_at = {NOW}, lease_until = {NOW} + %s"
        self._change(f"started = true, seal = %s, {renewed}", [self._seal(started=True), self._spec.lease])

    def forget(self) -> None:
        """Delete the row of a program that never started."""
        self._execute("DELETE FROM signalbox_children WHERE keeper = %s", [self._spec.keeper])

    def renew(self) -> None:
        """Hold the child for another lease. Raises LostError."""
        self._change(f"heard_at = {NOW}, lease_until = {NOW} + %s", [self._spec.lease])

    def cancel_requested(self) -> float | None:
        """The grace in seconds when the program is to be stopped, else None."""
        row = self._ask(
            "SELECT cancel_grace FROM signalbox_children WHERE keeper = %s AND cancel_requested", [self._spec.keeper]
        )
        return None if row is None else float(row[0])

    def stored(self, stream: str) -> int:
        """How many bytes of this stream are stored: all from its beginning."""
        row = self._ask(
            "SELECT position, octet_length(content) FROM signalbox_child_output WHERE keeper = %s AND stream = %s"
            " ORDER BY position DESC LIMIT 1",
            [self._spec.keeper, stream],
        )
        return 0 if row is None else int(row[0]) + int(row[1]) - encrypted.OVERHEAD

    def store(self, stream: str, position: int, content: bytes) -> None:
        """Store what the stream has from this byte on."""
        spec = self._spec
        named: dict[str, Field] = {
            "operation": spec.operation,
            "name": spec.name,
            "keeper": spec.keeper,
            "stream": stream,
            "position": position,
        }
        self._execute(
            "INSERT INTO signalbox_child_output (keeper, stream, position, content) VALUES (%s, %s, %s, %s)",
            [spec.keeper, stream, position, encrypted.encrypt(self._keys, PURPOSE, named, content)],
        )

    def end(self, exit_code: int | None, output_bytes: int, left_bytes: int) -> None:
        """Record the end, also when the lease was lost meanwhile: it is the truth."""
        seal = self._seal(
            started=True, ended=True, exit_code=exit_code, output_bytes=output_bytes, left_bytes=left_bytes
        )
        self._execute(
            f"UPDATE signalbox_children SET ended = true, ended_at = {NOW}, exit_code = %s, output_bytes = %s,"  # noqa: S608  -- constants
            " left_bytes = %s, seal = %s WHERE keeper = %s",
            [exit_code, output_bytes, left_bytes, seal, self._spec.keeper],
        )

    def drop(self) -> None:
        """Close the connection; the next use makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _change(self, assignments: str, values: list[Any]) -> None:
        held = "keeper = %s AND lost_at IS NULL AND NOT ended"
        statement = f"UPDATE signalbox_children SET {assignments} WHERE {held}"  # noqa: S608  -- constants
        if self._execute(statement, [*values, self._spec.keeper]) != 1:
            raise LostError

    def _execute(self, statement: str, values: list[Any]) -> int:
        with _limited():
            return self._connected().execute(statement.encode(), values).rowcount

    def _ask(self, statement: str, values: list[Any]) -> tuple[Any, ...] | None:
        with _limited():
            row: tuple[Any, ...] | None = self._connected().execute(statement.encode(), values).fetchone()
            return row

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._spec.conninfo,
                autocommit=True,
                connect_timeout=TIMEOUT,
                tcp_user_timeout=TIMEOUT * 1000,
                keepalives_idle=TIMEOUT,
                application_name="signalbox keeper",
                options=f"-c statement_timeout={TIMEOUT}s",
            )
        return self._connection

    def _seal(
        self,
        *,
        started: bool = False,
        ended: bool = False,
        exit_code: int | None = None,
        output_bytes: int | None = None,
        left_bytes: int | None = None,
    ) -> str:
        """The seal of bot/store/sealed.py for the row with these values."""
        spec = self._spec
        fields: dict[str, Field] = {
            "operation": spec.operation,
            "name": spec.name,
            "keeper": spec.keeper,
            "machine": spec.machine,
            "host": spec.host,
            "executor": spec.executor,
            "started": started,
            "ended": ended,
            "exit_code": exit_code,
            "output_bytes": output_bytes,
            "left_bytes": left_bytes,
        }
        return self._keys.seal(TABLE, fields)


def _hung(*_: object) -> None:
    raise HungError("no answer")


@contextmanager
def _limited() -> Iterator[None]:
    """Limit the time of a use of the database: no setting of libpq does so for a server that is stopped."""
    signal.setitimer(signal.ITIMER_REAL, 2 * TIMEOUT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
