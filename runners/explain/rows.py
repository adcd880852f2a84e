"""A row of the table of causes."""

from __future__ import annotations

from typing import NamedTuple


class CauseRow(NamedTuple):
    """A well-known cause: an RE2 expression for the line that shows it, the sentence, and the next step.

    In both texts `{what}` is the first group of the expression that matched something, else `otherwise`.
    `certain` is a line that counts whatever else it says.
    `example` is output of a real program, shortened, and `harmless` output that only mentions the same words.
    """

    key: str
    pattern: str
    likely: str
    then: str
    example: str
    harmless: str
    otherwise: str = ""
    certain: bool = False

    @property
    def name(self) -> str:
        """The cause in words: several rows may have the same."""
        return self.key.partition(":")[0]
