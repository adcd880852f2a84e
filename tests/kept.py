"""The long children of a bot on one machine, and room for its runs, for services that tests put together themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.children.following import Holder
from bot.children.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.store.run_slots import Claim, Precedence

ONE_MACHINE = Keeping(None, Holder("machine", "host", "bot", 120.0))


class EndlessRoom:
    """Room for any number of runs, in place of bot/operations/room.py."""

    def __init__(self) -> None:
        self.running: Mapping[int, Claim] = {}

    async def enter(self, number: int, precedence: Precedence, runs: int, note: Callable[[str], None]) -> None:
        """There is room."""

    def occupy(self, number: int, precedence: Precedence, runs: int = 1) -> None:
        """Nothing is counted."""

    def leave(self, number: int) -> None:
        """Nothing is counted."""


ROOM = EndlessRoom()
