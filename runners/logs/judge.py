"""Decides about one line: which sign of failure it is, if any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.logs import harmless, patience
from runners.logs.lines import without_packer
from runners.logs.literals import anchored, required
from runners.logs.sieve import stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runners.logs.literals import Needles
    from runners.logs.signs import Sign

ONE_MATCH = 1.0  # seconds of processor time that a configured pattern may take for one line


class SlowPatternError(Exception):
    """A configured pattern took too long on a line; it is not tried again."""

    def __init__(self, sign: Sign) -> None:
        super().__init__(sign.name)
        self.sign = sign


@dataclass(frozen=True)
class _Compiled:
    sign: Sign
    search: Callable[[str], object]
    needles: Needles | None
    opens_line: bool

    @classmethod
    def of(cls, sign: Sign) -> _Compiled:
        expression, opens_line = re.compile(sign.pattern), anchored(sign.pattern)
        search = expression.match if opens_line else expression.search
        return cls(sign, search, required(sign.pattern), opens_line and not (sign.configured or sign.whole_line))


class Judge:
    """Holds lines against signs, in their order; what is known to be harmless is none."""

    def __init__(self, signs: Iterable[Sign]) -> None:
        self._signs = [_Compiled.of(sign) for sign in signs]
        # Most signs are what a tool's message begins with: one expression of all those dismisses most lines.
        self._opening = {order for order, one in enumerate(self._signs) if one.opens_line}
        openings = (f"(?:{self._signs[order].sign.pattern})" for order in sorted(self._opening))
        self._opens = re.compile("|".join(openings) or "(?!)")
        self._elsewhere: dict[bytes, list[tuple[bytes, int]]] = {}
        for order, one in enumerate(self._signs):
            for needle in (one.needles or ()) if not one.opens_line else ():
                self._elsewhere.setdefault(stem(needle), []).append((needle, order))
        self._too_slow: set[int] = set()
        self._anywhere = {order for order, one in enumerate(self._signs) if one.needles is None}

    @property
    def needles(self) -> list[Needles | None]:
        """What to look for in a log, for each sign; None for one that may be in any line."""
        return [one.needles for one in self._signs]

    def sign_in(self, screens: Sequence[str], squeezed: bytes) -> tuple[Sign, str] | None:
        """The sign, and what of the line it is in. `squeezed` is the line as the sieve sees it.

        Raises:
            SlowPatternError: a configured pattern used up its time on this line; it is not tried again.
        """
        elsewhere = self._likely_elsewhere(squeezed)
        for text in screens:
            said = without_packer(text)
            likely = elsewhere | self._opening if self._opens.match(said) else elsewhere
            # Few lines match, so only then it is asked whether they are harmless.
            sign = self._first(sorted(likely), text, said) if likely else None
            if sign and not harmless.is_harmless(said):
                return sign, text
        return None

    def _likely_elsewhere(self, squeezed: bytes) -> set[int]:
        found = set(self._anywhere)
        for part, needles in self._elsewhere.items():
            if part in squeezed:
                found.update(order for needle, order in needles if needle in squeezed)
        return found - self._too_slow if self._too_slow else found

    def _first(self, likely: Sequence[int], text: str, said: str) -> Sign | None:
        for order in likely:
            one = self._signs[order]
            if one.sign.configured:
                if self._matches(order, text) and self._matches(order, harmless.without_harmless_words(text)):
                    return one.sign
            elif one.search(text if one.sign.whole_line else said):
                return one.sign
        return None

    def _matches(self, order: int, subject: str) -> bool:
        try:
            return patience.matches(self._signs[order].search, subject, ONE_MATCH)
        except patience.TooSlowError:
            self._too_slow.add(order)
            raise SlowPatternError(self._signs[order].sign) from None
