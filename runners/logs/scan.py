"""Reads the log of a job in a process of its own, which has a time limit."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runners.concurrency import run_blocking
from runners.errors import RunnerError, TimedOutError
from runners.logs.reading import UNREAD, Question
from runners.processes import child
from runners.results import LogFinding, LogReading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runners.logs.signs import Sign

PROJECT = Path(__file__).parents[2]
TIMEOUT = 120.0  # seconds for one log: a gigabyte takes about ten
_GRACE = 10.0  # seconds beyond that, until the process is ended from outside
_ROOM = 16 << 20  # bytes of an answer, far more than there can be


async def scan(
    path: Path, signs: Iterable[Sign], *, rate_limits: Iterable[str] = (), cut: bool = False, timeout: float = TIMEOUT
) -> LogReading:
    """Read a downloaded log: signs of failure (first come, first named), images, the telling lines.

    `rate_limits` are plain texts; `cut` tells that the file is not the whole log. A log that could not be read to
    its end has a finding that says so. What the reading holds is foreign and not redacted.

    Raises:
        RunnerError: the log is gone, or the process that reads it was ended.
    """
    question = Question(tuple(signs), tuple(rate_limits), timeout)
    try:
        reading = await _read(path, question, timeout + _GRACE)
    except TimedOutError:
        reading = _unread(LogReading(), f"reading it took longer than {timeout:g} seconds")
    return _unread(reading, "it is longer than is downloaded") if cut else reading


async def _read(path: Path, question: Question, timeout: float) -> LogReading:
    doing = "reading a job's log"
    asked = msgspec.json.encode(question).decode()
    argv = (sys.executable, "-m", "runners.logs.worker", str(path.absolute()), asked)
    with tempfile.TemporaryDirectory(prefix="log-") as directory:
        answer = Path(directory) / "answer"
        env = child.child_environment(Path(directory))
        ended = await child.run(argv, cwd=PROJECT, env=env, timeout=timeout, doing=doing, stdout_to=answer, grace=0.5)
        if ended.exit_code:
            problem = "the program that reads it ended early"
            raise RunnerError(doing, problem, exit_code=ended.exit_code, log_tail=ended.stderr[-2000:])
        return await run_blocking(_decoded, answer, timeout=30, doing=doing)


def _decoded(answer: Path) -> LogReading:
    with answer.open("rb") as file:
        return msgspec.json.decode(file.read(_ROOM), type=LogReading)


def _unread(reading: LogReading, why: str) -> LogReading:
    finding = LogFinding(UNREAD, reading.lines, why)
    return replace(reading, findings=(*reading.findings, finding), found=reading.found + 1, cut=True)
