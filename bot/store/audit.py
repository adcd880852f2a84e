"""The audit log: each entry carries the digest of the previous entry, and a seal that the database cannot compute.

The digests chain the entries and can be checked by anybody. The seal (bot/seals.py) is made with SIGNALBOX_KEY, so the
database alone is enough to compute the chain anew, but not the seals. bot/store/audit_verification.py checks both.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from bot.config.targets import without_lane
from bot.errors import ForgedError
from bot.store.audit_table import audit
from bot.store.database import Store, lock_transaction
from bot.store.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.seals import Keyring
    from bot.store.groups import Group

FIRST_PREVIOUS = "0" * 64  # the first entry's `previous`
# PostgreSQL's advisory lock for appending: a constant that nothing else in this database uses.
LOCK = 5_146_100_731
CONFIGURATION = "configuration loaded"  # the action of the entry that each start makes
PURPOSE = "audit entry"  # of the seals of entries
_CHANGED = "Entry {} of the audit log does not verify. Nothing was started."
MACHINE = "machine"  # the detail that distinguishes entries of one action, such as the playbooks of several roles
ACTOR_NAME = "actor_name"  # the detail with the person's name in Slack as of then
REQUEST = "request"  # the detail of an operation's first entry that names its request
# Seconds before a request was accepted from which on the log is searched for it. Longer than Slack's signatures are valid,
# so that a second delivery of the same request is covered, and clocks of several machines may differ by the rest.
MARGIN = 600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What is recorded. `actor` is a Slack user id, or "signalbox" for what no person requested."""

    actor: str
    action: str
    environment: str = ""
    operation: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as stored: numbered from 1, dated in Unix seconds, chained by digest."""

    number: int
    at: float
    entry: Entry
    previous: str
    digest: str
    seal: str | None = None


def request_detail(key: str, at: float) -> dict[str, Any]:
    """The detail that names the request with this key, accepted at this time: its first operation is the only one."""
    return {REQUEST: {"digest": hashlib.sha256(key.encode()).hexdigest(), "at": at}}


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Names(Protocol):
    """The names of people in Slack."""

    def cached_name(self, user_id: str) -> str:
        """The name of this person if it was read within the last hour, else an empty text."""

    async def full_name(self, user_id: str) -> str:
        """The name of this person; empty if Slack does not answer, and for what is no person."""


class Audit:
    """Appends entries. Entries that arrive during a write share the next write."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        redact: Callable[[str], str],
        keyring: Keyring | None = None,
        groups: Groups | None = None,
        *,
        names: Names | None = None,
    ) -> None:
        self._names = names
        self._keyring = keyring
        self._store = store
        self._clock = clock
        self._redact = redact
        self._entries: Group[tuple[Entry, float], None] = (groups or Groups(store)).of(self._append)
        self._head = (0, FIRST_PREVIOUS)  # number and digest of the newest entry that was seen on disk

    async def record(self, entry: Entry) -> None:
        """Append the entry; returns when it is on disk."""
        at = self._clock()
        await self._entries.run((await self._named(entry), at))

    async def record_once(self, entry: Entry, by: str = MACHINE, most: int | None = None) -> bool:
        """Append the entry unless its operation has one of the action with the same detail `by`, or `most` of them; whether it did."""

        def work(connection: sa.Connection) -> bool:
            lock_transaction(connection, LOCK)
            same = (audit.c.operation == entry.operation) & (audit.c.action == entry.action)
            details = connection.scalars(sa.select(audit.c.detail).where(same)).all()
            others = [detail.get(by) for detail in details]
            wanted = self._values(entry)["detail"].get(by) not in others and (most is None or len(others) < most)
            if wanted:
                self._append(connection, [(named, self._clock())])
            return wanted

        named = await self._named(entry)
        return await self._store.run(work)

    def append(self, connection: sa.Connection, entry: Entry) -> None:
        """Append the entry within the caller's transaction: the change and its entry are both stored, or neither."""
        name = self._names.cached_name(entry.actor) if self._names else ""
        self._append(connection, [(_with_name(entry, name), self._clock())])

    async def _named(self, entry: Entry) -> Entry:
        return _with_name(entry, await self._names.full_name(entry.actor)) if self._names else entry

    async def read(self, *, newest: int) -> tuple[StoredEntry, ...]:
        """The newest entries, newest first."""
        statement = sa.select(audit).order_by(audit.c.number.desc()).limit(newest)
        rows = await self._store.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(stored_entry(row) for row in rows)

    async def of_operation(self, number: int) -> tuple[Entry, ...]:
        """The entries about this operation, oldest first. Raises ForgedError if one of them was changed or removed.

        Every entry since the operation was requested is read, because one that was removed, or assigned to another operation,
        is detected by the chain only. Raises ForgedError also if the same request has begun another operation since then.
        """
        return await self._store.run(lambda connection: self._of_operation(connection, number))

    def _of_operation(self, connection: sa.Connection, number: int) -> tuple[Entry, ...]:
        of_it = sa.select(audit).where(audit.c.operation == number).order_by(audit.c.number).limit(1)
        begun = connection.execute(of_it).mappings().first()
        if begun is None:
            return ()
        if not self.verifies(begun):
            raise ForgedError(_CHANGED.format(begun["number"]))
        start = _start_of(connection, begun)
        later = sa.select(audit).where(audit.c.number >= start).order_by(audit.c.number)
        rows = connection.execute(later).mappings().all()
        if rows[0]["number"] != start:
            raise ForgedError(f"Entry {start} of the audit log was removed. Nothing was started.")
        previous = rows[0]
        for row in rows:
            follows = (row["number"], row["previous"]) == (previous["number"] + 1, previous["digest"])
            in_order = row is previous or follows
            if not (in_order and self.verifies(row, sealed=row["operation"] == number or row is rows[-1])):
                raise ForgedError(_CHANGED.format(row["number"]))
            previous = row
        self._check_head({row["number"]: row["digest"] for row in rows})
        _check_first(rows, number)
        return tuple(stored_entry(row).entry for row in rows if row["operation"] == number)

    def verifies(self, row: sa.RowMapping, *, sealed: bool = True) -> bool:
        """Whether the entry of this row is as Signalbox wrote it; without `sealed` only whether its digest is its own."""
        digest = digest_of(row)
        is_sealed = self._keyring is None or self._keyring.verify_text(PURPOSE, sealed_text(digest), str(row["seal"]))
        return digest == row["digest"] and (is_sealed or not sealed)

    def _check_head(self, digests: Mapping[int, str]) -> None:
        """Raises ForgedError if the newest entry that this process has seen is no longer there."""
        if not digests:
            return
        number, digest = self._head
        if number >= min(digests) and digests.get(number) != digest:
            raise ForgedError(f"Entry {number} of the audit log was removed or replaced. Nothing was started.")
        self._head = max(digests.items())

    def _append(self, connection: sa.Connection, batch: Sequence[tuple[Entry, float]]) -> Sequence[None]:
        lock_transaction(connection, LOCK)
        last = connection.execute(
            sa.select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)
        ).first()
        number, previous = (last[0], last[1]) if last else (0, FIRST_PREVIOUS)
        rows = []
        for entry, at in batch:
            number += 1
            row = {"number": number, "at": at, "previous": previous, **self._values(entry)}
            previous = digest_of(row)
            rows.append({**row, "digest": previous, "seal": self._seal(previous)})
        connection.execute(sa.insert(audit), rows)
        return [None] * len(batch)

    def _seal(self, digest: str) -> str | None:
        return self._keyring.seal(PURPOSE, {"digest": digest}) if self._keyring else None

    def _values(self, entry: Entry) -> dict[str, Any]:
        return {
            **fields_of(entry),
            "environment": without_lane(entry.environment),
            "detail": {key: value if key == REQUEST else self._redacted(value) for key, value in entry.detail.items()},
        }

    def _redacted(self, value: Any) -> Any:
        match value:
            case str():
                return self._redact(value)
            case dict():
                return {key: self._redacted(item) for key, item in value.items()}
            case list() | tuple():
                return [self._redacted(item) for item in value]
        return value


