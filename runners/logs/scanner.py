"""The state of a scan of a log, block by block."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import re2

from runners.logs import ansible_results, excerpts, lines as log_lines
from runners.logs.classifier import Classifier
from runners.logs.excerpts import AROUND, TAIL, Excerpt, Findings
from runners.logs.ignored import CLOSE, EXPRESSIONS, IgnoringSteps, is_trace
from runners.logs.images import LITERALS, Images
from runners.logs.patterns import WEAK
from runners.results import LogFinding, LogReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runners.logs.ansible_results import Output, Result
    from runners.logs.failure_patterns import FailurePattern

BEFORE_ERROR = 5  # lines before an error that GitHub marked: "exit code 1" alone explains nothing
LONGEST_SCRIPT = 1000  # lines that GitHub may show of a script before it runs
IGNORED_ERRORS = "ansible: ignored errors"  # the pattern of a recap
UNREAD = "could not be read to the end"
_TASK = b"TASK ["
_ALSO = (
    r"^##\[(?:group|endgroup|error)\]",
    ansible_results.ONE_LINE,
    ansible_results.SEVERAL_LINES,
    f"^{re2.escape(ansible_results.IGNORING)}",
    *EXPRESSIONS,
)


def classifier_of(
    patterns: Iterable[FailurePattern], rate_limits: Sequence[str] = (), prefixes: Sequence[str] = ()
) -> Classifier:
    """What decides about lines; one that is kept for several scans saves the time to compile it."""
    literals = map(re2.escape, (*rate_limits, *LITERALS))
    return Classifier(patterns, also=(*_ALSO, *literals), prefixes=prefixes)


class Scanner:
    """Reads blocks of whole lines. Lines are numbered from 0 in their block and from 1 in the log."""

    def __init__(
        self,
        patterns: Iterable[FailurePattern],
        rate_limits: Sequence[str],
        prefixes: Sequence[str] = (),
        *,
        classifier: Classifier | None = None,
    ) -> None:
        self._rate_limits = rate_limits
        self._classifier = classifier or classifier_of(patterns, rate_limits, prefixes)
        self._last: deque[bytes] = deque(maxlen=2 * TAIL)
        self._incomplete: list[Excerpt] = []
        self._findings = Findings()
        self._images = Images()
        self._ignoring = IgnoringSteps()
        self._lines = self._bytes = 0
        self._step: str | None = None
        self._task = b""
        self._script_until = 0
        self._first_of_step: Excerpt | None = None
        self._first_error: Excerpt | None = None
        self._up_to_error: list[bytes] = []
        self._rate_limited = ""
        self._unread: LogFinding | None = None
        self._result: tuple[Result, Excerpt] | None = None  # one that goes on in the next lines

    def take(self, block: bytes) -> None:
        """Scan the next block of whole lines."""
        self._bytes += len(block)
        text = log_lines.clean(block).removesuffix(b"\n")
        candidates = list(self._classifier.candidates(text))
        if candidates or self._incomplete or self._images.listing or self._result:
            lines = text.split(b"\n")
            self._continue(lines)
            following = self._take_result(lines, 0)
            for number in candidates:
                if number >= following:
                    self._take_line(lines, number)
                    following = self._take_result(lines, number + 1)
            self._last.extend(lines[-2 * TAIL :])
        else:
            self._last.extend(text.rsplit(b"\n", 2 * TAIL)[-2 * TAIL :])
        self._task = _last_task(text) or self._task
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
            self._take_ignoring(screens[-1], number)
            self._limit(screens)
            if not self._begin_result(lines, number):
                self._classify(screens, lines, number)
        self._images.begin(screens[-1])
        if self._images.listing:
            self._images.take(map(log_lines.readable, lines[number + 1 :]))

    def _take_ignoring(self, text: str, number: int) -> None:
        """Lower the weight of findings whose failure is ignored on purpose."""
        self._ignoring.take(text)
        if text.endswith(ansible_results.IGNORING):
            self._findings.ignore_result(WEAK)
        elif any(map(is_trace, self._classifier.carriers.texts(text))):
            self._findings.ignore_since(self._lines + number + 1 - CLOSE, WEAK)

    def _enter(self, command: str, text: str, number: int) -> None:
        heading = log_lines.cut(text)
        self._script_until = 0
        if command == "group" and heading.startswith("Run "):
            self._step, self._first_of_step = heading, None
            self._script_until = self._lines + number + LONGEST_SCRIPT

    def _in_script(self, line: bytes, number: int) -> bool:
        return self._lines + number < self._script_until or log_lines.is_script(line)

    def _limit(self, screens: Sequence[str]) -> None:
        if not self._rate_limited:
            limited = (text for text in screens if any(word in text for word in self._rate_limits))
            self._rate_limited = log_lines.cut(next(limited, ""))

    def _classify(self, screens: Sequence[str], lines: Sequence[bytes], number: int) -> None:
        classified = self._classifier.classify(screens)
        if classified:
            pattern, text = classified
            if ansible_results.ANNOUNCEMENT in text:
                self._findings.announce_result()
            weight = WEAK if self._ignoring.has(text) and not pattern.configured else pattern.weight_of(text)
            if pattern.name == IGNORED_ERRORS and self._findings.ignored:
                weight = 0
            self._keep(pattern, self._excerpt(lines, number, log_lines.cut(text)), weight)

    def _keep(self, pattern: FailurePattern, excerpt: Excerpt, weight: int, *, summary: bool = False) -> None:
        excerpt.summary, excerpt.weight = pattern.summary or summary, weight
        self._first_of_step = excerpts.cause(self._first_of_step, excerpt)
        self._findings.add(pattern, excerpt)

    def _begin_result(self, lines: Sequence[bytes], number: int) -> bool:
        if b" =>" not in lines[number]:
            return False
        texts = log_lines.screens(lines[number], longest=log_lines.LONGEST_LINE)
        result = ansible_results.opening(texts[-1], self._classifier.carriers) if texts else None
        if result is None:
            return False
        if result.complete and not result.failed and not self._may_show_failure(result):
            return True
        excerpt = self._excerpt(lines, number, log_lines.cut(texts[-1]))
        task = next(filter(None, map(_last_task, reversed(lines[:number]))), self._task)
        excerpt.step = " in ".join(filter(None, (log_lines.readable(task), self._step))) or None
        self._result = result, excerpt
        return True

    def _may_show_failure(self, result: Result) -> bool:
        texts = map(_text_of, result.outputs())
        return any(next(self._classifier.candidates(text), None) is not None for text in texts)

    def _take_result(self, lines: Sequence[bytes], number: int) -> int:
        """Read what remains of a result; returns the number of the first line after it."""
        if self._result is None:
            return number
        result, excerpt = self._result
        while not result.complete and number < len(lines):
            texts = log_lines.screens(lines[number], longest=log_lines.LONGEST_LINE)
            if not result.take(texts[-1] if texts else ""):
                break
            number += 1
        if result.complete:
            self._finish_result(result, excerpt)
        return number

    def _finish_result(self, result: Result, excerpt: Excerpt) -> None:
        self._result = None
        self._findings.begin_result()
        before = self._findings.count
        for output in result.outputs():
            self._take_output(output, excerpt)
        text = result.heading(excerpt.text)
        classified = self._classifier.classify([text])
        if classified:
            excerpt.text = log_lines.cut(text)
            # A line of the tool's own output says more.
            self._keep(classified[0], excerpt, classified[0].weight, summary=self._findings.count > before)

    def _take_output(self, output: Output, at: Excerpt) -> None:
        """Classify each line that a tool printed, as if it were a line of the log."""
        text = _text_of(output)
        lines = text.split(b"\n")
        for number in self._classifier.candidates(text):
            classified = self._classifier.classify(log_lines.screens(lines[number]))
            if classified:
                pattern, found_text = classified
                before = tuple(map(log_lines.readable, lines[max(0, number - AROUND) : number]))
                after = list(map(log_lines.readable, lines[number + 1 : number + 1 + AROUND]))
                excerpt = Excerpt(at.line, log_lines.cut(found_text), before, at.step, after)
                self._keep(pattern, excerpt, WEAK if output.ignored else pattern.weight_of(found_text))

    def _take_error(self, lines: Sequence[bytes], number: int) -> None:
        """Keep what leads up to a line that GitHub marks as an error: usually a step has failed."""
        self._up_to_error = [*self._last, *lines[max(0, number + 1 - 2 * TAIL) : number + 1]][-2 * TAIL :]
        if self._first_error is None:
            text = log_lines.readable(lines[number])
            self._first_error = self._first_of_step or self._excerpt(lines, number, text, BEFORE_ERROR)

    def _excerpt(self, lines: Sequence[bytes], number: int, text: str, before: int = AROUND) -> Excerpt:
        preceding = [*list(self._last)[-before:], *lines[max(0, number - before) : number]][-before:]
        leading = tuple(map(log_lines.readable, preceding))
        excerpt = Excerpt(self._lines + number + 1, text, leading, self._step)
        excerpt.after += [log_lines.readable(line) for line in lines[number + 1 : number + 1 + AROUND]]
        if len(excerpt.after) < AROUND:
            self._incomplete.append(excerpt)
        return excerpt

    def stop(self, reason: str) -> None:
        """Record that the rest of the log remains unread."""
        self._unread = LogFinding(UNREAD, self._lines, reason)

    def result(self) -> LogReading:
        """What the scan found."""
        if self._result:
            self._finish_result(*self._result)
        first = self._first_error or self._findings.first_cause()
        unread = [self._unread] if self._unread else []
        return LogReading(
            lines=self._lines,
            bytes=self._bytes,
            findings=(*self._findings.findings(), *unread),
            matches=self._findings.count + len(unread),
            truncated=bool(unread),
            first_error=first.excerpt() if first else None,
            tail=excerpts.tail(self._up_to_error or self._last),
            images=self._images.images,
            rate_limited=self._rate_limited,
        )


def _text_of(output: Output) -> bytes:
    return log_lines.clean("\n".join(output.lines).encode("utf-8", "replace"))


def _last_task(text: bytes) -> bytes:
    """The heading of the last task in some lines, `TASK [name]`; empty without one."""
    start = text.rfind(_TASK)
    end = text.find(b"]", start)
    return text[start : end + 1] if 0 <= start < end and b"\n" not in text[start:end] else b""
