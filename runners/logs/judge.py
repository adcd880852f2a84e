"""Decides about one line: which sign of failure it is, if any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.logs import harmless
from runners.logs.lines import without_packer
from runners.logs.literals import required
from runners.logs.patience import TooSlowError, limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    expression: re.Pattern[str]
    needles: Needles | None

    def may_match(self, squeezed: bytes) -> bool:
        return self.needles is None or any(needle in squeezed for needle in self.needles)


class Judge:
    """Holds lines against signs, in their order; what is known to be harmless is none."""

    def __init__(self, signs: Iterable[Sign]) -> None:
        self._signs = [_Compiled(sign, re.compile(sign.pattern), required(sign.pattern)) for sign in signs]

    @property
    def needles(self) -> list[Needles | None]:
        """What to look for in a log, for each sign; None for one that may be in any line."""
        return [one.needles for one in self._signs]

    def sign_in(self, screens: Sequence[str], squeezed: bytes) -> tuple[Sign, str] | None:
        """The sign, and what of the line it is in. `squeezed` is the line as the sieve sees it.

        Raises:
            SlowPatternError: a configured pattern used up its time on this line.
        """
        likely = [one for one in self._signs if one.may_match(squeezed)]
        for text in screens if likely else ():
            said = without_packer(text)
            if harmless.is_harmless(said):
                continue
            sign = self._first(likely, harmless.without_harmless_words(text), harmless.without_harmless_words(said))
            if sign:
                return sign, text
        return None

    def _first(self, likely: Sequence[_Compiled], text: str, said: str) -> Sign | None:
        for one in likely:
            subject = text if one.sign.whole_line else said
            if self._limited_match(one, subject) if one.sign.configured else one.expression.search(subject):
                return one.sign
        return None

    def _limited_match(self, one: _Compiled, subject: str) -> bool:
        try:
            with limited(ONE_MATCH):
                return one.expression.search(subject) is not None
        except TooSlowError:
            self._signs.remove(one)
            raise SlowPatternError(one.sign) from None
