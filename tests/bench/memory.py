"""How much memory this process had at most."""

from __future__ import annotations

from pathlib import Path


def peak() -> float:
    """Megabytes (Linux's VmHWM: ru_maxrss would count the parent's too)."""
    [line] = [
        splitline
        for splitline in Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        if "VmHWM" in splitline
    ]
    return int(line.split()[1]) * 1024 / 1e6
