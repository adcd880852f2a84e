"""What the wall adds to the start of a child."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from runners.processes import child
from runners.processes.wall import OUTSIDE, WALL
from tests.bench.figures import Figure

if TYPE_CHECKING:
    from runners.processes.wall import Room

TARGET = 0.05  # seconds


async def measure(*, quick: bool) -> list[Figure]:
    """Run `true` with and without the wall, alternating; the median of the differences of neighbours."""
    pairs = 3 if quick else 40
    with tempfile.TemporaryDirectory(prefix="bench-wall-") as name:
        home = Path(name) / "home"
        walled = WALL.room(writable=[home])
        child.child_environment(home)
        pairs_of_seconds = [(await _seconds(home, OUTSIDE), await _seconds(home, walled)) for _ in range(pairs)]
    without, behind = (median(side) for side in zip(*pairs_of_seconds, strict=True))
    added = median(walled - plain for plain, walled in pairs_of_seconds)
    detail = f"median of {pairs} pairs: {without * 1000:.0f} ms without, {behind * 1000:.0f} ms behind the wall"
    return [Figure("the wall adds to a start", added, " s", TARGET, detail=detail)]


async def _seconds(home: Path, room: Room) -> float:
    env = child.child_environment(home)
    began = time.perf_counter()
    result = await child.run(["true"], cwd=home, env=env, timeout=60, doing="measuring", room=room)
    if result.exit_code:
        raise RuntimeError(f"true ended with {result.exit_code}: {result.stderr}")
    return time.perf_counter() - began
