"""Scans the log of a job in one pass: failures with the lines around them, the end, images, rate limits."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.logs import lines as log_lines
from runners.logs.scanner import UNREAD, Scanner
from runners.results import LogFinding, LogReading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from runners.logs.failure_patterns import FailurePattern

TIMEOUT = 120.0  # seconds for one log: a gigabyte takes about ten
QUEUE_TIMEOUT = 900.0  # seconds that a log may wait for others

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


async def scan_text(text: str, patterns: Sequence[FailurePattern]) -> LogReading:
    """The same for a text in memory."""

    def read() -> LogReading:
        return scan_file(io.BytesIO(text.encode("utf-8", "replace")), patterns)

    return await run_blocking(read, timeout=QUEUE_TIMEOUT, doing="reading a log", pool=_thread)


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
    scanner = Scanner(patterns, rate_limits, prefixes)
    end = time.monotonic() + timeout
    for block in log_lines.blocks(file):
        scanner.take(block)
        if time.monotonic() > end or cancelled():
            scanner.stop(f"reading it took longer than {timeout:g} seconds")
            break
    return scanner.result()
