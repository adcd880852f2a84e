"""The database: whether it can be reached and written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.check.result import Findings
from bot.store import database as tables
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.store.database import Store

_REMEDY = "Check DATABASE_URL (postgresql://user@host/name), or without it that operations.directory can be written to."


async def check_database(make_store: Callable[[], Store]) -> Findings:
    """Makes the tables that are missing, and writes a row and takes it out again."""
    found = Findings("database")
    try:
        store = make_store()
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        found.fail(f"DATABASE_URL cannot be used: {_first_line(error)}", _REMEDY)
        return found
    try:
        await store.create_tables()
        await store.run(_write)
        url = sa.make_url(store.url)
        found.note(f"{url.get_backend_name()}, {url.host or url.database}")
    except RunnerError as error:
        found.fail(str(error), error.remedy or _REMEDY)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        found.fail(f"cannot be written to: {_first_line(getattr(error, 'orig', None) or error)}", _REMEDY)
    finally:
        store.close()
    return found


def _write(connection: sa.Connection) -> None:
    connection.execute(sa.insert(tables.side_effects).values(operation=0, name="check", started_at=0.0))
    connection.execute(sa.delete(tables.side_effects).where(tables.side_effects.c.operation == 0))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
