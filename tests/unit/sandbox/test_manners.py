"""Scenarios forgive a rate limit only where the posts of an earlier bot reached it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sandbox.slack.backend import ApiCall
from sandbox.slack.errors import ApiError
from sandbox.slack.rate_limits import POSTING, RateLimits
from tests.scenarios.manners import limited_by_an_earlier_bot

METHOD = "chat.postMessage"


class Moment:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds


def posted(times: list[float]) -> list[ApiCall]:
    """What Slack's limits answer to posts at these times, all to one channel."""
    clock = Moment()
    limits = RateLimits(clock)  # type: ignore[arg-type]
    calls = []
    for at in times:
        clock.seconds = at
        answer = {"ok": True}
        try:
            limits.count(METHOD, POSTING, "C1")
        except ApiError as error:
            answer = error.answer
        calls.append(ApiCall(METHOD, {"channel": "C1"}, at, "after", answer))
    return calls


TIMES = st.lists(st.integers(0, 100).map(lambda number: number / 10), min_size=4, max_size=25, unique=True).map(sorted)


@given(times=TIMES, restart=st.integers(0, 100).map(lambda number: number / 10 + 0.05))
def test_a_refusal_is_forgiven_exactly_where_the_bots_own_posts_would_have_passed(
    times: list[float], restart: float
) -> None:
    calls = posted(times)
    for number, call in enumerate(calls):
        if call.error is None:
            continue
        own = [item.at for item in calls[:number] if item.error is None and item.at > restart]
        alone = posted([*own, call.at])[-1].error is None  # as if Slack had forgotten the bot before
        forgiven = limited_by_an_earlier_bot(call, calls, [0.0, restart])
        assert forgiven == (alone and call.at > restart)


@given(times=TIMES)
def test_a_bot_that_was_started_once_is_never_forgiven(times: list[float]) -> None:
    calls = posted(times)
    assert not any(limited_by_an_earlier_bot(call, calls, [0.0]) for call in calls)


@pytest.mark.parametrize("error", ["invalid_blocks", "not_in_channel"])
def test_no_other_refusal_is_forgiven(error: str) -> None:
    call = ApiCall(METHOD, {"channel": "C1"}, 2.0, "after", {"ok": False, "error": error})
    assert not limited_by_an_earlier_bot(call, [call], [0.0, 1.0])


def test_posts_to_another_channel_do_not_count() -> None:
    calls = posted([0.0, 0.1, 0.2, 1.0])
    others = [ApiCall(METHOD, {"channel": "C2"}, 0.9 + number / 100, "after", {"ok": True}) for number in range(5)]
    assert limited_by_an_earlier_bot(calls[-1], [*calls, *others], [0.0, 0.5])
