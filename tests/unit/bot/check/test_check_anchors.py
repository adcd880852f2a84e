"""`check` names a destination of anchors that is as easily reached as the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.anchors import check_anchors
from bot.config import read
from tests.unit.bot.test_main import CONFIG

if TYPE_CHECKING:
    from pathlib import Path


async def problems(directory: Path, destination: str) -> str:
    config = read(f"{CONFIG}audit: {{anchor: {{to: [{destination}]}}}}\n")
    findings = await check_anchors(config, directory)
    return "; ".join(connection.detail for connection in findings.connections() if not connection.ok)


async def test_a_file_beside_the_database_or_nowhere_is_a_problem(tmp_path: Path) -> None:
    directory = tmp_path / "var"
    directory.mkdir()
    assert "is on the same disk as" in await problems(directory, "{file: anchors.jsonl}")
    assert "does not exist" in await problems(directory, "{file: none/anchors.jsonl}")
    in_memory = await problems(directory, "{file: /dev/shm/anchors.jsonl}")
    same_disk = directory.stat().st_dev == (tmp_path / "/dev/shm").stat().st_dev
    assert ("same disk" in in_memory) is same_disk


async def test_syslog_and_a_channel_are_facts(tmp_path: Path) -> None:
    assert await problems(tmp_path, "{syslog: /dev/log}") == ""
    assert await problems(tmp_path, "{channel: '#audit'}") == ""
