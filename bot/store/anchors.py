"""Anchors: signed heads of the audit log, sent outside of the database so that a removed end is detected.

An anchor is a line of JSON. It names the database by the digest of its first entry, and the newest entry by number and
digest. It carries the seal of the anchor before it, so that a missing or forged anchor is detected as well.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.seals import canonical, seal_text
from bot.store.audit_table import audit
from bot.store.database import Store, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.seals import Keyring

log = logging.getLogger(__name__)
PURPOSE = "audit anchor"
KIND = "signalbox audit anchor 1"
# PostgreSQL's advisory lock for preparing an anchor: a constant that nothing else in this database uses.
LOCK = 5_146_100_741

anchors = sa.Table(
    "signalbox_audit_anchors",
    metadata,
    sa.Column("destination", sa.String(300), primary_key=True),
    sa.Column("line", sa.Text, nullable=False),  # the newest anchor
    sa.Column("sent", sa.Boolean, nullable=False),
)


class AnchorError(Exception):
    """The anchors themselves are faulty; the text says which, and what it means."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of an audit log: database, newest entry, time (Unix seconds); place and predecessor among the anchors."""

    first: str
    number: int
    digest: str
    at: float
    instance: str
    sequence: int
    previous: str
    seal: str = ""

    @property
    def line(self) -> str:
        """The anchor as it is sent."""
        return canonical({"kind": KIND, **asdict(self)})

    def text(self) -> str:
        """What the seal covers: everything but the seal."""
        return canonical({name: value for name, value in asdict(self).items() if name != "seal"})


class Anchors:
    """The newest anchor of each destination, and whether it has been sent."""

    def __init__(self, store: Store, clock: Callable[[], float], keyring: Keyring, instance: str) -> None:
        self._store = store
        self._clock = clock
        self._keyring = keyring
        self._instance = instance

    async def next_due(self, destination: str, *, every: float, entries: int) -> Anchor | None:
        """The anchor to send there now, stored before it is sent; None if nothing is due.

        An anchor that was interrupted comes again as it was. A new one is due after `entries` new entries, or `every`
        seconds after the last one if there is a new entry.
        """
        return await self._store.run(lambda connection: self._next_due(connection, destination, every, entries))

    def _next_due(self, connection: sa.Connection, destination: str, every: float, entries: int) -> Anchor | None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        row = connection.execute(sa.select(anchors).where(anchors.c.destination == destination)).mappings().first()
        last = self._authentic(parse(row["line"])) if row else None
        if row and last and not row["sent"]:
            return last
        head = connection.execute(
            sa.select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)
        ).first()
        if head is None or (last and not self._is_due(last, head[0], every, entries)):
            return None
        first = connection.scalar(sa.select(audit.c.digest).order_by(audit.c.number).limit(1))
        made = Anchor(
            str(first), head[0], head[1], self._clock(), self._instance, last.sequence + 1 if last else 1,
            last.seal if last else "",
        )  # fmt: skip
        made = Anchor(**{**asdict(made), "seal": seal_text(self._keyring.key(PURPOSE), made.text())})
        values = {"line": made.line, "sent": False}
        if row:
            connection.execute(sa.update(anchors).where(anchors.c.destination == destination).values(values))
        else:
            connection.execute(sa.insert(anchors).values(destination=destination, **values))
        return made

    def _authentic(self, anchor: Anchor | None) -> Anchor | None:
        """The anchor if it has our seal. With a forged one anchoring begins anew, which the destination then shows."""
        if anchor and self._keyring.verify_text(PURPOSE, anchor.text(), anchor.seal):
            return anchor
        log.error(
            "the newest anchor in the database does not verify: something else has changed it; anchoring begins anew"
        )
        return None

    def _is_due(self, last: Anchor, number: int, every: float, entries: int) -> bool:
        # An end that was removed is anchored too: the anchors then contradict each other, which is what they are for.
        return number != last.number and (abs(number - last.number) >= entries or self._clock() - last.at >= every)

    async def mark_sent(self, destination: str, anchor: Anchor) -> None:
        """Store that the destination has this anchor."""
        statement = sa.update(anchors).where(anchors.c.destination == destination, anchors.c.line == anchor.line)
        await self._store.run(lambda connection: connection.execute(statement.values(sent=True)))


def parse(line: str) -> Anchor | None:
    """The anchor in a line, also behind the header of a log; None if the line has none. The seal is not checked."""
    try:
        values = json.loads(line[line.index("{") : line.rindex("}") + 1])
        if values.pop("kind") != KIND:
            return None
        anchor = Anchor(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    types = {"number": int, "sequence": int, "at": float}
    valid = all(type(getattr(anchor, name)) is types.get(name, str) for name in Anchor.__slots__)
    return anchor if valid else None


def read_anchors(lines: Iterable[str], keyring: Keyring, *, strict: bool) -> tuple[Anchor, ...]:
    """The authentic anchors of these lines, in order. With `strict` every line has to be an anchor. Raises AnchorError."""
    by_sequence: dict[int, Anchor] = {}
    for position, line in enumerate(lines, 1):
        anchor = parse(line)
        if anchor is None:
            if strict and line.strip():
                raise AnchorError(f"line {position} of the anchors is no anchor: it was cut or changed")
            continue
        if not keyring.verify_text(PURPOSE, anchor.text(), anchor.seal):
            raise AnchorError(
                f"line {position} of the anchors has a seal that no key of SIGNALBOX_KEY made: it was forged, or an older key is missing there"
            )
        if by_sequence.setdefault(anchor.sequence, anchor) != anchor:
            raise AnchorError(
                f"there are two different anchors {anchor.sequence}. "
                "The likely cause: the database was restored from an older backup, or its table of anchors was changed."
            )
    if not by_sequence:
        raise AnchorError("there is no anchor")
    _check_order([by_sequence[sequence] for sequence in sorted(by_sequence)])
    return tuple(by_sequence[sequence] for sequence in sorted(by_sequence))


def _check_order(ordered: list[Anchor]) -> None:
    previous, sequence = "", 0
    for anchor in ordered:
        if anchor.sequence != sequence + 1:
            raise AnchorError(f"anchor {sequence + 1} is missing")
        if anchor.previous != previous:
            raise AnchorError(
                f"anchor {anchor.sequence} does not follow anchor {sequence}: the table of anchors in the database was changed"
            )
        previous, sequence = anchor.seal, anchor.sequence
