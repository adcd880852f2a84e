"""Reads the database of the bot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.world import World


def read(world: World, query: str) -> list[tuple[Any, ...]]:
    """The rows that the query selects from the bot's database."""
    with closing(sqlite3.connect(f"file:{world.files}/var/signalbox.sqlite?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()
