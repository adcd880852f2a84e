"""What each machine runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.deployments import RunsOnRecord, same_everywhere
from bot.store.operations import Record, Status
from runners.results import Commit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RECORD = Record(7, "deploy", "staging", "U0ANA", "t", {}, "C0", None, Status.RUNNING, "", 1.0, None)
NEW = Commit("o/r", "a" * 40, "main", "New", "Lee", "")
OLD = replace(NEW, sha="b" * 40, subject="Old")


@pytest.fixture
async def machines(tmp_path: Path) -> AsyncIterator[RunsOnRecord]:
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await store.create_tables()
    yield RunsOnRecord(store, lambda: 5.0)
    store.close()


async def runs(machines: RunsOnRecord) -> dict[tuple[str, str], str]:
    return {(row.machine, row.instance): row.sha[0] for row in await machines.of("staging")}


async def test_a_whole_machine_type_forgets_the_instances_of_before(machines: RunsOnRecord) -> None:
    await machines.deployed(RECORD, OLD, "backend", ["i-1", "i-2"], whole=True)
    await machines.deployed(RECORD, OLD, "cron", ["i-9"], whole=True)
    await machines.deployed(RECORD, NEW, "backend", ["i-3"], whole=True)
    assert await runs(machines) == {("backend", "i-3"): "a", ("cron", "i-9"): "b"}
    row = (await machines.of("staging"))[0]
    assert (row.person, row.operation, row.at, row.subject) == ("U0ANA", 7, 5.0, "New")
    assert await machines.of("prod") == ()


async def test_some_instances_leave_the_others_as_they_were(machines: RunsOnRecord) -> None:
    await machines.deployed_whole(RECORD, OLD, ["backend", "cron"])
    await machines.deployed(RECORD, NEW, "backend", ["i-1"], whole=False)
    assert await runs(machines) == {("backend", ""): "b", ("backend", "i-1"): "a", ("cron", ""): "b"}
    assert not same_everywhere(await machines.of("staging"), ["backend"], NEW.sha)


async def test_an_environment_runs_a_commit_once_every_machine_does(machines: RunsOnRecord) -> None:
    await machines.deployed(RECORD, NEW, "backend", ["i-1"], whole=True)
    assert not same_everywhere(await machines.of("staging"), ["backend", "cron"], NEW.sha)
    await machines.deployed(RECORD, NEW, "cron", ["i-2"], whole=True)
    assert same_everywhere(await machines.of("staging"), ["backend", "cron"], NEW.sha)
