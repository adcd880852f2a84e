"""An audit log of a million entries: how long an entry, a page of the history and the verification take."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.redaction import Redactor
from bot.seals import Keyring, new_key
from bot.settings import database_url
from bot.store.audit import Audit, Entry
from bot.store.audit_table import audit
from bot.store.audit_verification import read_all, verify
from bot.store.history import History, Wanted
from bot.store.operation_tables import operations
from sandbox.postgres_server import initdb
from tests.bench.figures import Figure
from tests.filled_tables import Filling
from tests.migrated import migrated
from tests.postgres_server import running_postgres

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.store.database import Store

MANY, VERIFIED = 1_000_000, 100_000
APPEND, HISTORY, VERIFY = 5.0, 50.0, 50_000  # milliseconds, and entries a second
ENVIRONMENTS = ("env0", "env1", "env2", "env3")
PEOPLE = 9
BEGINS = ("deploy", "plan")
# Of six entries of an operation one is that of its beginning, and one that of an approval.
ACTION = "CASE n % 6 WHEN 0 THEN 'deploy' WHEN 1 THEN 'approved' WHEN 2 THEN 'dispatched' ELSE 'step' END"
ACTOR = f"CASE WHEN n % 6 < 2 THEN 'U' || (n % {PEOPLE}) ELSE 'signalbox' END"
QUESTIONS = {
    "everything": Wanted(),
    "an environment": Wanted(targets=frozenset({"env1"})),
    "four environments": Wanted(targets=frozenset(ENVIRONMENTS)),
    "a person": Wanted(person="U3"),
    "a person in an environment": Wanted(targets=frozenset({"env3"}), person="U3"),
    "a kind in an environment": Wanted(targets=frozenset({"env2"}), kinds=frozenset({"deploy"}), actions=frozenset()),
    "approvals": Wanted(kinds=frozenset(), actions=frozenset({"approved"})),
    "nobody": Wanted(person="nobody"),
    "an environment that does not exist": Wanted(targets=frozenset({"none"})),
    "a kind that does not exist": Wanted(kinds=frozenset({"none"}), actions=frozenset({"none"})),
}


async def measure(*, quick: bool) -> list[Figure]:
    """SQLite, and PostgreSQL where it is there."""
    many, verified = (20_000, 5_000) if quick else (MANY, VERIFIED)
    with TemporaryDirectory(prefix="signalbox-audit-") as directory:
        figures = await _measure("SQLite", f"sqlite:///{directory}/signalbox.sqlite", many)
        figures += await _verification("SQLite", f"sqlite:///{directory}/verified.sqlite", verified)
    if initdb():
        with running_postgres() as server:
            figures += await _measure("PostgreSQL", database_url(server.new_database(), ""), many)
            figures += await _verification("PostgreSQL", database_url(server.new_database(), ""), verified)
    return figures


async def _measure(name: str, address: str, many: int) -> list[Figure]:
    store = await migrated(address, Keyring.read(new_key()))
    _fill(store, many)
    log = Audit(store, time.time, Redactor(), store.keyring)
    history = History(store, log)
    appends = [await _seconds(lambda: log.record(Entry("U3", "approved", "env1", 7))) for _ in range(50)]
    figures = [
        Figure(
            f"{name}, {many} entries: append", round(median(appends) * 1_000, 2), " ms", APPEND, detail="median of 50"
        )
    ]
    for question, wanted in QUESTIONS.items():
        seconds = [await _seconds(partial(history.page, wanted, BEGINS, 15)) for _ in range(9)]
        what = f"{name}, {many} entries: history of {question}"
        figures.append(
            Figure(
                what,
                round(median(seconds) * 1_000, 2),
                " ms",
                HISTORY,
                detail=f"slowest of 9: {max(seconds) * 1_000:.1f} ms",
            )
        )
    store.close()
    return figures


def _fill(store: Store, many: int) -> None:
    filling = Filling(1, many, many, time.time(), 60.0, ENVIRONMENTS)
    fewer = replace(filling, last=many // 6, newest=many // 6)
    expressions = {"actor": ACTOR, "action": ACTION, "operation": "n / 6"}
    with store.engine.begin() as connection:
        filling.fill(connection, audit, expressions)
    with store.engine.begin() as connection:
        fewer.fill(connection, operations, {"target": f"'env' || (n % {len(ENVIRONMENTS)})", "kind": "'deploy'"})
    if store.file is None:  # which it would do by itself some minutes later
        with store.engine.begin() as connection:
            connection.execute(sa.text("ANALYZE"))


async def _verification(name: str, address: str, count: int) -> list[Figure]:
    store = await migrated(address, Keyring.read(new_key()))
    log = Audit(store, time.time, Redactor(), store.keyring)
    entries = [
        Entry("U3", "approved", "env1", number, {"binding": "b" * 64, "actor_name": "Ana"}) for number in range(count)
    ]
    with store.engine.begin() as connection:
        log._append(connection, [(entry, time.time()) for entry in entries])
    began = time.process_time()
    verdict = verify(read_all(store.engine), store.keyring, None)
    seconds = time.process_time() - began
    if verdict.fault:
        raise RuntimeError(verdict.fault)
    store.close()
    what, detail = f"{name}: verification, entries a second", f"{count} entries in {seconds:.2f} s of processor time"
    return [Figure(what, round(count / seconds), "", VERIFY, more_is_better=True, detail=detail)]


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
