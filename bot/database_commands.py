"""`python -m bot database check` and `upgrade`: which version the tables are, and how they get to this program's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bot.engine.schema import refuse_newer
from bot.store import identity, migrations
from bot.store.migrations import REVISION, refuse_unusable

if TYPE_CHECKING:
    from pathlib import Path

    from bot.engine.schema import EngineSchema
    from bot.store.database import Store


def check(store: Store, workplace: Path) -> int:
    """Print the revisions; changes nothing. Returns 0 if the tables are current, 1 if an upgrade is pending.

    Raises ConfigError for a database that this program does not work with.
    """
    identity.check(store, workplace)
    present, engine = _versions(store)
    print(f"{store.location}: {_tables(present)}, {_engine(engine)}")
    if present == REVISION and not engine.pending:
        return 0
    print("The next start upgrades it; so does `python -m bot database upgrade`.", _backup(store), sep="\n")
    return 1


def upgrade(store: Store, workplace: Path) -> int:
    """Upgrade the tables to this program's revision, in one transaction. Several at once do it once.

    Raises ConfigError for a database that this program cannot upgrade.
    """
    identity.check(store, workplace)
    present, engine = _versions(store)
    print(f"{store.location}: {_tables(present)}, {_engine(engine)}")
    if present is not None and present != REVISION:
        print(_backup(store))
    sys.stdout.flush()
    with store.engine.begin() as connection:
        before = migrations.upgrade(connection, store.location)
    identity.claim(store, workplace)
    if before == REVISION:
        print(f"No changes were made: the tables are at revision {REVISION}.")
    else:
        print(f"Upgraded from {f'revision {before}' if before else 'an empty database'} to revision {REVISION}.")
    if engine.pending:
        print(f"The next start brings the engine's tables to version {engine.supported}.")
    return 0


def _versions(store: Store) -> tuple[str | None, EngineSchema]:
    with store.engine.begin() as connection:
        return refuse_unusable(connection, store.location), refuse_newer(connection, store.location)


def _tables(present: str | None) -> str:
    if present == REVISION:
        return f"revision {present}, the newest that this version knows"
    return f"{f'revision {present}' if present else 'no tables yet'}; this version works with revision {REVISION}"


def _engine(engine: EngineSchema) -> str:
    if engine.pending:
        return f"engine's tables {engine.present} of {engine.supported}"
    return f"engine's tables {engine.present}"


def _backup(store: Store) -> str:
    url = store.engine.url
    if store.file is not None:
        how = f"sqlite3 {store.file} '.backup signalbox-backup.sqlite'"
    else:
        how = f"pg_dump --format=custom --file=signalbox.dump --host={url.host or 'localhost'} {url.database}"
    return f"An upgrade cannot be undone: the way back is a backup from before. Make one: {how}"
