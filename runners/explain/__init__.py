"""The likely cause of a failure, by what its programs printed, and the next step: one table for all kinds of operations."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING

import re2

from runners.concurrency import run_blocking
from runners.explain.cloud import CLOUD
from runners.explain.machines import MACHINES
from runners.explain.network import NETWORK
from runners.logs.failure_patterns import FailurePattern
from runners.logs.lines import blocks
from runners.logs.patterns import CERTAIN, STRONG, WEAK
from runners.logs.scanner import Scanner, classifier_of
from runners.results import Cause

if TYPE_CHECKING:
    from runners.errors import RunnerError
    from runners.explain.rows import CauseRow
    from runners.logs.classifier import Classifier

MOST = (
    32 << 10
)  # characters that are read: a longer text counts with its end; nothing but results of Ansible takes a second
TIMEOUT = 30.0  # seconds
LONGEST_WORD = 80  # characters of a name in the sentence
_BOX = "│╷╵┃"
# The first row that matches a line counts, so a row with the more exact sentence comes first.
ROWS: tuple[CauseRow, ...] = (*CLOUD, *MACHINES, *NETWORK)


def explain(*texts: str) -> Cause | None:
    """The likely cause that these texts of one failure show, such as its error and the end of its log; None for unknown ones.

    A line that says itself that it does not count (a warning, a retry, a failure that is ignored) shows none. The time is linear in
    the length. The texts are redacted, or what is made of the cause is.
    """
    text = "\n".join(texts)[-MOST:]
    return _first_in(text) or _first_in(unwrapped(text))


async def explain_later(*texts: str) -> Cause | None:
    """The same on a thread, for texts that may be long."""
    return await run_blocking(explain, *texts, timeout=TIMEOUT, doing="looking for the cause of a failure")


def remedy_of(error: RunnerError) -> str:
    """What people can do about an error: its own remedy, else the likely cause that its words and its output show; may be empty."""
    cause = None if error.remedy else explain(error.problem, error.log_tail)
    return cause.text if cause else error.remedy


def unwrapped(text: str) -> str:
    """The text with each paragraph on one line, without boxes: Terraform wraps its sentences."""
    lines = [line.strip().lstrip(_BOX).strip() for line in text.splitlines()]
    paragraphs = "\n".join(lines).split("\n\n")
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _first_in(text: str) -> Cause | None:
    scanner = Scanner((), (), classifier=_classifier())
    for block in blocks(io.BytesIO(text.encode("utf-8", "replace"))):
        scanner.take(block)
    for finding in scanner.result().findings:
        if finding.weight > WEAK:
            return _cause(_rows()[finding.pattern], finding.text)
    return None


def _cause(row: CauseRow, line: str) -> Cause:
    match = _expression(row.pattern).search(line)
    groups = match.groups() if match else ()
    what = next(filter(None, groups), row.otherwise).strip(" .:'\"[]")[:LONGEST_WORD]
    likely, then = (" ".join(text.format(what=what).split()) for text in (row.likely, row.then))
    return Cause(row.name, likely, then)


@cache
def _classifier() -> Classifier:
    return classifier_of(
        [FailurePattern(row.key, row.pattern, row.name, weight=CERTAIN if row.certain else STRONG) for row in ROWS]
    )


@cache
def _rows() -> dict[str, CauseRow]:
    return {row.key: row for row in ROWS}


@cache
def _expression(pattern: str) -> re2._Regexp:
    return re2.compile(pattern)
