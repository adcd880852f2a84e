"""A database with a million ended operations beside one with a thousand: start, overview, and memory."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from statistics import median
from typing import TYPE_CHECKING

import psutil
import sqlalchemy as sa

from bot.seals import Keyring
from bot.settings import database_url
from bot.store import operation_counts
from bot.store.audit import MARGIN, Audit, Entry
from bot.store.audit_table import audit as audit_log
from bot.store.database import Store, metadata
from bot.store.deployments import Deployments
from bot.store.operation_tables import operations
from bot.store.operations import Operations
from bot.store.retention import BOUNDS, Bound
from runners.results import Commit
from sandbox.postgres_server import initdb
from sandbox.world import SECRETS, Options, World
from tests.bench.figures import Figure
from tests.bench.posts import UNLIMITED, command, volley
from tests.filled_tables import Filling
from tests.postgres_server import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 1_000, 1_000_000
READY, STATUS, CURRENT, MEMORY = 3.0, 0.05, 0.05, 1.1
ENVIRONMENTS = ("dev", "staging", "prod")
SETTLES = 3.0  # seconds
_COMMIT = Commit("o/r", "a" * 40, "main", "Fix", "Ada", "https://github.com/o/r/commit/a")
_triggers = count()


@dataclass(frozen=True)
class Measured:
    """Seconds, and bytes of the process alone."""

    starts: list[float]
    status: list[float]
    current: list[float]
    memory: float


async def measure(*, quick: bool) -> list[Figure]:
    """SQLite, and PostgreSQL where it is there: a bot with few operations, then one with many."""
    many, runs = (20_000, 2) if quick else (MANY, 5)
    figures = _figures("SQLite", await _database(None, FEW, runs), await _database(None, many, runs), many)
    if initdb():
        with running_postgres() as server:
            few = await _database(server.new_database(), FEW, runs)
            figures += _figures("PostgreSQL", few, await _database(server.new_database(), many, runs), many)
    return figures


async def _database(url: str | None, size: int, runs: int) -> Measured:
    environment = {"DATABASE_URL": url} if url else {}
    async with World(Options(without_aws=True, environment=environment, config=UNLIMITED)) as world:
        address = database_url(url, f"sqlite:///{world.files}/var/signalbox.sqlite")
        await world.bot.stop()
        await _fill(address, size)
        return await _measure(world, address, runs)


def _figures(name: str, few: Measured, after: Measured, many: int) -> list[Figure]:
    memory = f"{after.memory / 1e6:.0f} MB and {few.memory / 1e6:.0f} MB"
    beside = f"{name}, {many} operations: memory, beside {FEW}"
    return [
        _figure(f"{name}, {many} operations: start to ready", few.starts, after.starts, READY),
        _figure(f"{name}, {many} operations: /infra status", few.status, after.status, STATUS),
        _figure(f"{name}, {many} operations: the current deployment", few.current, after.current, CURRENT),
        Figure(beside, after.memory / few.memory, "", MEMORY, detail=memory),
    ]


def _figure(what: str, few: list[float], many: list[float], limit: float) -> Figure:
    detail = f"median of {len(many)}; {median(few):.3f} s with {FEW}"
    return Figure(what, round(median(many), 3), " s", limit, detail=detail)


async def _measure(world: World, address: str, runs: int) -> Measured:
    starts = []
    for _ in range(runs):
        await world.bot.stop()
        began = time.perf_counter()
        await world.bot.start()
        starts.append(time.perf_counter() - began)
    url, secret = f"http://127.0.0.1:{world.bot.port}/slack/events", SECRETS["SLACK_SIGNING_SECRET"]
    posts = [command("/infra status", trigger=f"status-{next(_triggers)}", secret=secret) for _ in range(4 * runs)]
    answers = await volley(url, posts, at_once=1)
    if refused := [answer for answer in answers if answer.status != 200 or "runs" not in answer.body]:
        raise RuntimeError(f"{len(refused)} of {len(answers)} were not answered: {refused[0]}")
    current = [await _current(address) for _ in range(4 * runs)]
    await asyncio.sleep(SETTLES)
    memory = psutil.Process(world.bot.pid).memory_full_info().uss
    return Measured(starts, [answer.seconds for answer in answers], current, memory)


@contextmanager
def _opened(address: str) -> Iterator[Store]:
    store = Store(address, Keyring.read(SECRETS["SIGNALBOX_KEY"]))
    try:
        yield store
    finally:
        store.close()


async def _current(address: str) -> float:
    with _opened(address) as store:
        await Deployments(store, time.time).current("no environment")  # opens the connection
        began = time.perf_counter()
        if await Deployments(store, time.time).current("staging") is None:
            raise RuntimeError("the environment was never deployed to")
        return time.perf_counter() - began


async def _fill(address: str, size: int) -> None:
    """Rows of the record by the database itself; what is verified on a read is then written as the bot writes it."""
    filling = Filling(1, size, size, time.time(), 60.0, ENVIRONMENTS)
    with _opened(address) as store:
        for table in metadata.sorted_tables:
            if BOUNDS[table.name] is Bound.RECORD:
                with store.engine.begin() as connection:
                    _most(filling, table).fill(connection, table)
        await _write_newest(store)
        await store.run(lambda connection: operation_counts.add_ended(connection, time.time()), timeout=600)
        if store.file is None:  # which it would do by itself some minutes later
            with store.engine.begin() as connection:
                connection.execute(sa.text("ANALYZE"))


def _most(filling: Filling, table: sa.Table) -> Filling:
    """All of the operations and of the audit log, a tenth of what only some operations leave."""
    if table in (operations, audit_log):
        return filling
    fewer = filling.last // 10
    return replace(filling, last=fewer, newest=fewer, step=600.0)


async def _write_newest(store: Store) -> None:
    log = Audit(store, lambda: time.time() - MARGIN - 1.0, str, store.keyring)
    await log.record(Entry("U0ANA", "deploy", "staging"))
    [newest] = await Operations(store, time.time).recent(1)
    for environment in ENVIRONMENTS:
        with store.engine.begin() as connection:
            highest = connection.scalar(sa.text("SELECT max(operation) FROM signalbox_deployments")) or 0
        record = replace(newest, number=highest + 1, environment=environment)
        await Deployments(store, time.time).add(record, _COMMIT)
