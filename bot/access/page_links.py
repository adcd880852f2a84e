"""Signed links to the pages of operations: for one operation and one person, until a time. Nothing of them is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.config.models.general import Pages
    from bot.seals import Keyring

PURPOSE = "operation pages"  # of the key that is derived from SIGNALBOX_KEY
PATH = "/operations"
_LONGEST = 64  # characters of a part


class PageLinks:
    """Makes links and reads them. `clock` gives Unix seconds."""

    def __init__(self, keyring: Keyring, pages: Pages | None, clock: Callable[[], float]) -> None:
        self._keyring = keyring
        self._pages = pages
        self._clock = clock

    def link(self, operation: int, person: str) -> str:
        """A link to the operation's page for this person; "" where there are no pages."""
        if self._pages is None:
            return ""
        until = int(self._clock() + self._pages.links.total_seconds())
        parts = {"by": person, "until": str(until), "seal": self._seal(operation, person, until)}
        return f"{self._pages.url}{PATH}/{operation}?{urlencode(parts)}"

    def person_of(self, operation: int, query: Mapping[str, str]) -> str | None:
        """The person for whom a link was made; None for one that is expired, or not ours. Costs one digest for each key."""
        by, until, seal = (query.get(name, "") for name in ("by", "until", "seal"))
        if not (until.isascii() and until.isdecimal()) or max(map(len, (by, until, seal))) > _LONGEST:
            return None
        if not self._keyring.verify(PURPOSE, self._fields(operation, by, int(until)), seal):
            return None
        return by if int(until) > self._clock() else None

    def _seal(self, operation: int, person: str, until: int) -> str:
        return self._keyring.seal(PURPOSE, self._fields(operation, person, until))

    @staticmethod
    def _fields(operation: int, person: str, until: int) -> dict[str, str | int]:
        return {"operation": operation, "person": person, "until": until}
