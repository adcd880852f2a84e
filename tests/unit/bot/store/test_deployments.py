"""The record of environments: what each runs, and the drift that was told; on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.store.deployments import EnvironmentRecord
from bot.store.operations import Operations, Request
from runners.results import Commit

if TYPE_CHECKING:
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock

REQUEST = Request("key-1", "deploy", "staging", "U0ANA", "Deploy main to staging", "C0STAGING", {"ref": "main"})
AGAIN = replace(REQUEST, key="key-2")
COMMIT = Commit("o/r", "a" * 40, "main", "Raise the memory", "Lee", "https://github.com/o/r")


async def test_what_an_environment_runs(store: Store, clock: Clock) -> None:
    operations, environments = Operations(store, clock), EnvironmentRecord(store, clock)
    assert await environments.running_in("staging") is None
    first, second = [await operations.get(await operations.create(one)) for one in (REQUEST, AGAIN)]
    await environments.record_deployed(first, COMMIT)
    clock.now += 10
    newer = replace(COMMIT, sha="b" * 40, subject="s" * 400)
    await environments.record_deployed(second, newer)
    clock.now += 10
    await environments.record_deployed(first, COMMIT)
    running = await environments.running_in("staging")
    assert running is not None
    assert (running.sha, running.subject, running.person) == ("b" * 40, "s" * 300, "U0ANA")
    assert running.at == clock.now - 10
    assert await environments.running_in("prod") is None


async def test_the_drift_that_was_told_last(store: Store, clock: Clock) -> None:
    environments = EnvironmentRecord(store, clock)
    assert await environments.drift_told("staging") == ""
    await environments.tell_drift("staging", "one")
    await environments.tell_drift("staging", "other")
    assert await environments.drift_told("staging") == "other"
    assert await environments.drift_told("prod") == ""
