"""What tools print when they fail: the patterns that are built in, and those of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from runners.logs.patterns import CERTAIN, STRONG, WEAK
from runners.logs.patterns.languages import LANGUAGES
from runners.logs.patterns.levels import LEVELS
from runners.logs.patterns.network import NETWORK
from runners.logs.patterns.packages import PACKAGES
from runners.logs.patterns.sentences import SENTENCES
from runners.logs.patterns.services import SERVICES, SUMMARIES
from runners.logs.patterns.shell import SHELL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.logs.patterns import Table

CONFIGURED = "configured"
# A line that says so itself is about something that its author does not count as a failure.
_NOT_COUNTED = re2.compile(
    r"(?i)\b(?:ignor(?:ed|ing)|non-fatal|not fatal|harmless|optional|continuing|assuming|retry(?:ing|able))(?:[^=\w]|$)|\b(?:instead[.!]?$"
    r"|(?:using|use) (?:the |its )?(?:original|default|fallback|cached|built-in)|fall(?:ing|s)? ?back|copying now"
    r"|(?:trying|checking) (?:other|another|again|same)|(?:will|going to) (?:try|be|use|retry))(?:[^=\w]|$)"
    r"|(?:^|\(|[^\d\s]\s+|[^,|\d\s]\s+\d+\s+)(?i:skipp(?:ed|ing))(?:[^=:\w]|$|: *[^\d ])"  # "28 skipped" and "Skipped: 0" count tests
    r"|^(?:note|info|hint|debug): |(?:^|\s)warn(?:ing)?: |\[(?:warn(?:ing)?|notice|info|debug)\b[^\]]*\]|(?:^|\s)warning[: ]|\bdefaulting to\b|(?-i:(?:^|\s)(?:DEBUG|TRACE)\s)"
)


@dataclass(frozen=True)
class FailurePattern:
    """An RE2 expression to search for in a line of a log, the tool that prints the line, and a name for people.

    The line has no colours. The expression is tried on the line and on what remains of it after each carrier before it.
    A `summary` reports only that something failed; another line, usually before it, gives the cause. A `sentence` is of no
    program in particular: it does not count where it only speaks of a failure.
    """

    name: str
    pattern: str
    tool: str
    summary: bool = False
    weight: int = STRONG
    sentence: bool = False

    @property
    def configured(self) -> bool:
        """Whether the pattern comes from the configuration."""
        return self.tool == CONFIGURED

    def weight_of(self, text: str) -> int:
        """The weight of a line that matches: weak when the line says itself that it does not count."""
        return min(self.weight, WEAK) if self.weight < CERTAIN and _NOT_COUNTED.search(text) else self.weight


def configured(pattern: str) -> FailurePattern:
    """The failure pattern for an entry of `images.suspicious`."""
    return FailurePattern(f"configured: {pattern}", pattern, CONFIGURED, weight=CERTAIN)


def _patterns(table: Table) -> Iterator[FailurePattern]:
    summary, sentence = table in (SUMMARIES, LEVELS, SENTENCES), table is SENTENCES
    for tool, rows in table.items():
        for row in rows:
            name = f"{tool}: {row.name}"
            yield FailurePattern(name, row.pattern, tool, summary=summary, weight=row.weight, sentence=sentence)


# The first pattern that matches a line is the one that counts.
TABLES: tuple[Table, ...] = (SHELL, NETWORK, PACKAGES, LANGUAGES, SERVICES, SUMMARIES, LEVELS, SENTENCES)
BUILT_IN: tuple[FailurePattern, ...] = tuple(pattern for table in TABLES for pattern in _patterns(table))
