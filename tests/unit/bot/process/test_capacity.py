"""How many runs a machine takes, in a container and outside of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import pytest

from bot.process import capacity

if TYPE_CHECKING:
    from pathlib import Path

GB = 1 << 30


def test_without_limits_it_is_what_the_machine_has(tmp_path: Path) -> None:
    assert capacity.memory(tmp_path) == pytest.approx(psutil.virtual_memory().total, rel=0.05)
    assert capacity.cores(tmp_path) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("cores", "memory", "runs"), [(2, 4 * GB, 4), (2, 2 * GB, 2), (1, GB // 2, 1), (0.5, 8 * GB, 1), (16, 8 * GB, 8)]
)
def test_two_for_a_core_and_one_for_a_gigabyte_and_at_least_one(
    cores: float, memory: int, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "cores", lambda _: cores)
    monkeypatch.setattr(capacity, "memory", lambda _: memory)
    assert capacity.default_runs() == runs


@pytest.mark.parametrize(
    ("files", "cores", "size"),
    [
        ({"cpu.max": "50000 100000", "memory.max": "1048576"}, 0.5, 1_048_576),
        ({"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        ({"memory/memory.limit_in_bytes": "2097152"}, None, 2_097_152),
        ({"cpu.max": "100 0", "memory/memory.limit_in_bytes": "9223372036854771712"}, None, None),
        ({"cpu.max": "\xff", "memory.max": "x"}, None, None),
    ],
)
def test_a_containers_limits_count(
    tmp_path: Path, files: dict[str, str], cores: float | None, size: int | None
) -> None:
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    nothing = tmp_path / "memory"  # without files of version 2
    assert capacity.cores(tmp_path) == (cores or capacity.cores(nothing))
    assert capacity.memory(tmp_path) == (size or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
