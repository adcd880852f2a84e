"""The peak memory of this process."""

from __future__ import annotations

from pathlib import Path


def peak() -> float:
    """The peak in megabytes (Linux's VmHWM: ru_maxrss would include the parent's)."""
    [line] = [
        splitline
        for splitline in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if "VmHWM" in splitline
    ]
    return int(line.split()[1]) * 1024 / 1e6
