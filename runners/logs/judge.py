"""Decides about one line: which sign of failure it is, if any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.logs import harmless, patience
from runners.logs.lines import without_packer
from runners.logs.literals import SHORTEST, anchored, required
from runners.logs.sieve import Sieve

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
    """Holds lines against signs, in their order; what is known to be harmless is none.

    `sieve` finds the lines that are worth it, and those with one of the squeezed texts `also`.
    """

    def __init__(self, signs: Iterable[Sign], *, also: Sequence[bytes] = ()) -> None:
        self._signs = [_Compiled.of(sign) for sign in signs]
        # Most signs are what a tool's message begins with: one expression of all those dismisses most lines.
        self._opening = {order for order, one in enumerate(self._signs) if one.opens_line}
        openings = (f"(?:{self._signs[order].sign.pattern})" for order in sorted(self._opening))
        self._opens = re.compile("|".join(openings) or "(?!)")
        self._anywhere = {order for order, one in enumerate(self._signs) if one.needles is None}
        self._too_slow: set[int] = set()
        self.sieve = Sieve(
            self._needles(also), everything=bool(self._anywhere) or any(len(one) < SHORTEST for one in also)
        )
        self._elsewhere: dict[bytes, list[tuple[bytes, int]]] = {}
        for order, one in enumerate(self._signs):
            for needle in (one.needles or ()) if not one.opens_line else ():
                self._elsewhere.setdefault(self.sieve.part(needle), []).append((needle, order))

    def _needles(self, also: Iterable[bytes]) -> list[bytes]:
        return [*also, *(needle for sign in self._signs for needle in sign.needles or ())]

    def sign_in(self, screens: Sequence[str], squeezed: bytes, parts: Iterable[bytes]) -> tuple[Sign, str] | None:
        """The sign, and what of the line it is in. `squeezed` is the line as the sieve sees it, `parts` as it says.

        Raises:
            SlowPatternError: a configured pattern used up its time on this line; it is not tried again.
        """
        for text in screens:
            said = without_packer(text)
            if not harmless.is_harmless(said):
                likely = self._likely_elsewhere(squeezed, parts)
                if self._opens.match(said):
                    likely |= self._opening
                sign = self._first(sorted(likely), text, said)
                if sign:
                    return sign, text
        return None

    def _likely_elsewhere(self, squeezed: bytes, parts: Iterable[bytes]) -> set[int]:
        found = set(self._anywhere)
        for part in parts:
            for needle, order in self._elsewhere.get(part, ()):
                if needle in squeezed:
                    found.add(order)
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
