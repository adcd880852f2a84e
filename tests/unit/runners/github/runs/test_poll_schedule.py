"""Calls of GitHub's API are allowed more and more slowly."""

from __future__ import annotations

import pytest

from runners.github.runs import poll_schedule


@pytest.mark.parametrize(("minutes", "calls"), [(1, 12), (5, 18), (20, 26), (60, 50)])
def test_calls_are_given_out_more_and_more_slowly(minutes: int, calls: int) -> None:
    assert poll_schedule.earliest(calls + 1) > minutes * 12
    assert poll_schedule.earliest(calls - 3) < minutes * 12
    times = [poll_schedule.earliest(number) for number in range(100)]
    assert times == sorted(times)
