"""The commit that each machine runs, by role and instance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.deployments import MachineCommits, same_everywhere
from bot.store.operations import Record, Status
from runners.results import Commit
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RECORD = Record(7, "deploy", "staging", "U0ANA", "t", {}, "C0", None, Status.RUNNING, "", 1.0, None)
NEW = Commit("o/r", "a" * 40, "main", "New", "Lee", "")
OLD = replace(NEW, sha="b" * 40, subject="Old")


@pytest.fixture
async def commits(tmp_path: Path) -> AsyncIterator[MachineCommits]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield MachineCommits(store, lambda: 5.0)
    store.close()


async def runs(commits: MachineCommits) -> dict[tuple[str, str], str]:
    return {(row.machine, row.instance): row.sha[0] for row in await commits.in_environment("staging")}


async def test_all_instances_of_a_role_replace_the_earlier_rows(commits: MachineCommits) -> None:
    await commits.set_instances(RECORD, OLD, "backend", ["i-1", "i-2"], all_instances=True)
    await commits.set_instances(RECORD, OLD, "cron", ["i-9"], all_instances=True)
    await commits.set_instances(RECORD, NEW, "backend", ["i-3"], all_instances=True)
    assert await runs(commits) == {("backend", "i-3"): "a", ("cron", "i-9"): "b"}
    row = (await commits.in_environment("staging"))[0]
    assert (row.person, row.operation, row.at, row.subject) == ("U0ANA", 7, 5.0, "New")
    assert await commits.in_environment("prod") == ()


async def test_some_instances_leave_the_other_rows_unchanged(commits: MachineCommits) -> None:
    await commits.set_roles(RECORD, OLD, ["backend", "cron"])
    await commits.set_instances(RECORD, NEW, "backend", ["i-1"], all_instances=False)
    assert await runs(commits) == {("backend", ""): "b", ("backend", "i-1"): "a", ("cron", ""): "b"}
    assert not same_everywhere(await commits.in_environment("staging"), ["backend"], NEW.sha)


async def test_a_commit_is_the_same_everywhere_once_every_role_runs_it(commits: MachineCommits) -> None:
    await commits.set_instances(RECORD, NEW, "backend", ["i-1"], all_instances=True)
    assert not same_everywhere(await commits.in_environment("staging"), ["backend", "cron"], NEW.sha)
    await commits.set_instances(RECORD, NEW, "cron", ["i-2"], all_instances=True)
    assert same_everywhere(await commits.in_environment("staging"), ["backend", "cron"], NEW.sha)
