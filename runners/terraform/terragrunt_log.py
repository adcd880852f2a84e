"""Terragrunt's own errors among the output of a command. Pure."""

from __future__ import annotations

import re

from runners.results import Diagnostic

# As --log-format key-value prints it: time=... level=error prefix=... tf-path=... msg=..., whose message may have more lines.
_ENTRY = re.compile(r"^time=\S+ level=(\w+) .*?\bmsg=(.*)$")
_ERROR = "error"


def split(text: str) -> tuple[str, list[Diagnostic]]:
    """The text without Terragrunt's entries, and its errors; colours are off."""
    others: list[str] = []
    entries: list[tuple[str, list[str]]] = []
    for line in text.split("\n"):
        if match := _ENTRY.match(line):
            entries.append((match[1], [match[2]]))
        elif entries:
            entries[-1][1].append(line)
        else:
            others.append(line)
    errors = [_error(lines) for level, lines in entries if level == _ERROR]
    return "\n".join(others), [error for error in errors if error.summary]


def _error(lines: list[str]) -> Diagnostic:
    summary, *rest = [line.strip() for line in lines if line.strip()] or [""]
    return Diagnostic("error", summary, "\n".join(rest))
