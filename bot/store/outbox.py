"""What Slack has not taken yet: of each message its newest state, until it is delivered, also after a restart.

The content is encrypted (bot/store/encrypted.py), so that the database alone can neither read nor forge a message.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store import encrypted
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.seals import Field, Keyring

PURPOSE = "outbox"

outbox = sa.Table(
    "signalbox_outbox",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(80), primary_key=True),  # which of its messages
    sa.Column("lane", sa.Integer, nullable=False),  # bot/slack/pacing.py: the smaller, the more urgent
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),  # increases with each newer state
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column(
        "due_at", sa.Double, nullable=False
    ),  # of the next attempt; of one that is under way, when it counts as failed
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.String(200), nullable=False),
    sa.Index("ix_signalbox_outbox_order", "lane", "created_at", "due_at"),
    sa.Index("ix_signalbox_outbox_due", "due_at", "error"),
)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A state that Slack has not taken. `attempts` are those that failed."""

    operation: int
    name: str
    content: bytes
    revision: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages are undelivered, since when (Unix seconds), and Slack's newest answer; `since` is 0 if none is."""

    count: int = 0
    since: float = 0.0
    error: str = ""


class Outbox:
    """Reads and writes undelivered messages. Every method is one transaction. `changed` is set when there is a new one."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self.changed = asyncio.Event()

    async def put(self, operation: int, name: str, lane: int, content: bytes, error: str = "") -> None:
        """Keep this state until it is delivered, in place of an older one of the same message."""
        now, key = self._clock(), _key(operation, name)
        form = encrypted.encrypt(self._store.keyring, PURPOSE, key, content)
        new = {"revision": 1, "created_at": now, "due_at": now, "attempts": 0, "error": error[:200]}

        def work(connection: sa.Connection) -> None:
            if not insert_new(connection, outbox, {**key, **new, "lane": lane, "content": form}):
                _renew(connection, key, lane, form)

        await self._store.run(work)
        self.changed.set()

    async def replace(self, operation: int, name: str, lane: int, content: bytes) -> bool:
        """Keep this state in place of an older one that is undelivered; false if none is."""
        key = _key(operation, name)
        if not await self.waits(operation, name):  # without the write lock: nearly always
            return False
        form = encrypted.encrypt(self._store.keyring, PURPOSE, key, content)
        return await self._store.run(lambda connection: _renew(connection, key, lane, form))

    async def waits(self, operation: int, name: str) -> bool:
        """Whether a state of this message is undelivered."""
        undelivered = sa.select(outbox.c.revision).where(_is(_key(operation, name)))
        return await self._store.run(lambda connection: connection.scalar(undelivered) is not None)

    async def claim(self, seconds: float) -> Undelivered | None:
        """The most urgent one that is due, for this process alone for so long. Raises ForgedError."""
        now = self._clock()
        any_due = sa.select(outbox.c.due_at).where(outbox.c.due_at <= now).limit(1)
        due = (
            sa.select(outbox)
            # An expression: by the index of the times SQLite would read and sort all that are due, for the first of them.
            .where(outbox.c.due_at + 0.0 <= now)
            .order_by(outbox.c.lane, outbox.c.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

        def work(connection: sa.Connection) -> sa.RowMapping | None:
            if connection.scalar(any_due) is None:
                return None
            row = connection.execute(due).mappings().first()
            if row is not None:
                connection.execute(sa.update(outbox).where(_is(row)).values(due_at=now + seconds))
            return row

        row = await self._store.run(work)
        return None if row is None else _undelivered(self._store.keyring, row)

    async def delivered(self, item: Undelivered) -> None:
        """Delete it; a newer state that came meanwhile is due at once."""
        same = _is(_key(item.operation, item.name))
        now = self._clock()

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(outbox).where(same, outbox.c.revision == item.revision))
            connection.execute(sa.update(outbox).where(same).values(due_at=now, attempts=0))

        await self._store.run(work)

    async def failed(self, item: Undelivered, error: str, again_in: float) -> None:
        """Record that Slack did not take it; it is due again in so many seconds."""
        same = _is(_key(item.operation, item.name))
        values = {"due_at": self._clock() + again_in, "attempts": item.attempts + 1, "error": error[:200]}
        await self._store.run(lambda connection: connection.execute(sa.update(outbox).where(same).values(values)))

    async def due_now(self, within: float) -> None:
        """Make what is due within so many seconds due at once: Slack takes messages again."""
        now = self._clock()
        soon = (outbox.c.due_at > now) & (outbox.c.due_at <= now + within) & (outbox.c.attempts > 0)
        await self._store.run(lambda connection: connection.execute(sa.update(outbox).where(soon).values(due_at=now)))

    async def backlog(self) -> Backlog:
        """What Slack has refused or not answered, in short."""
        counted = sa.select(sa.func.count(), sa.func.min(outbox.c.created_at)).where(outbox.c.error != "")
        newest = sa.select(outbox.c.error).where(outbox.c.error != "").order_by(outbox.c.due_at.desc()).limit(1)

        def work(connection: sa.Connection) -> Backlog:
            count, since = connection.execute(counted).one()
            return Backlog(count, since or 0.0, str(connection.scalar(newest) or "")) if count else Backlog()

        return await self._store.run(work)


def _key(operation: int, name: str) -> dict[str, Field]:
    return {"operation": operation, "name": name[:80]}


def _renew(connection: sa.Connection, key: Mapping[str, Field], lane: int, content: bytes) -> bool:
    # `due_at` remains: an attempt may be under way, and two states of one message must not be sent at the same time.
    values = {"lane": lane, "content": content, "revision": outbox.c.revision + 1}
    changed = sa.update(outbox).where(_is(key)).values(values).returning(outbox.c.revision)
    return connection.scalar(changed) is not None


def _is(key: Mapping[str, Any] | sa.RowMapping) -> sa.ColumnElement[bool]:
    return sa.and_(outbox.c.operation == key["operation"], outbox.c.name == key["name"])


def _undelivered(keyring: Keyring, row: sa.RowMapping) -> Undelivered:
    key = _key(row["operation"], row["name"])
    what = f"an undelivered message of #{row['operation']}"
    content = encrypted.decrypt(keyring, PURPOSE, key, row["content"], what)
    return Undelivered(row["operation"], row["name"], content, row["revision"], row["attempts"])
