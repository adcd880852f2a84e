"""What a check did itself: the tasks that ran in spite of check mode."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.deploy.ansible import outcome_views
from runners.results import ForcedTasks, State
from tests.unit.bot.drawn import read
from tests.unit.handlers.deploy.ansible.test_views import HEAD, OUT, host, played, rollout


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
    rendered = read(outcome_views.checked(HEAD, OUT, rollout(result)))
    assert news in rendered
    assert all(name in rendered for name in forced.names)
