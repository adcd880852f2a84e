"""Checks the workers: whether one is there for the operations that are open. Reads only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.check.nearest import there_is
from bot.check.result import Findings
from bot.config import worker_labels
from bot.errors import ConfigError, DatabaseAwayError
from bot.store.operations import Operations
from bot.store.workers import Workers, workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.config import Config
    from bot.store.database import Store


async def check_workers(config: Config, make_store: Callable[[], Store]) -> Findings:
    """What works on this database now. A database that cannot be used is the finding of another check."""
    findings = Findings("workers", ["none is there"])
    try:
        store = make_store()
    except (sa.exc.SQLAlchemyError, ImportError, ValueError, ConfigError):
        return findings
    try:
        if store.file is not None and not store.file.exists():
            return findings  # reading would create it
        if await store.run(lambda connection: sa.inspect(connection).has_table(workers.name)):
            await _read(config, store, findings)
    except (sa.exc.SQLAlchemyError, OSError, DatabaseAwayError):
        return findings
    finally:
        store.close()
    return findings


async def _read(config: Config, store: Store, findings: Findings) -> None:
    findings.facts.clear()
    there = [worker for worker in await Workers(store, timedelta()).all() if not worker.ended]
    for worker in there:
        fact = f"{worker.executor} on {worker.host}, last heartbeat {worker.silent_for:.0f} s ago"
        fact += f", labels {', '.join(worker.labels)}" if worker.labels else ""
        fact += "" if worker.takes_operations else ", takes no operations"
        findings.add_fact(f"{fact}, draining" if worker.draining else fact)
        if not worker.alive:
            findings.add_problem(
                f"{worker.executor} on {worker.host} has not answered for {worker.silent_for:.0f} s",
                "Start it again, or start another worker, which takes up its operations.",
            )
    if not there:
        findings.add_fact("none is there")
    waiting = len(await Operations(store, lambda: 0.0).open_numbers())
    working = [worker for worker in there if worker.alive and not worker.draining and worker.takes_operations]
    for name, labels in (worker_labels.unserved(config, [each.labels for each in working]) if working else {}).items():
        labelled = {label for each in working for label in each.labels}
        unknown = [label for label in labels if label not in labelled]
        have = there_is(unknown[0], labelled, "the running workers have") + " " if unknown and labelled else ""
        remedy = f"{have}Start a worker with these labels, or correct {_key(config, name)}."
        findings.add_problem(f"{name}: {worker_labels.missing(labels)}", remedy)
    if waiting and not working:
        findings.add_problem(
            f"{waiting} operations are open and no worker takes them",
            "Start a worker: `python -m bot serve` or `work`.",
        )


def _key(config: Config, name: str) -> str:
    environment = config.environments.get(name)
    return environment.key_of("worker_labels") if environment else f"environments.{name}.worker_labels"
