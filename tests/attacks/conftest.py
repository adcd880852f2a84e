"""The databases of the unit tests of the bot."""

from __future__ import annotations

from tests.unit.bot.conftest import clock, postgres, store, url

__all__ = ["clock", "postgres", "store", "url"]
