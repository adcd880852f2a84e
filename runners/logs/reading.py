"""One pass over a log: findings with what stood around them, the end, images, words of rate limits."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.logs import lines as log_lines
from runners.logs.images import ANNOUNCED, Images
from runners.logs.judge import Judge, SlowPatternError
from runners.logs.literals import squeeze
from runners.logs.patience import watched
from runners.logs.signs import Sign  # noqa: TC001  -- msgspec reads the annotation when the program runs
from runners.results import LogExcerpt, LogFinding, LogReading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from runners.logs.sieve import Candidate

AROUND = 2  # lines before and after a finding
BEFORE_ERROR = 5  # lines before one that GitHub marked: "exit code 1" alone tells nothing
TAIL = 30  # lines
KEPT, KEPT_OF_A_SIGN = 50, 10  # different findings
LONGEST_SCRIPT = 1000  # lines that GitHub may show of a script before it runs
NEEDLES = (squeeze(ANNOUNCED.encode()), b"##group", b"##endgroup", b"##error")
UNREAD = "could not be read to the end"


@dataclass(frozen=True)
class Question:
    """What to look for in a log. `rate_limits` are plain texts; `seconds` is how long reading may take."""

    signs: tuple[Sign, ...]
    rate_limits: tuple[str, ...] = ()
    seconds: float = 60.0


def read(file: BinaryIO, question: Question) -> LogReading:
    """Read the log to its end, or until the time is over. On the main thread alone."""
    reading = _Reading(question)
    end = time.monotonic() + question.seconds
    with watched():
        for block in log_lines.blocks(file):
            reading.take(block)
            if time.monotonic() > end:
                reading.stop(f"reading it took longer than {question.seconds:g} seconds")
                break
    return reading.result()


@dataclass
class _Excerpt:
    """A line whose followers may still be to come."""

    line: int
    text: str
    before: tuple[str, ...]
    step: str | None
    after: list[str] = field(default_factory=list)
    times: int = 1
    summary: bool = False

    def finding(self, sign: str) -> LogFinding:
        return LogFinding(sign, self.line, self.text, self.before, tuple(self.after), self.step, self.times)

    def excerpt(self) -> LogExcerpt:
        return LogExcerpt(self.line, self.text, self.before, tuple(self.after), self.step)


class _Reading:
    """What is known so far. Lines are numbered from 0 within their block and from 1 in the log."""

    def __init__(self, question: Question) -> None:
        self._rate_limits = question.rate_limits
        words = [squeeze(word.encode()) for word in question.rate_limits]
        self._judge = Judge(question.signs, also=[*words, *NEEDLES])
        self._last: deque[bytes] = deque(maxlen=2 * TAIL)
        self._waiting: list[_Excerpt] = []
        self._found: dict[tuple[str, str], _Excerpt] = {}
        self._images = Images()
        self._lines = self._bytes = self._count = 0
        self._step: str | None = None
        self._script_until = 0
        self._first_of_step: _Excerpt | None = None
        self._first_error: _Excerpt | None = None
        self._up_to_error: list[bytes] = []
        self._rate_limited = ""
        self._unread: list[LogFinding] = []

    def take(self, block: bytes) -> None:
        """The next block of whole lines."""
        self._bytes += len(block)
        block = log_lines.without_colours(block)
        breaks, candidates = self._judge.sieve.lines(block)
        if candidates or self._waiting or self._images.listing:
            lines = block.removesuffix(b"\n").split(b"\n")
            self._go_on(lines)
            for candidate in candidates:
                self._look_at(lines, candidate)
            self._last.extend(lines[-2 * TAIL :])
        else:
            self._last.extend(block.removesuffix(b"\n").rsplit(b"\n", 2 * TAIL)[-2 * TAIL :])
        self._lines += breaks + (not block.endswith(b"\n"))

    def _go_on(self, lines: Sequence[bytes]) -> None:
        """What the block before left open."""
        for excerpt in self._waiting:
            excerpt.after += [log_lines.shown(line) for line in lines[: AROUND - len(excerpt.after)]]
        self._waiting = [one for one in self._waiting if len(one.after) < AROUND]
        if self._images.listing:
            self._images.take(map(log_lines.shown, lines))

    def _look_at(self, lines: Sequence[bytes], candidate: Candidate) -> None:
        number = candidate.number
        line = lines[number]
        screens = log_lines.screens(line)
        if not screens:
            return
        mark = log_lines.mark_of(screens[0])
        if mark in ("group", "endgroup"):
            self._turn(mark, screens[0], number)
        elif not self._in_script(line, number):
            if mark == "error":
                self._marked(lines, number)
            self._weigh(lines, candidate, screens)
        if ANNOUNCED in screens[-1]:
            self._images.listing = True
            self._images.take(map(log_lines.shown, lines[number + 1 :]))

    def _turn(self, mark: str, text: str, number: int) -> None:
        heading = log_lines.cut(text)
        self._script_until = 0
        if mark == "group" and heading.startswith("Run "):
            self._step, self._first_of_step = heading, None
            self._script_until = self._lines + number + LONGEST_SCRIPT

    def _in_script(self, line: bytes, number: int) -> bool:
        return self._lines + number < self._script_until or log_lines.is_script(line)

    def _weigh(self, lines: Sequence[bytes], candidate: Candidate, screens: Sequence[str]) -> None:
        number = candidate.number
        if not self._rate_limited:
            limited = (text for text in screens if any(word in text for word in self._rate_limits))
            self._rate_limited = log_lines.cut(next(limited, ""))
        try:
            judged = self._judge.sign_in(screens, squeeze(lines[number]), candidate.parts)
        except SlowPatternError as error:
            self.stop(f"{error.sign.name} takes too long; it was left out from this line on", self._lines + number + 1)
            return
        if judged:
            sign, text = judged
            self._keep(sign, self._excerpt(lines, number, log_lines.cut(text)))

    def _keep(self, sign: Sign, excerpt: _Excerpt) -> None:
        self._count += 1
        excerpt.summary = sign.summary
        self._first_of_step = _telling(self._first_of_step, excerpt)
        key = (sign.name, excerpt.text)
        if key in self._found:
            self._found[key].times += 1
        elif len(self._found) < KEPT and sum(name == sign.name for name, _ in self._found) < KEPT_OF_A_SIGN:
            self._found[key] = excerpt

    def _marked(self, lines: Sequence[bytes], number: int) -> None:
        """A line that GitHub marks as an error: mostly that a step has failed."""
        self._up_to_error = [*self._last, *lines[max(0, number + 1 - 2 * TAIL) : number + 1]][-2 * TAIL :]
        if self._first_error is None:
            text = log_lines.shown(lines[number])
            self._first_error = self._first_of_step or self._excerpt(lines, number, text, BEFORE_ERROR)

    def _excerpt(self, lines: Sequence[bytes], number: int, text: str, before: int = AROUND) -> _Excerpt:
        known = [*list(self._last)[-before:], *lines[max(0, number - before) : number]][-before:]
        shown = tuple(map(log_lines.shown, known))
        excerpt = _Excerpt(self._lines + number + 1, text, shown, self._step)
        excerpt.after += [log_lines.shown(line) for line in lines[number + 1 : number + 1 + AROUND]]
        if len(excerpt.after) < AROUND:
            self._waiting.append(excerpt)
        return excerpt

    def stop(self, why: str, line: int | None = None) -> None:
        """Note that part of the log remains unread, or unread for a pattern."""
        self._unread.append(LogFinding(UNREAD, self._lines if line is None else line, why))

    def result(self) -> LogReading:
        """All of it."""
        found = [excerpt.finding(name) for (name, _), excerpt in self._found.items()]
        first = self._first_error
        for excerpt in () if first else self._found.values():
            first = _telling(first, excerpt)
        return LogReading(
            lines=self._lines,
            bytes=self._bytes,
            findings=(*found, *self._unread),
            found=self._count + len(self._unread),
            cut=bool(self._unread),
            first_error=first.excerpt() if first else None,
            tail=_tail(self._up_to_error or self._last),
            images=self._images.found,
            rate_limited=self._rate_limited,
        )


def _telling(first: _Excerpt | None, later: _Excerpt) -> _Excerpt:
    """Which tells the cause: the first, unless that only says that there is one."""
    return later if first is None or (first.summary and not later.summary) else first


def _tail(lines: Sequence[bytes] | deque[bytes]) -> tuple[str, ...]:
    told = [line for line in lines if log_lines.is_told(line)]
    return tuple(map(log_lines.shown, told[-TAIL:]))
