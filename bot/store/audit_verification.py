"""Verifies the audit log: its chain of digests, the seals of its entries, and anchors that were sent outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.audit import FIRST_PREVIOUS, PURPOSE, Entry, StoredEntry, digest_of_fields, iso_time, sealed_text
from bot.store.audit_table import audit
from bot.store.database import for_reading
from runners import phrases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bot.seals import Keyring
    from bot.store.anchors import Anchor

BATCH = 1_000  # entries read in one transaction
RESTORED = "The likely cause: the database was restored from an older backup, or somebody removed its newest entries."
REPLACED = (
    "The likely cause: the database was restored from an older backup and then used, or somebody replaced entries."
)


class UnreadableEntryError(Exception):
    """An entry has a value that Signalbox does not write; the text says which one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: the extent, the first fault in words (empty if there is none), and what is proven and what is not."""

    extent: str
    fault: str
    statements: tuple[str, ...]


def read_all(engine: sa.Engine) -> Iterator[StoredEntry]:
    """Every entry, oldest first. Each batch is a transaction of its own: a slow reader never holds one open."""
    engine = for_reading(engine)
    statement = sa.select(audit).order_by(audit.c.number).limit(BATCH)
    after = statement
    while True:
        rows = _rows(engine, after)
        for number, at, actor, action, environment, operation, detail, *chain in rows:
            entry = Entry(actor, action, environment, operation, detail)
            yield StoredEntry(number, at, entry, *chain)
        if len(rows) < BATCH:
            return
        after = statement.where(audit.c.number > rows[-1][0])


def _rows(engine: sa.Engine, wanted: sa.Select[Any]) -> Sequence[Sequence[Any]]:
    """The rows, read in one transaction. Raises UnreadableEntryError for a value of another type or form."""
    try:
        with engine.begin() as connection:
            return connection.execute(wanted).all()
    except (ValueError, RecursionError) as error:  # JSON that is none, text that is not UTF-8
        with engine.begin() as connection:
            numbers = connection.execute(wanted.with_only_columns(audit.c.number)).scalars().all()
        if len(numbers) == 1:
            raise UnreadableEntryError(f"entry {numbers[0]} was changed: it cannot be read") from error
        for number in numbers:
            _rows(engine, sa.select(audit).where(audit.c.number == number).limit(1))
        raise


def first_fault(engine: sa.Engine) -> str | None:
    """The first place where the chain is broken, whatever the seals are; None when it is intact."""
    return verify(read_all(engine), None, None).fault or None


def verify(
    entries: Iterable[StoredEntry],
    keyring: Keyring | None,
    anchors: Sequence[Anchor] | None,
    *,
    due_since: float | None = None,
) -> Verdict:
    """The verdict on the entries. Without a keyring the seals are not checked; `anchors` are authentic and in order.

    A newest anchor from before `due_since` (Unix seconds) is overdue, if there are entries after it.
    """
    reading = _Reading(keyring, anchors or ())
    try:
        for stored in entries:
            reading.add(stored)
    except UnreadableEntryError as error:
        reading.fault = reading.fault or str(error)
    if not reading.fault:
        reading.finish()
    statements = () if reading.fault else _statements(reading, keyring, anchors, due_since)
    return Verdict(reading.extent(), reading.fault, statements)


class _Reading:
    """The entries read so far, up to the first fault."""

    def __init__(self, keyring: Keyring | None, anchors: Sequence[Anchor]) -> None:
        self._keyring = keyring
        self._anchors = sorted(anchors, key=lambda anchor: anchor.number)
        self._next = 0  # the first anchor that is not yet compared
        self.matched = 0  # the number of the last entry that an anchor proves
        self.first: StoredEntry | None = None
        self.last: StoredEntry | None = None
        self.fault = ""

    def add(self, stored: StoredEntry) -> None:
        """Check the next entry; after a fault entries are only counted."""
        if self.fault:
            self.last = stored
            return
        number, previous = (self.last.number, self.last.digest) if self.last else (0, FIRST_PREVIOUS)
        self.fault = self._fault_of(stored, number, previous)
        self.first = self.first or stored
        self.last = stored
        if self.fault:
            return
        while self._next < len(self._anchors) and self._anchors[self._next].number == stored.number:
            self._compare(self._anchors[self._next], stored)
            self._next += 1

    def _fault_of(self, stored: StoredEntry, number: int, previous: str) -> str:
        if stored.number > number + 1:
            return f"entry {number + 1} is missing"
        if stored.number != number + 1 or stored.previous != previous or _digest(stored) != stored.digest:
            return f"entry {stored.number} was changed"
        if self._keyring and stored.seal is None:
            return f"entry {stored.number} has no seal: something other than Signalbox wrote it"
        if self._keyring and not self._keyring.verify_text(PURPOSE, sealed_text(stored.digest), str(stored.seal)):
            return (
                f"entry {stored.number} has a seal that no key of SIGNALBOX_KEY made: the entry was forged, "
                "or an older key is missing there"
            )
        return ""

    def _compare(self, anchor: Anchor, stored: StoredEntry) -> None:
        if self.fault:
            return
        if anchor.first != (self.first or stored).digest:
            self.fault = (
                f"entry 1 differs: anchor {anchor.sequence} is of another database, or every entry was replaced"
            )
        elif anchor.digest != stored.digest:
            begin = self.matched + 1
            where = f"entry {begin}" if begin == anchor.number else f"an entry between {begin} and {anchor.number}"
            self.fault = f"{where} differs from what was anchored at {iso_time(anchor.at)}. {REPLACED}"
        else:
            self.matched = stored.number

    def finish(self) -> None:
        """Check what has to come after the last entry."""
        number = self.last.number if self.last else 0
        if self._next < len(self._anchors):
            furthest = self._anchors[-1]
            if self.first and furthest.first != self.first.digest:
                self.fault = f"entry 1 differs: anchor {furthest.sequence} is of another database"
                return
            missing = (
                f"entry {furthest.number} is"
                if furthest.number == number + 1
                else f"entries {number + 1} to {furthest.number} are"
            )
            self.fault = f"{missing} missing, anchored at {iso_time(furthest.at)}. {RESTORED}"

    def extent(self) -> str:
        """How many entries were read, with the times of the first and the last."""
        if not self.first or not self.last:
            return "no entries"
        number = phrases.counted(self.last.number, "entry", "entries")
        return f"{number}, first {iso_time(self.first.at)}, last {iso_time(self.last.at)}"


def _digest(stored: StoredEntry) -> str | None:
    """The digest of the entry as it is; None if it has a value that Signalbox does not write."""
    entry = stored.entry
    try:
        return digest_of_fields(
            {
                "number": stored.number,
                "at": stored.at,
                "actor": entry.actor,
                "action": entry.action,
                "environment": entry.environment,
                "operation": entry.operation,
                "detail": entry.detail,
                "previous": stored.previous,
            }
        )
    except (TypeError, ValueError, RecursionError):
        return None


def _statements(
    reading: _Reading, keyring: Keyring | None, anchors: Sequence[Anchor] | None, due_since: float | None
) -> tuple[str, ...]:
    number = reading.last.number if reading.last else 0
    statements = []
    if not keyring:
        statements.append(
            "The seals were not checked: SIGNALBOX_KEY is not set. Whoever can write to the database can have computed this chain."
        )
    if anchors is None:
        statements.append(
            "Whether the newest entries were removed is not proven. For that, name the anchors with --anchor."
        )
    elif anchors:
        newest = max(anchors, key=lambda anchor: anchor.number)
        statements.append(
            f"{phrases.plural(len(anchors), '1 anchor agrees', f'{len(anchors)} anchors agree')}, the newest of {iso_time(newest.at)} with entry {newest.number}."
        )
        if number > newest.number:
            statements.append(
                f"Entries after {newest.number} were not anchored yet: whether further ones were removed is not proven."
            )
            if due_since is not None and newest.at < due_since:
                statements.append(
                    f"WARNING: the newest anchor is overdue, it is of {iso_time(newest.at)}. Check that Signalbox runs and reaches "
                    "audit.anchor.to, and that nobody changes its table of anchors."
                )
    return tuple(statements)
