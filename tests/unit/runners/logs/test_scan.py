"""A log is scanned on a thread: the bot goes on meanwhile, and no scan outlives who waits for it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError, TimedOutError
from runners.logs import classifier, lines as log_lines, scan as log_scan
from runners.logs.failure_patterns import BUILT_IN, configured
from runners.logs.scan import scan
from runners.logs.scanner import UNREAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

MISSING = "E: Unable to locate package libfoo"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text(f"quiet\n{MISSING}\nRequestLimitExceeded: slower\nthe end: é\n")
    return path


async def test_a_scan_gives_findings_rate_limits_and_the_end(log: Path) -> None:
    reading = await scan(log, [*BUILT_IN, configured("(?i)^THE end")], rate_limits=["RequestLimitExceeded"])
    assert [(finding.pattern, finding.line) for finding in reading.findings] == [
        ("apt: package not found", 2),
        ("configured: (?i)^THE end", 4),
    ]
    assert reading.findings[0].before == ("quiet",)
    assert reading.rate_limited == "RequestLimitExceeded: slower"
    assert reading.tail[-1] == "the end: é"
    assert (reading.lines, reading.bytes, reading.truncated, reading.suspect) == (4, log.stat().st_size, False, True)


async def test_a_log_that_was_cut_is_not_trusted(log: Path) -> None:
    reading = await scan(log, [], truncated=True)
    assert reading.truncated
    assert [(finding.pattern, finding.line) for finding in reading.findings] == [(UNREAD, 4)]
    assert reading.matches == 1


async def test_a_log_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="cannot read it: No such file"):
        await scan(tmp_path / "none", BUILT_IN)


async def test_patterns_that_are_too_large_together_are_an_error(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "MEMORY", 1 << 18)
    with pytest.raises(RunnerError, match="too large together"):
        await scan(log, BUILT_IN)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Lets the next scan read without end; the event is set once it reads."""
    reads, block = threading.Event(), b"quiet\n" * 10_000

    def blocks(file: BinaryIO) -> Iterator[bytes]:
        del file
        monkeypatch.undo()
        while True:
            reads.set()
            yield block

    monkeypatch.setattr(log_lines, "blocks", blocks)
    return reads


async def test_the_bot_goes_on_during_a_scan_which_ends_when_nobody_waits_for_it(
    log: Path, endless: threading.Event
) -> None:
    task = asyncio.create_task(scan(log, BUILT_IN))
    await asyncio.to_thread(endless.wait)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await scan(log, BUILT_IN)).lines == 4  # starts when the first has ended


async def test_a_scan_that_does_not_end_is_given_up(
    log: Path, endless: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = asyncio.create_task(scan(log, BUILT_IN))
    await asyncio.to_thread(endless.wait)
    monkeypatch.setattr(log_scan, "QUEUE_TIMEOUT", 0.01)
    with pytest.raises(TimedOutError):
        await scan(log, BUILT_IN)
    task.cancel()
