"""Scans the log of a job in one pass: failures with the lines around them, the end, images, rate limits."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import re2

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.logs import lines as log_lines
from runners.logs.classifier import Classifier
from runners.logs.images import ANNOUNCEMENT, Images
from runners.results import LogExcerpt, LogFinding, LogReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from runners.logs.failure_patterns import FailurePattern

TIMEOUT = 120.0  # seconds for one log: a gigabyte takes about ten
QUEUE_TIMEOUT = 900.0  # seconds that a log may wait for others
AROUND = 2  # lines before and after a failure
BEFORE_ERROR = 5  # lines before an error that GitHub marked: "exit code 1" alone explains nothing
TAIL = 30  # lines
MOST_FINDINGS, MOST_OF_A_PATTERN = 50, 10  # different findings
LONGEST_SCRIPT = 1000  # lines that GitHub may show of a script before it runs
UNREAD = "could not be read to the end"

# One log at a time: several would keep the bot's loop from running.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-scan")


async def scan(
    path: Path,
    patterns: Sequence[FailurePattern],
    *,
    rate_limits: Sequence[str] = (),
    prefixes: Sequence[str] = (),
    truncated: bool = False,
    timeout: float = TIMEOUT,
) -> LogReading:
    """Scan a downloaded log for failures (the first pattern that matches a line counts), images and rate limits.

    `rate_limits` are plain texts, `prefixes` RE2 expressions for carriers beside the built-in ones; `truncated` means that the file is not the whole log. A log that could not be read to
    its end has a finding that says so. The texts of the result are foreign and not redacted.

    Raises:
        RunnerError: the file cannot be read, or the patterns are too large together.
    """
    doing = "reading a job's log"
    cancelled = threading.Event()

    def read() -> LogReading:
        with path.open("rb", buffering=0) as file:
            return scan_file(
                file, patterns, rate_limits, prefixes=prefixes, timeout=timeout, cancelled=cancelled.is_set
            )

    try:
        reading = await run_blocking(read, timeout=QUEUE_TIMEOUT, doing=doing, pool=_thread)
    except OSError as error:
        raise RunnerError(doing, f"this machine cannot read it: {error.strerror}") from None
    finally:
        cancelled.set()
    if not truncated:
        return reading
    unread = LogFinding(UNREAD, reading.lines, "it is longer than is downloaded")
    return replace(reading, findings=(*reading.findings, unread), matches=reading.matches + 1, truncated=True)


def scan_file(
    file: BinaryIO,
    patterns: Iterable[FailurePattern],
    rate_limits: Sequence[str] = (),
    *,
    prefixes: Sequence[str] = (),
    timeout: float = TIMEOUT,
    cancelled: Callable[[], bool] = lambda: False,
) -> LogReading:
    """Scan the log to its end, or until the time is over or nobody waits for the result."""
    scanner = _Scanner(patterns, rate_limits, prefixes)
    end = time.monotonic() + timeout
    for block in log_lines.blocks(file):
        scanner.take(block)
        if time.monotonic() > end or cancelled():
            scanner.stop(f"reading it took longer than {timeout:g} seconds")
            break
    return scanner.result()


@dataclass
class _Excerpt:
    """A line with those around it; some of those after it may be in the next block."""

    line: int
    text: str
    before: tuple[str, ...]
    step: str | None
    after: list[str] = field(default_factory=list)
    times: int = 1
    summary: bool = False

    def finding(self, pattern: str) -> LogFinding:
        return LogFinding(pattern, self.line, self.text, self.before, tuple(self.after), self.step, self.times)

    def excerpt(self) -> LogExcerpt:
        return LogExcerpt(self.line, self.text, self.before, tuple(self.after), self.step)


class _Scanner:
    """The state of a scan. Lines are numbered from 0 in their block and from 1 in the log."""

    def __init__(
        self, patterns: Iterable[FailurePattern], rate_limits: Sequence[str], prefixes: Sequence[str] = ()
    ) -> None:
        self._rate_limits = rate_limits
        literals = map(re2.escape, (*rate_limits, ANNOUNCEMENT))
        self._classifier = Classifier(patterns, also=(r"^##\[(?:group|endgroup|error)\]", *literals), prefixes=prefixes)
        self._last: deque[bytes] = deque(maxlen=2 * TAIL)
        self._incomplete: list[_Excerpt] = []
        self._findings: dict[tuple[str, str], _Excerpt] = {}
        self._images = Images()
        self._lines = self._bytes = self._count = 0
        self._step: str | None = None
        self._script_until = 0
        self._first_of_step: _Excerpt | None = None
        self._first_error: _Excerpt | None = None
        self._up_to_error: list[bytes] = []
        self._rate_limited = ""
        self._unread: LogFinding | None = None

    def take(self, block: bytes) -> None:
        """Scan the next block of whole lines."""
        self._bytes += len(block)
        text = log_lines.clean(block).removesuffix(b"\n")
        candidates = list(self._classifier.candidates(text))
        if candidates or self._incomplete or self._images.listing:
            lines = text.split(b"\n")
            self._continue(lines)
            for number in candidates:
                self._take_line(lines, number)
            self._last.extend(lines[-2 * TAIL :])
        else:
            self._last.extend(text.rsplit(b"\n", 2 * TAIL)[-2 * TAIL :])
        self._lines += text.count(b"\n") + 1

    def _continue(self, lines: Sequence[bytes]) -> None:
        """Complete what the previous block left open."""
        for excerpt in self._incomplete:
            excerpt.after += [log_lines.readable(line) for line in lines[: AROUND - len(excerpt.after)]]
        self._incomplete = [excerpt for excerpt in self._incomplete if len(excerpt.after) < AROUND]
        if self._images.listing:
            self._images.take(map(log_lines.readable, lines))

    def _take_line(self, lines: Sequence[bytes], number: int) -> None:
        line = lines[number]
        screens = log_lines.screens(line)
        if not screens:
            return
        command = log_lines.command_of(screens[0])
        if command in ("group", "endgroup"):
            self._enter(command, screens[0], number)
        elif not self._in_script(line, number):
            if command == "error":
                self._take_error(lines, number)
            self._classify(lines, number, screens)
        if ANNOUNCEMENT in screens[-1]:
            self._images.listing = True
            self._images.take(map(log_lines.readable, lines[number + 1 :]))

    def _enter(self, command: str, text: str, number: int) -> None:
        heading = log_lines.cut(text)
        self._script_until = 0
        if command == "group" and heading.startswith("Run "):
            self._step, self._first_of_step = heading, None
            self._script_until = self._lines + number + LONGEST_SCRIPT

    def _in_script(self, line: bytes, number: int) -> bool:
        return self._lines + number < self._script_until or log_lines.is_script(line)

    def _classify(self, lines: Sequence[bytes], number: int, screens: Sequence[str]) -> None:
        if not self._rate_limited:
            limited = (text for text in screens if any(word in text for word in self._rate_limits))
            self._rate_limited = log_lines.cut(next(limited, ""))
        classified = self._classifier.classify(screens)
        if classified:
            pattern, text = classified
            self._keep(pattern, self._excerpt(lines, number, log_lines.cut(text)))

    def _keep(self, pattern: FailurePattern, excerpt: _Excerpt) -> None:
        self._count += 1
        excerpt.summary = pattern.summary
        self._first_of_step = _cause(self._first_of_step, excerpt)
        key = (pattern.name, excerpt.text)
        if key in self._findings:
            self._findings[key].times += 1
        elif (
            len(self._findings) < MOST_FINDINGS
            and sum(name == pattern.name for name, _ in self._findings) < MOST_OF_A_PATTERN
        ):
            self._findings[key] = excerpt

    def _take_error(self, lines: Sequence[bytes], number: int) -> None:
        """Keep what leads up to a line that GitHub marks as an error: usually a step has failed."""
        self._up_to_error = [*self._last, *lines[max(0, number + 1 - 2 * TAIL) : number + 1]][-2 * TAIL :]
        if self._first_error is None:
            text = log_lines.readable(lines[number])
            self._first_error = self._first_of_step or self._excerpt(lines, number, text, BEFORE_ERROR)

    def _excerpt(self, lines: Sequence[bytes], number: int, text: str, before: int = AROUND) -> _Excerpt:
        preceding = [*list(self._last)[-before:], *lines[max(0, number - before) : number]][-before:]
        leading = tuple(map(log_lines.readable, preceding))
        excerpt = _Excerpt(self._lines + number + 1, text, leading, self._step)
        excerpt.after += [log_lines.readable(line) for line in lines[number + 1 : number + 1 + AROUND]]
        if len(excerpt.after) < AROUND:
            self._incomplete.append(excerpt)
        return excerpt

    def stop(self, reason: str) -> None:
        """Record that the rest of the log remains unread."""
        self._unread = LogFinding(UNREAD, self._lines, reason)

    def result(self) -> LogReading:
        """What the scan found."""
        findings = [excerpt.finding(name) for (name, _), excerpt in self._findings.items()]
        first = self._first_error
        for excerpt in () if first else self._findings.values():
            first = _cause(first, excerpt)
        unread = [self._unread] if self._unread else []
        return LogReading(
            lines=self._lines,
            bytes=self._bytes,
            findings=(*findings, *unread),
            matches=self._count + len(unread),
            truncated=bool(unread),
            first_error=first.excerpt() if first else None,
            tail=_tail(self._up_to_error or self._last),
            images=self._images.images,
            rate_limited=self._rate_limited,
        )


def _cause(first: _Excerpt | None, later: _Excerpt) -> _Excerpt:
    """Which of two excerpts shows the cause: the first, unless it is only a summary."""
    return later if first is None or (first.summary and not later.summary) else first


def _tail(lines: Iterable[bytes]) -> tuple[str, ...]:
    content = [line for line in lines if log_lines.is_content(line)]
    return tuple(map(log_lines.readable, content[-TAIL:]))
