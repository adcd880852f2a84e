"""Lines of a log with those around them, while a scan goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.logs import lines as log_lines
from runners.logs.patterns import CERTAIN
from runners.results import LogExcerpt, LogFinding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runners.logs.failure_patterns import FailurePattern

AROUND = 2  # lines before and after a failure
TAIL = 30  # lines
MOST_FINDINGS, MOST_OF_A_PATTERN = 50, 10  # different findings
MOST_OF_A_RESULT = 200  # findings of a result of Ansible; those after them keep their weight when it is ignored


@dataclass
class Excerpt:
    """A line with those around it; some of those after it may be in the next block."""

    line: int
    text: str
    before: tuple[str, ...]
    step: str | None
    after: list[str] = field(default_factory=list)
    times: int = 1
    summary: bool = False
    weight: int = 0

    def finding(self, pattern: str) -> LogFinding:
        """The excerpt as a finding of a failure pattern."""
        around = (self.before, tuple(self.after))
        return LogFinding(pattern, self.line, self.text, *around, self.step, self.times, self.weight)

    def excerpt(self) -> LogExcerpt:
        """The excerpt as an error without a pattern."""
        return LogExcerpt(self.line, self.text, self.before, tuple(self.after), self.step)


class Findings:
    """The first different findings, and the number of all."""

    def __init__(self) -> None:
        self.count = 0
        self._excerpts: dict[tuple[str, str], Excerpt] = {}
        # Of the last result of Ansible, and of the error that announces it, each with its weight before.
        self._recent: list[tuple[Excerpt, int]] = []
        self._announced: list[tuple[Excerpt, int]] | None = None
        self._ignored = False

    def add(self, pattern: FailurePattern, excerpt: Excerpt) -> None:
        """Add a finding; an equal one is counted, and has the greater weight."""
        self.count += 1
        key = (pattern.name, excerpt.text)
        if key in self._excerpts:
            same = self._excerpts[key]
            same.times += 1
            self._note(same, same.weight)
            same.weight = max(same.weight, excerpt.weight)
        elif (
            len(self._excerpts) < MOST_FINDINGS
            and sum(name == pattern.name for name, _ in self._excerpts) < MOST_OF_A_PATTERN
        ):
            self._excerpts[key] = excerpt
            self._note(excerpt, 0)

    def _note(self, excerpt: Excerpt, weight: int) -> None:
        noted = self._recent if self._announced is None else self._announced
        if len(noted) < MOST_OF_A_RESULT:
            noted.append((excerpt, weight))

    def announce_result(self) -> None:
        """Note that the next findings are of the error that Ansible prints before the result of a failed task."""
        self._announced = []

    def begin_result(self) -> None:
        """Note that the next findings are of one result of Ansible."""
        self._recent, self._announced = self._announced or [], None

    def ignore_result(self, weight: int) -> None:
        """Lower the weight of the last result: its task ignores errors. Its last finding stands for all."""
        lowered = [(excerpt, before) for excerpt, before in self._recent if excerpt.weight < CERTAIN]
        for excerpt, before in lowered:
            excerpt.weight = max(before, min(excerpt.weight, weight if excerpt is lowered[-1][0] else 0))
        self._recent, self._ignored = [], True

    @property
    def ignored(self) -> bool:
        """Whether a task ignored errors, so that a recap that counts such tasks has nothing to add."""
        return self._ignored

    def ignore_since(self, line: int, weight: int) -> None:
        """Lower the weight of the findings from a line on, unless they were found before as well."""
        for excerpt in self._excerpts.values():
            if excerpt.line >= line and excerpt.times == 1 and excerpt.weight < CERTAIN:
                excerpt.weight = min(excerpt.weight, weight)

    def findings(self) -> list[LogFinding]:
        """All findings, in the order of the log."""
        return [excerpt.finding(name) for (name, _), excerpt in self._excerpts.items()]

    def first_cause(self) -> Excerpt | None:
        """The first finding that shows a cause, else the first; None without any."""
        first = None
        for excerpt in self._excerpts.values():
            first = cause(first, excerpt)
        return first


def cause(first: Excerpt | None, later: Excerpt) -> Excerpt:
    """Which of two excerpts shows the cause: the first, unless it is only a summary, or weaker."""
    if first is None or (first.summary and not later.summary):
        return later
    return later if later.weight > first.weight and first.summary == later.summary else first


def tail(lines: Iterable[bytes]) -> tuple[str, ...]:
    """The last lines that hold anything but GitHub's own brackets and debug output."""
    content = [line for line in lines if log_lines.is_content(line)]
    return tuple(map(log_lines.readable, content[-TAIL:]))
