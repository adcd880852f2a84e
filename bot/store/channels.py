"""Channels by name: the ids that Slack gave, so that a restart need not list all channels before the first message.

Rows are sealed, because they decide where messages are posted. One that does not verify counts as absent.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import DatabaseAwayError, ForgedError
from bot.store import sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)
channels = sa.Table(
    "signalbox_channels",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),  # "#staging"
    sa.Column("channel", sa.String(40), nullable=False),  # Slack's id
    sealed.seal_column(),
)


class Channels:
    """Reads and writes the ids. Without its database it knows nothing: Slack is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> str | None:
        """The id of this channel, if it is known."""
        wanted = sa.select(channels).where(channels.c.name == name)
        try:
            row = await self._store.run(lambda connection: connection.execute(wanted).mappings().first())
        except (DatabaseAwayError, ForgedError) as error:
            log.warning("the channel %s: %s", name, error)
            return None
        return str(row["channel"]) if row and sealed.verifies(self._store.keyring, channels, row) else None

    async def put(self, ids: Mapping[str, str]) -> None:
        """Remember these ids by name."""
        rows = [sealed.sealed(self._store.keyring, channels, {"name": n, "channel": i}) for n, i in ids.items()]

        def work(connection: sa.Connection) -> None:
            for row in rows:
                if not insert_new(connection, channels, row):
                    connection.execute(sa.update(channels).where(channels.c.name == row["name"]).values(row))

        await self._change(work)

    async def forget(self, channel: str) -> None:
        """Forget the names of this id, which Slack does not know."""
        await self._change(
            lambda connection: connection.execute(sa.delete(channels).where(channels.c.channel == channel))
        )

    async def _change(self, work: Callable[[sa.Connection], object]) -> None:
        try:
            await self._store.run(work)
        except DatabaseAwayError as error:
            log.warning("channels could not be recorded: %s", error)
