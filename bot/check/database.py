"""Checks the database: whether it can be reached, upgraded and written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.check.result import Findings
from bot.errors import ConfigError, DatabaseAwayError
from bot.store.migrations import REVISION, revision_of, upgrade
from bot.store.operations import side_effects
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.store.database import Store

_REMEDY = "Check DATABASE_URL (postgresql://user@host/name); without it, check that operations.directory is writable."


class _RolledBackError(Exception):
    """Ends the transaction of the check; `revision` is the database's before it, None for an empty database."""

    def __init__(self, revision: str | None) -> None:
        super().__init__(revision)
        self.revision = revision


async def check_database(make_store: Callable[[], Store]) -> Findings:
    """Upgrade the tables and write a row, then roll both back: another version may use this database."""
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
        await store.run(lambda connection: _try(connection, store.location))
    except _RolledBackError as tried:
        url = sa.make_url(store.url)
        findings.add_fact(f"{url.get_backend_name()}, {url.host or url.database}, {_revision(tried.revision)}")
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


def _try(connection: sa.Connection, location: str) -> None:
    before = revision_of(connection)
    upgrade(connection, location)
    connection.execute(sa.insert(side_effects).values(operation=0, name="check", started_at=0.0, seal=""))
    raise _RolledBackError(before)


def _revision(present: str | None) -> str:
    if present == REVISION:
        return f"revision {present}"
    return f"{f'revision {present}' if present else 'empty'}; the next start upgrades it to revision {REVISION}"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
