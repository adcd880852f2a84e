"""What the store of artifacts adds to an apply, beside reading the plan file from this machine's disk."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bot.store.annotations import Annotations
from bot.store.artifact_places import DatabasePlace, DirectoryPlace, homes_of
from bot.store.artifacts import Artifacts
from bot.store.database import Store
from bot.store.migrations import migrate
from runners.concurrency import run_blocking
from runners.processes.foreign_files import read_regular
from sandbox.postgres_server import initdb
from tests.bench.figures import Figure
from tests.postgres_server import running_postgres

if TYPE_CHECKING:
    from bot.store.artifacts import ArtifactPlace

TARGET = 0.05  # seconds
SIZE = 1 << 20  # bytes of a plan of some hundred resources
WHAT = "the saved plan"


async def measure(*, quick: bool) -> list[Figure]:
    """Read a plan from each kind of store and delete it, and read the same plan from a file, alternating."""
    pairs = 3 if quick else 40
    with tempfile.TemporaryDirectory(prefix="bench-artifacts-") as name:
        directory = Path(name)
        figures = [await _database(f"sqlite:///{directory}/signalbox.sqlite", "SQLite", directory, pairs)]
        store = await _migrated(f"sqlite:///{directory}/beside.sqlite")
        place = DirectoryPlace(directory / "shared", homes_of(store.keyring))
        figures.append(await _figure(store, place, "a directory", directory, pairs))
        store.close()
        if initdb():
            with running_postgres() as server:
                url = server.new_database().replace("postgresql:", "postgresql+psycopg:")
                figures.append(await _database(url, "PostgreSQL", directory, pairs))
    return figures


async def _database(url: str, name: str, directory: Path, pairs: int) -> Figure:
    store = await _migrated(url)
    figure = await _figure(store, DatabasePlace(store), name, directory, pairs)
    store.close()
    return figure


async def _migrated(url: str) -> Store:
    store = Store(url)
    await migrate(store)
    return store


async def _figure(store: Store, place: ArtifactPlace, name: str, directory: Path, pairs: int) -> Figure:
    artifacts = Artifacts(store.keyring, place, Annotations(store, time.time))
    plan, file = os.urandom(SIZE), directory / "plan"
    file.write_bytes(plan)
    stored, read, plain = [], [], []
    for number in range(1, pairs + 1):
        began = time.perf_counter()
        await artifacts.put(number, "plan", plan, WHAT)
        stored.append(time.perf_counter() - began)
        began = time.perf_counter()
        content = await artifacts.get(number, "plan", WHAT)
        await artifacts.delete(number)
        read.append(time.perf_counter() - began)
        began = time.perf_counter()
        same = await run_blocking(lambda: read_regular(file, most=SIZE), timeout=60, doing="measuring")
        plain.append(time.perf_counter() - began)
        if content != same:
            raise RuntimeError("the store gave another plan")
    added = median(more - less for more, less in zip(read, plain, strict=True))
    detail = f"median of {pairs} pairs, 1 MB; storing it takes {median(stored) * 1000:.0f} ms while planning"
    return Figure(f"{name} as the store of artifacts adds to an apply", added, " s", TARGET, detail=detail)
