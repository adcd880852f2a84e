"""Measures the scan of a large log for failures, beside `grep -E` with the same patterns."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from runners.logs.failure_patterns import BUILT_IN, configured
from sandbox.bot_process import PROJECT
from tests.bench import build_log
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.logs.failure_patterns import FailurePattern

SIZE, QUICK_SIZE = 200_000_000, 10_000_000
SPEED, MEMORY = 100.0, 20.0
# The patterns of the example configuration.
CONFIGURED = ("(?i)\\berror:", "(?i)fatal:", "npm ERR!", "E: Unable to locate package")
PATTERNS = (*BUILT_IN, *map(configured, CONFIGURED))
RATE_LIMITS = ("RequestLimitExceeded", "API rate limit exceeded")

_Used = dict[str, float]


async def measure(*, quick: bool) -> list[Figure]:
    """Run both in turn, each in a process of its own; processor time is measured, so that other work does not matter."""
    size, tasks = (QUICK_SIZE, 1) if quick else (SIZE, 3)
    with tempfile.TemporaryDirectory(prefix="log-scan-") as directory:
        log, patterns = Path(directory) / "log", Path(directory) / "patterns"
        failed = await asyncio.to_thread(build_log.write, log, size)
        patterns.write_text("".join(f"{for_grep(pattern)}\n" for pattern in PATTERNS))
        pairs = [(await _read(log, failed), await _grep(log, patterns)) for _ in range(tasks)]
    return _figures(size / 1e6, [item for item, _ in pairs], [seconds for _, seconds in pairs if seconds])


def _figures(megabytes: float, readings: Sequence[_Used], greps: Sequence[float]) -> list[Figure]:
    speeds = [megabytes / reading["seconds"] for reading in readings]
    of = f"{megabytes:.0f} MB, {len(PATTERNS)} patterns"
    detail = f"median of {len(speeds)} rounds, {min(speeds):.0f} to {max(speeds):.0f}; {of}"
    figures = [
        Figure(
            "scanning a job's log, of processor time",
            median(speeds),
            " MB/s",
            SPEED,
            more_is_better=True,
            detail=detail,
        ),
        Figure(
            "scanning a job's log, memory added",
            max(reading["megabytes"] for reading in readings),
            " MB",
            MEMORY,
            detail=of,
        ),
    ]
    if greps:
        detail = "only counts: no false positives, no lines around a failure"
        figures.append(Figure("grep -E with the same patterns", megabytes / median(greps), " MB/s", detail=detail))
    return figures


async def _read(log: Path, failed: int) -> _Used:
    arguments = (str(log), json.dumps(CONFIGURED), json.dumps(RATE_LIMITS))
    used: _Used = json.loads(await _run(sys.executable, "-m", "tests.bench.log_reader", *arguments))
    if used["found"] != failed:
        raise RuntimeError(f"{failed} lines show a failure, {used['found']:.0f} were found")
    return used


async def _grep(log: Path, patterns: Path) -> float | None:
    """Seconds of processor time; None without GNU grep."""
    if not shutil.which("grep") or b"GNU" not in await _run("grep", "--version"):
        return None
    before = _of_children()
    await _run("env", "LC_ALL=C", "grep", "-a", "-c", "-E", "-f", str(patterns), str(log))
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# GNU grep's own syntax. It cannot ignore case for a single pattern: those match their own case alone.
_DIALECT = {"(?i)": "", "(?:": "(", "\\d": "[0-9]", "[^\\]]": "[^]]", "\\pL\\pN": ""}
_BEGINNING = "^[^ ]* (==> [^ ]+: |    [^ ]+: )?"


def for_grep(failure_pattern: FailurePattern) -> str:
    """The pattern in the syntax of `grep -E`, for lines that begin with a timestamp and Packer's prefix."""
    pattern = failure_pattern.pattern
    for ours, theirs in _DIALECT.items():
        pattern = pattern.replace(ours, theirs)
    pattern = re.sub(r"(?<!\\)\[([^\]]*)\\w", r"[\1[:alnum:]_", pattern)
    return pattern.replace("^", _BEGINNING) if pattern.startswith(("^", "(^")) else pattern


async def _run(*argv: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        *argv, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    text, _ = await child.communicate()
    if child.returncode and argv[0] != "env":
        raise RuntimeError(f"{' '.join(argv[:4])} ended with {child.returncode}")
    return text
