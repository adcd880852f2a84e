"""The long children of a bot on one machine, for services that tests put together themselves."""

from __future__ import annotations

from bot.children.following import Holder
from bot.children.keeping import Keeping

ONE_MACHINE = Keeping(None, Holder("machine", "host", "bot", 120.0))
