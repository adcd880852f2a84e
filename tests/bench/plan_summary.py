"""Summarising large plans, beside parsing the same bytes with msgspec and doing nothing with them."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from runners.terraform.summary import read_plan
from sandbox.bot_process import PROJECT
from tests.bench.figures import Figure
from tests.bench.memory import peak
from tests.bench.plan_document import document

if TYPE_CHECKING:
    from collections.abc import Callable

TIME, MEMORY, GROWTH = 1.5, 2.0, 1.5
RESOURCES, ALL_NEW = 20_000, 36_000  # about 100 MB each
SMALL, REPEATS = 100, 50

READERS: dict[str, Callable[[bytes], object]] = {
    "parse": msgspec.json.decode,
    "summary": lambda content: read_plan(content, digest="", program=""),
}


async def measure(*, quick: bool) -> list[Figure]:
    """Run each reading in a process of its own, in turn; processor time is measured, so that other work does not count."""
    tasks = 1 if quick else 5
    figures = []
    with tempfile.TemporaryDirectory(prefix="plan-summary-") as directory:
        for resources, all_new, what in ((RESOURCES, False, "one change in 20"), (ALL_NEW, True, "all new")):
            file = Path(directory) / "plan.json"
            file.write_bytes(await asyncio.to_thread(document, resources, all_new=all_new))
            pairs = [(await _read("parse", file), await _read("summary", file)) for _ in range(tasks)]
            figures += _figures(what, file.stat().st_size, resources, pairs)
        figures.append(await _growth(Path(directory), tasks))
    return figures


def _figures(what: str, size: int, resources: int, pairs: list[tuple[_Used, _Used]]) -> list[Figure]:
    seconds = [(parse["seconds"], summary["seconds"]) for parse, summary in pairs]
    memory = [(parse["megabytes"], summary["megabytes"]) for parse, summary in pairs]
    of = f"{size / 1e6:.0f} MB, {resources} resources"
    return [
        Figure(
            f"plan summary, {what}: time beside parsing", _ratio(seconds), "", TIME, detail=f"{of}; {_both(seconds)} s"
        ),
        Figure(
            f"plan summary, {what}: memory beside parsing",
            _ratio(memory),
            "",
            MEMORY,
            detail=f"{_both(memory)} MB over the document itself",
        ),
    ]


async def _growth(directory: Path, tasks: int) -> Figure:
    """The time per resource of a large plan, relative to a small plan."""
    large, small = directory / "large.json", directory / "small.json"
    large.write_bytes(document(RESOURCES))
    small.write_bytes(document(SMALL))
    many = median([(await _read("summary", large))["seconds"] for _ in range(tasks)]) / RESOURCES
    few = median([(await _read("summary", small, REPEATS))["seconds"] for _ in range(tasks)]) / SMALL / REPEATS
    detail = f"{many * 1e6:.0f} and {few * 1e6:.0f} microseconds a resource"
    return Figure(
        f"plan summary, a resource of {RESOURCES} beside one of {SMALL}", many / few, "", GROWTH, detail=detail
    )


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return median(summary / parse for parse, summary in pairs)


def _both(pairs: list[tuple[float, float]]) -> str:
    parse, summary = (median(values) for values in zip(*pairs, strict=True))
    return f"{summary:.2f} beside {parse:.2f}"


_Used = dict[str, float]


async def _read(reader: str, file: Path, times: int = 1) -> _Used:
    argv = (sys.executable, "-m", "tests.bench.plan_summary", reader, str(file), str(times))
    child = await asyncio.create_subprocess_exec(
        *argv, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    text, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"{reader} of {file.name} ended with {child.returncode}")
    used: _Used = json.loads(text)
    return used


def _use(reader: str, file: Path, times: int) -> _Used:
    """Processor seconds and megabytes that a reading takes; the document is in memory before."""
    content = file.read_bytes()
    gc.collect()
    before, began = peak(), time.process_time()
    for _ in range(times):
        READERS[reader](content)
    return {"seconds": time.process_time() - began, "megabytes": max(peak() - before, 0.1)}


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("file", type=Path)
    parser.add_argument("times", type=int)
    given = parser.parse_args()
    print(json.dumps(_use(given.reader, given.file, given.times)))  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    _main()
