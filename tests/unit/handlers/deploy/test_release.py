"""What is said of machines that do not all run the same."""

from __future__ import annotations

import pytest

from bot.slack.blocks.markup import opened
from bot.store.deployments import MachineCommit
from handlers.deploy.release import commits_by_role, current_commit
from runners.results import Commit

NEW, OLD = "a" * 40, "b" * 40


def runs(machine: str, sha: str, instance: str = "") -> MachineCommit:
    return MachineCommit("staging", machine, instance, sha, "main", "Subject", "U0ANA", 7, 1_700_000_000.0)


@pytest.mark.parametrize("commits", [(), (runs("backend", NEW), runs("cron", NEW)), (runs("gone", OLD),)])
def test_nothing_is_said_where_all_run_what_the_environment_runs(commits: tuple[MachineCommit, ...]) -> None:
    assert commits_by_role(commits, ["backend", "cron"], NEW) == ""


def test_each_machine_is_told_with_since_when_and_by_whom() -> None:
    commits = [runs("backend", NEW, "i-1"), runs("cron", OLD)]
    rendered = commits_by_role(commits, ["backend", "cron", "sftp"], OLD)
    lines = opened(rendered).splitlines()
    assert lines[0].startswith("• backend: `aaaaaaa` (since <!date^1700000000")
    assert lines[0].endswith("by <@U0ANA>, #7)")
    assert lines[1].startswith("• cron: `bbbbbbb` (since")
    assert lines[2] == "• sftp: not known"


def test_hosts_of_one_type_that_differ_are_counted() -> None:
    rendered = commits_by_role([runs("web", OLD), runs("web", NEW, "i-1")], ["web"], OLD)
    assert "`aaaaaaa` on 1 host (" in rendered
    assert "`bbbbbbb` on all others (" in rendered
    rendered = commits_by_role(
        [runs("web", OLD, "i-1"), runs("web", NEW, "i-2"), runs("web", NEW, "i-3")], ["web"], OLD
    )
    assert "`aaaaaaa` on 2 hosts (" in rendered


def test_an_environment_whose_machines_differ_is_not_said_to_be_unknown() -> None:
    commit = Commit("o/r", NEW, "main", "Subject", "Lee", "https://github.com/o/r")
    assert current_commit(None, commit, differs=True) == "not the same everywhere, see below"
    assert current_commit(None, commit) == "unknown (first deploy by Signalbox)"
