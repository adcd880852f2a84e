"""What environments run, and the drift that was last reported; on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.store.deployments import Deployments
from bot.store.operations import Operations, Request
from runners.results import Commit

if TYPE_CHECKING:
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock

REQUEST = Request("key-1", "deploy", "staging", "U0ANA", "Deploy main to staging", "C0STAGING", {"ref": "main"})
AGAIN = replace(REQUEST, key="key-2")
COMMIT = Commit("o/r", "a" * 40, "main", "Raise the memory", "Lee", "https://github.com/o/r")


async def test_what_an_environment_runs(store: Store, clock: Clock) -> None:
    operations, deployments = Operations(store, clock), Deployments(store, clock)
    assert await deployments.current("staging") is None
    first, second = [await operations.get(await operations.create(request)) for request in (REQUEST, AGAIN)]
    await deployments.add(first, COMMIT)
    clock.now += 10
    newer = replace(COMMIT, sha="b" * 40, subject="s" * 400)
    await deployments.add(second, newer)
    clock.now += 10
    await deployments.add(first, COMMIT)
    current = await deployments.current("staging")
    assert current is not None
    assert (current.sha, current.subject, current.person) == ("b" * 40, "s" * 300, "U0ANA")
    assert current.at == clock.now - 10
    assert await deployments.current("prod") is None


async def test_the_drift_that_was_reported_last(store: Store, clock: Clock) -> None:
    deployments = Deployments(store, clock)
    assert await deployments.reported_drift("staging") == ""
    await deployments.set_reported_drift("staging", "one")
    await deployments.set_reported_drift("staging", "other")
    assert await deployments.reported_drift("staging") == "other"
    assert await deployments.reported_drift("prod") == ""
