"""Deliveries of Slack that were used: each counts once, also where several processes receive them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """The keys of used deliveries, kept for an hour. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._cleaned_at = 0.0

    async def is_used(self, key: str) -> bool:
        """Whether this delivery was used."""
        wanted = sa.select(deliveries.c.key).where(deliveries.c.key == key)
        return await self._store.run(lambda connection: connection.scalar(wanted)) is not None

    async def use(self, key: str) -> bool:
        """Use this delivery; whether it was not used before. Of several processes one gets True."""
        now = self._clock()
        cleaning = now - self._cleaned_at >= CLEANED_EVERY
        row = {"key": key, "used_at": now}

        def work(connection: sa.Connection) -> bool:
            if cleaning:
                connection.execute(sa.delete(deliveries).where(deliveries.c.used_at < now - RETAINED))
            return insert_new(connection, deliveries, row)

        is_new = await self._store.run(work)
        if cleaning:
            self._cleaned_at = now
        return is_new
