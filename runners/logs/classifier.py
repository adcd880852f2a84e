"""Decides which lines of a log show a failure, and of which pattern."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2

from runners.errors import RunnerError
from runners.logs.block_expression import block_expression
from runners.logs.carriers import Carriers
from runners.logs.false_positives import is_false_positive, is_no_statement, without_false_positives
from runners.logs.lines import TIMESTAMP
from runners.logs.patterns import CERTAIN, WEAK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from runners.logs.failure_patterns import FailurePattern

MEMORY = 32 << 20  # bytes that RE2 may use for all patterns together
# Lines that `lines.screens` changes in a way that may let a pattern match: without a blank after the timestamp, with
# invisible characters, with blanks at the end. A line that is only a timestamp is empty.
_CHANGED = (
    rf"^{TIMESTAMP}\S",
    r"[\x00-\x08\x0b-\x1f\x7f\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{feff}]",
    r"(?:[^Z\s]|(?:^|[^.:\d])\d*Z)[\s\x{85}\pZ]+$",
)


class Classifier:
    """Matches lines against failure patterns; the first pattern that matches counts.

    A line is tried as it is and without each carrier before it; `prefixes` are further carriers. `also` are expressions
    for further lines that `candidates` yields.
    """

    def __init__(
        self, patterns: Iterable[FailurePattern], *, also: Sequence[str] = (), prefixes: Sequence[str] = ()
    ) -> None:
        self.carriers = Carriers(prefixes)
        self._patterns = tuple(patterns)
        start = rf"^(?:{TIMESTAMP}:? ?)?(?:{self.carriers.expression})*"
        expressions = (*(item.pattern for item in self._patterns), *also)
        try:
            self._candidates = re2.compile(
                f"(?m){block_expression(expressions, start)}|{'|'.join(_CHANGED)}", _options()
            )
            self._set = re2.Set.SearchSet(_options())
            for pattern in self._patterns:
                self._set.Add(pattern.pattern)
            self._set.Compile()
        except re2.error:
            problem, remedy = "they are too large together", "Shorten the patterns of images.suspicious."
            raise RunnerError("preparing the failure patterns", problem, remedy=remedy) from None

    def candidates(self, lines: bytes) -> Iterator[int]:
        """The numbers, from 0, of those of some clean lines that `classify` has to decide about."""
        searched = lines.replace(b"\r", b"\n")  # a carriage return starts a text of its own
        number = counted = start = 0
        while match := self._candidates.search(searched, start):
            number += lines.count(b"\n", counted, match.start())
            yield number
            counted, end = match.start(), lines.find(b"\n", match.start())
            if end < 0:
                return
            start = end + 1

    def classify(self, screens: Iterable[str]) -> tuple[FailurePattern, str] | None:
        """The first pattern that matches a text of a line, and that text."""
        for text in screens:
            texts = self.carriers.texts(text)
            if not any(map(is_false_positive, texts)) and (pattern := self._pattern_of(text, texts)):
                return pattern, text
        return None

    def _pattern_of(self, line: str, texts: Sequence[str]) -> FailurePattern | None:
        """The first pattern that matches. A configured one that matches too is as certain, and says more than a summary."""
        orders = sorted({order for text in texts for order in self._matching(text)})
        matching = [self._patterns[order] for order in orders if self._counts(order, texts)]
        first = next(iter(matching), None)
        configured = next((pattern for pattern in matching if pattern.configured), None)
        if first is None or configured is None:
            return first
        return configured if first.summary or first.weight_of(line) <= WEAK else replace(first, weight=CERTAIN)

    def _counts(self, order: int, texts: Sequence[str]) -> bool:
        """Whether a matching pattern counts.

        A configured one has to match more than words that only look like a failure, and a sentence has to state one.
        """
        if self._patterns[order].sentence:
            return not any(map(is_no_statement, texts))
        if not self._patterns[order].configured:
            return True
        return any(order in self._matching(without_false_positives(text)) for text in texts)

    def _matching(self, text: str) -> Sequence[int]:
        return self._set.Match(text) or ()


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.never_nl = True
    options.max_mem = MEMORY
    return options
