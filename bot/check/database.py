"""Checks the database: whether it can be reached, upgraded and written to."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.check.result import Findings
from bot.engine.schema import refuse_newer
from bot.errors import ConfigError, DatabaseAwayError
from bot.store import identity
from bot.store.database import TIMEOUT, Store
from bot.store.migrations import REVISION, upgrade
from bot.store.operation_tables import side_effects
from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bot.engine.schema import EngineSchema

_REMEDY = "Check DATABASE_URL (postgresql://user@host/name); without it, check that operations.directory is writable."


class _RolledBackError(Exception):
    """Ends the transaction of the check; `revision` is the database's before it, None for an empty database."""

    def __init__(self, revision: str | None, engine: EngineSchema) -> None:
        super().__init__(revision)
        self.revision = revision
        self.engine = engine


async def check_database(make_store: Callable[[], Store], workplace: Path) -> Findings:
    """Upgrade the tables and write a row, then roll both back: another version may use this database.

    A missing SQLite file is not created: the same is tried in a temporary directory beside it.
    """
    findings = Findings("database")
    try:
        store = make_store()
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        findings.add_problem(f"DATABASE_URL cannot be used: {_first_line(error)}", _REMEDY)
        return findings
    except ConfigError as error:
        for fault in error.faults:
            findings.add_problem(fault.problem)
        return findings
    try:
        await run_blocking(identity.check, store, workplace, timeout=TIMEOUT, doing="checking the database")
        await _try_in(store)
    except _RolledBackError as tried:
        url = sa.make_url(store.url)
        findings.add_fact(f"{url.get_backend_name()}, {url.host or url.database}, {_revision(tried.revision)}")
        if tried.engine.present:
            findings.add_fact(f"engine's tables {tried.engine.present} of {tried.engine.supported}")
    except ConfigError as error:
        findings.add_problem("; ".join(fault.problem for fault in error.faults))
    except RunnerError as error:
        findings.add_problem(str(error), error.remedy or _REMEDY)
    except (sa.exc.SQLAlchemyError, OSError, DatabaseAwayError) as error:
        cause = error.__cause__ if isinstance(error, DatabaseAwayError) and error.__cause__ else error
        findings.add_problem(f"cannot be written to: {_first_line(getattr(cause, 'orig', None) or cause)}", _REMEDY)
    finally:
        store.close()
    return findings


async def _try_in(store: Store) -> None:
    if store.file is None or store.file.exists():
        await store.run(lambda connection: _try(connection, store.location))
        return
    if not store.file.parent.is_dir():
        raise FileNotFoundError(f"there is no directory {store.file.parent}")
    with TemporaryDirectory(prefix="check-", dir=store.file.parent) as directory:
        trial = Store(f"sqlite:///{directory}/signalbox.sqlite")
        try:
            await trial.run(lambda connection: _try(connection, store.location))
        finally:
            trial.close()


def _try(connection: sa.Connection, location: str) -> None:
    engine = refuse_newer(connection, location)
    before = upgrade(connection, location)
    connection.execute(sa.insert(side_effects).values(operation=0, name="check", started_at=0.0, seal=""))
    raise _RolledBackError(before, engine)


def _revision(present: str | None) -> str:
    if present == REVISION:
        return f"revision {present}"
    return f"{f'revision {present}' if present else 'empty'}; the next start upgrades it to revision {REVISION}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
