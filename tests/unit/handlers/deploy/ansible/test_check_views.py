"""What a check did itself: the tasks that ran in spite of check mode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.deploy.ansible import views
from runners.results import ForcedTasks, State, TaskChange
from tests.unit.bot.drawn import read
from tests.unit.handlers.deploy.ansible.test_views import CHECK, host, played, rollout


@pytest.mark.parametrize(
    ("forced", "news"),
    [
        (ForcedTasks(complete=True), "Ran in check mode: no task with `check_mode: false` ran"),
        (
            ForcedTasks(2, 3, 1, ("Migrate (d.yml:9)", "Read (d.yml:4)"), complete=True),
            "Ran in check mode, but 2 tasks with `check_mode: false` ran anyway: 1 change reported",
        ),
        (
            ForcedTasks(1, 1, 0, ("Read (d.yml:4)",)),
            "Ran in check mode, but at least 1 task with `check_mode: false` ran anyway: no change reported",
        ),
    ],
    ids=["none", "some", "at least"],
)
def test_a_check_says_what_ran_in_spite_of_check_mode(forced: ForcedTasks, news: str) -> None:
    result = replace(played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED)), forced=forced)
    rendered = read(views.checked(CHECK, rollout(result)))
    assert news in rendered
    assert all(name in rendered for name in forced.names)


def test_a_check_says_what_would_change_where() -> None:
    changes = tuple(TaskChange(f"backend-{number}", "Write the configuration", "d.yml:9") for number in range(8))
    result = replace(played(State.SUCCEEDED, host("backend-1", State.SUCCEEDED)), changes=changes)
    rendered = read(views.checked(CHECK, rollout(result)))
    assert "checked: 8 changes on 8 hosts. Ran in check mode: whether tasks ran anyway is unknown" in rendered
    assert "`Write the configuration` (`d.yml:9`): backend-0, backend-1" in rendered
    assert "and 2 more" in rendered


def test_a_check_without_changes_and_one_that_failed() -> None:
    good, bad = host("backend-1", State.SUCCEEDED), host("backend-2", State.UNREACHABLE)
    assert "nothing would change" in read(views.checked(CHECK, rollout(played(State.SUCCEEDED, good))))
    rendered = read(views.checked(CHECK, rollout(played(State.FAILED, good, bad))))
    assert ":x:" in rendered
    assert "backend-2 could not be checked to the end" in rendered
