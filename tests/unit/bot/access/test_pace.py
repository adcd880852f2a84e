"""Commands per person and minute: as many as configured in any minute, for each person by themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from bot.access.pace import MINUTE, CommandPace
from bot.errors import UserError

STEPS = st.lists(st.tuples(st.sampled_from(["U0ANA", "U0LEE"]), st.floats(0, 30)), max_size=80)


@given(steps=STEPS, most=st.integers(1, 6))
def test_no_minute_has_more_and_nobody_waits_for_another(steps: list[tuple[str, float]], most: int) -> None:
    now = 1_000.0
    pace = CommandPace(most, lambda: now)
    taken: dict[str, list[float]] = {"U0ANA": [], "U0LEE": []}
    for user, pause in steps:
        now += pause
        recent = [at for at in taken[user] if now - MINUTE < at]
        if len(recent) == most:
            with pytest.raises(UserError, match=f"{most} commands within a minute"):
                pace.check(user)
        else:
            pace.check(user)
            taken[user].append(now)


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    now = 10_000.0
    pace = CommandPace(1, lambda: now)
    pace.check("U0ANA")
    now = 1_000.0
    pace.check("U0ANA")
    with pytest.raises(UserError, match="Try again in 60 s; buttons work meanwhile"):
        pace.check("U0ANA")


def test_people_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.access.pace.MOST_PEOPLE", 10)
    pace = CommandPace(1, lambda: 0.0)
    for number in range(100):
        pace.check(f"U{number}")
    assert len(pace._typed) == 10
