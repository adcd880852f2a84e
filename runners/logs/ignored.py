"""Lines by which a log shows that a script ignores an exit code on purpose: `command || true`."""

from __future__ import annotations

import re

CLOSE = 3  # lines between what a command printed and the trace of the `true` after it
TRACE = r"^\++ (?:true|:)$"  # with `set -x`
BUILDKIT = r"^#\d+ \[.*\] RUN .*\|\| *(?:true|:)$"
EXPRESSIONS = (TRACE, BUILDKIT)
_TRACE = re.compile(TRACE)
_STEP = re.compile(r"#(\d+) ")
# With a semicolon, the exit code of what is before it is lost: nobody decided that.
_IGNORING_STEP = re.compile(r"#(\d+) \[[^\]]*\] RUN [^;]*\|\| *(?:true|:)$")


def is_trace(line: str) -> bool:
    """Whether the line is the trace of a `true` that replaces the exit code of the command before it."""
    return _TRACE.match(line) is not None


class IgnoringSteps:
    """The steps of an image build (BuildKit's `#9 [4/7] RUN ... || true`) whose exit code the Dockerfile ignores."""

    def __init__(self) -> None:
        self._steps: set[str] = set()

    def take(self, line: str) -> None:
        """Note the step if the line is the heading of one that ignores its exit code."""
        match = _IGNORING_STEP.match(line)
        if match:
            self._steps.add(match[1])

    def has(self, line: str) -> bool:
        """Whether such a step printed the line."""
        match = _STEP.match(line)
        return match is not None and match[1] in self._steps
