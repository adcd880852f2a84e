"""A log is read in a process of its own, which ends in time, whatever patterns are configured."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError
from runners.logs import scan as log_scan
from runners.logs.reading import UNREAD
from runners.logs.scan import scan
from runners.logs.signs import BUILT_IN, configured

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "E: Unable to locate package libfoo"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text(f"quiet\n{MISSING}\nRequestLimitExceeded: slower\nthe end: é\n")
    return path


async def test_what_the_process_finds_comes_back_as_values(log: Path) -> None:
    reading = await scan(log, [*BUILT_IN, configured("(?i)^THE end")], rate_limits=["RequestLimitExceeded"])
    assert [(finding.sign, finding.line) for finding in reading.findings] == [
        ("apt: package not found", 2),
        ("configured: (?i)^THE end", 4),
    ]
    assert reading.findings[0].before == ("quiet",)
    assert reading.rate_limited == "RequestLimitExceeded: slower"
    assert reading.tail[-1] == "the end: é"
    assert (reading.lines, reading.bytes, reading.cut, reading.suspect) == (4, log.stat().st_size, False, True)


async def test_a_log_that_was_cut_is_not_trusted(log: Path) -> None:
    reading = await scan(log, [], cut=True)
    assert reading.cut
    assert [(finding.sign, finding.line) for finding in reading.findings] == [(UNREAD, 4)]
    assert reading.found == 1


async def test_a_reading_that_is_ended_from_outside_says_so(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_scan, "_GRACE", 0.001)
    reading = await scan(log, BUILT_IN, timeout=0)
    assert reading.cut
    assert reading.findings[-1].sign == UNREAD
    assert "0 seconds" in reading.findings[-1].text


async def test_a_log_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="ended early"):
        await scan(tmp_path / "none", BUILT_IN)


async def test_the_bot_goes_on_while_a_pattern_without_end_is_tried(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a" * 60 + "!\n" + MISSING + "\n")
    reading = asyncio.create_task(scan(path, [*BUILT_IN, configured("(a+)+b")], timeout=30))
    ticks = 0
    while not reading.done():
        await asyncio.sleep(0.02)
        ticks += 1
    assert ticks > 10
    assert {finding.sign for finding in (await reading).findings} == {"apt: package not found", UNREAD}
