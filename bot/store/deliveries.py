"""Deliveries of Slack that were used: each counts once, also where several processes receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, insert_all_new, metadata
from bot.store.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Seconds. A signature is valid for five minutes on either side of now; Slack's own repetitions come within six.
RETAINED = 3600.0
CLEANED_EVERY = 300.0

deliveries = sa.Table(
    "signalbox_deliveries",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("used_at", sa.Double, nullable=False, index=True),
)


class Deliveries:
    """The keys of used deliveries, kept for an hour. Deliveries that come together share their transactions."""

    def __init__(self, store: Store, clock: Callable[[], float], groups: Groups | None = None) -> None:
        self._clock = clock
        self._cleaned_at = 0.0
        shared = groups or Groups(store)
        self._questions = Groups(store, reads=True).of(_which_are_used)  # waits for no commit
        self._uses = shared.of(self._use)

    async def is_used(self, key: str) -> bool:
        """Whether this delivery was used."""
        return await self._questions.run(key)

    async def use(self, key: str) -> bool:
        """Use this delivery; whether it was not used before. Of several processes one gets True."""
        return await self._uses.run(key)

    def _use(self, connection: sa.Connection, keys: Sequence[str]) -> Sequence[bool]:
        now = self._clock()
        if now - self._cleaned_at >= CLEANED_EVERY:
            connection.execute(sa.delete(deliveries).where(deliveries.c.used_at < now - RETAINED))
            self._cleaned_at = now
        new = insert_all_new(connection, deliveries, [{"key": key, "used_at": now} for key in dict.fromkeys(keys)])
        return [key in new and key not in keys[:position] for position, key in enumerate(keys)]


def _which_are_used(connection: sa.Connection, keys: Sequence[str]) -> Sequence[bool]:
    used = set(connection.scalars(sa.select(deliveries.c.key).where(deliveries.c.key.in_(keys))))
    return [key in used for key in keys]