def _with_name(entry: Entry, name: str) -> Entry:
    return replace(entry, detail={**entry.detail, ACTOR_NAME: name}) if name else entry


def _start_of(connection: sa.Connection, begun: sa.RowMapping) -> int:
    """The number of the entry from which on the log is read for an operation with this first entry.

    It is the last entry from before the request. What somebody moved to an earlier time, or removed, is then a gap, or
    an entry that does not verify.
    """
    request = _request_of(begun)
    if request is None:
        return int(begun["number"])  # begun by an older version
    before = sa.select(audit.c.number).where(audit.c.at < request[1] - MARGIN, audit.c.number < begun["number"])
    return int(connection.scalar(before.order_by(audit.c.number.desc()).limit(1)) or 1)


def _check_first(rows: Iterable[sa.RowMapping], number: int) -> None:
    """Raises ForgedError if the request of this operation has begun another one. The rows are verified."""
    requests = [(row["operation"], request) for row in rows if (request := _request_of(row))]
    digest, at = next((request for operation, request in requests if operation == number), ("", 1.0))
    if not at:
        raise ForgedError(f"The request of #{number} is of an older version of Signalbox. Nothing was started.")
    for operation, request in requests:
        if digest == request[0] and operation != number:
            raise ForgedError(
                f"By the audit log the request of #{number} has begun #{operation} already. Nothing was started."
            )


def _request_of(row: sa.RowMapping) -> tuple[str, float] | None:
    """The digest and the time of the request that this entry records; None if it records none, or is not Signalbox's."""
    detail = row["detail"]
    request = detail.get(REQUEST) if isinstance(detail, dict) else None
    if not isinstance(request, dict) or not isinstance(request.get("at"), int | float):
        return None
    return str(request.get("digest")), float(request["at"])


def digest_of(row: Mapping[str, Any] | sa.RowMapping) -> str:
    """SHA-256 over everything in the entry, the previous digest included."""
    names = ("number", "at", "actor", "action", "environment", "operation", "detail", "previous")
    return digest_of_fields({name: row[name] for name in names})


def digest_of_fields(fields: Mapping[str, Any]) -> str:
    """The same of exactly these fields."""
    return hashlib.sha256(_CANONICAL.encode(fields).encode()).hexdigest()


def sealed_text(digest: str) -> str:
    """What the seal of an entry covers: the canonical JSON of its digest, which is hexadecimal."""
    return f'{{"digest":"{digest}"}}'


def exists(connection: sa.Connection) -> bool:
    """Whether this database holds an audit log."""
    return sa.inspect(connection).has_table(audit.name)


def iso_time(at: float) -> str:
    """Unix seconds as a time in UTC: 2026-03-02T12:00:00Z. What somebody wrote in place of a time is named as such."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError, OSError):
        return "no time"


def fields_of(entry: Entry) -> dict[str, Any]:
    """The fields of an entry by name."""
    return {name: getattr(entry, name) for name in Entry.__slots__}


def stored_entry(row: sa.RowMapping) -> StoredEntry:
    """The entry of a row."""
    entry = Entry(**{name: row[name] for name in Entry.__slots__})
    return StoredEntry(row["number"], row["at"], entry, row["previous"], row["digest"], row["seal"])
