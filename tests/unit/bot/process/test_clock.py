"""The clock: a step of the machine's moves no time, references correct it, and the difference to Slack's is said."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.process.clock import NOTICED, REFUSED, SLOWEST, Clock, steady
from bot.process.health import Health

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0


class Machine:
    """A machine whose clock and counter are set by hand; `true` is what Slack's clock shows."""

    def __init__(self, ahead: float = 0.0) -> None:
        self.true = NOW
        self.ahead = ahead
        self.clock = Clock(lambda: self.true + self.ahead, lambda: self.true - NOW + 77.0)

    def answers(self, took: float = 0.2) -> None:
        """Slack answers a call."""
        began = self.clock.elapsed()
        self.true += took
        self.clock.hear_slack({"Date": formatdate(self.true, usegmt=True)}, began)


def test_it_is_the_machines_time_at_first_and_goes_on_with_its_counter() -> None:
    clock = Clock()
    before, after = clock(), time.time()
    assert before <= after + 0.001
    assert after - before < 1
    assert steady() <= steady()


@given(st.lists(st.tuples(st.floats(0, 10_000), st.floats(-1e6, 1e6))))
def test_no_setting_of_the_machines_clock_moves_it(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    for passed, set_by in steps:
        machine.true += passed
        machine.ahead += set_by
        assert machine.clock() == pytest.approx(machine.true, abs=0.001)


@given(st.floats(-1e6, 1e6), st.floats(0, 60))
def test_slacks_time_corrects_it_unless_the_answer_was_slow(ahead: float, took: float) -> None:
    machine = Machine(ahead)
    machine.answers(took)
    off = abs(machine.clock() - machine.true)
    if took <= SLOWEST:
        assert off <= NOTICED + took + 1
    else:
        assert off == pytest.approx(abs(ahead), abs=0.001)


@given(st.floats(-1e6, 1e6), st.floats(0, 3_600), st.floats(-1e6, 1e6))
def test_a_time_of_ours_is_found_in_slacks_time_whatever_was_set(ahead: float, passed: float, later: float) -> None:
    machine = Machine(ahead)
    machine.clock.follows_slack = False
    machine.answers()
    created, truly = machine.clock(), machine.true
    machine.true, machine.ahead = machine.true + passed, machine.ahead + later
    assert machine.clock.in_slack_time(created) == pytest.approx(truly, abs=1)


@given(st.floats(-1e6, 1e6))
def test_what_slack_refuses_for_the_clock_is_said_with_how_much_and_which_way(ahead: float) -> None:
    machine = Machine(ahead)
    assert machine.clock.problem() == ""
    machine.answers()
    words = machine.clock.problem()
    if abs(ahead) < 29:
        assert words == ""
    elif abs(ahead) > REFUSED + 1:
        assert machine.clock.refuses
        assert words.endswith("; Slack's requests are refused until it is right")
    if words:
        assert ("ahead of" if ahead > 0 else "behind") in words
        seconds = float(words.split(" is ")[1].split(" s ")[0])
        assert seconds == pytest.approx(abs(ahead), abs=1.5)
        assert "refused" not in machine.clock.problem(signed=False)


def test_the_words_for_301_seconds() -> None:
    machine = Machine(-301.0)
    machine.answers(0.0)
    machine.true += 0.5  # Date has whole seconds
    assert machine.clock.problem() in {
        f"the machine's clock is {seconds} s behind Slack's; Slack's requests are refused until it is right"
        for seconds in (301, 302)
    }


def test_a_jump_is_noticed_once() -> None:
    machine = Machine()
    assert machine.clock.jump() == 0
    machine.ahead, machine.true = 7_200.0, machine.true + 60
    assert machine.clock.jump() == pytest.approx(7_200)
    assert machine.clock.jump() == 0
    machine.ahead -= NOTICED / 2  # what a time service corrects all day
    assert machine.clock.jump() == 0


@pytest.mark.parametrize(
    "headers", [{}, {"Date": ""}, {"date": "yesterday"}, {"DATE": "Mon, 99 Nov 2026 00:00:00 GMT"}]
)
def test_an_answer_without_a_date_says_nothing(headers: dict[str, str]) -> None:
    machine = Machine(1_000.0)
    machine.clock.hear_slack(headers, machine.clock.elapsed())
    assert machine.clock.skew == 0
    assert machine.clock() == pytest.approx(NOW + 1_000)


def test_problems_are_news_once_and_a_full_disk_is_one(tmp_path: Path) -> None:
    health = Health([tmp_path, tmp_path])
    assert health.problems() == ()
    assert health.report("clock", "wrong")
    assert not health.report("clock", "wrong")
    assert health.problems() == ("wrong",)
    assert health.report("clock", "")
    full = Health([tmp_path], room=1 << 60)
    assert full.no_room().startswith(f"no room on the disk of {tmp_path}: ")
    missing = Health([tmp_path / "missing"])
    assert missing.problems() == (f"{tmp_path / 'missing'} cannot be read (No such file or directory)",)
