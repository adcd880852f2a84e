"""How many runs of terraform and ansible this machine takes: by its cores and its memory, or those of its container."""

from __future__ import annotations

import os
from pathlib import Path

RUNS_PER_CORE = 2  # a run waits for providers and hosts for most of its time
MEMORY_PER_RUN = 1 << 30  # bytes: terraform with the AWS provider needs up to that
_CGROUP = Path("/sys/fs/cgroup")


def default_runs(cgroup: Path = _CGROUP) -> int:
    """Two for each core, at most one for each GB of memory, at least one."""
    return max(1, min(int(cores(cgroup) * RUNS_PER_CORE), memory(cgroup) // MEMORY_PER_RUN))


def cores(cgroup: Path = _CGROUP) -> float:
    """The processors that this process may use."""
    present = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")  # of version 2: "max 100000", "150000 100000"
    if quota.isdigit() and period.isdigit() and int(period):
        return min(present, int(quota) / int(period))
    return present


def memory(cgroup: Path = _CGROUP) -> int:
    """The memory that this process may use, in bytes."""
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = _read(cgroup / "memory.max") or _read(cgroup / "memory" / "memory.limit_in_bytes")  # of versions 2 and 1
    return min(present, int(limit)) if limit.isdigit() else present


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
