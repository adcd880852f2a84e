"""Rhythm, patience and live messages, on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.slack.blocks import kit
from bot.slack.client import Posted
from bot.slack.live import LiveMessage
from bot.slack.pacing import Pace
from bot.slack.retry import RETRY_DELAYS, with_retries
from bot.slack.web_api import ChatError
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

AT = Posted("C0OPS", "1.0")


async def turns_at(pace: Pace, count: int) -> list[float]:
    began, observed = now(), list[float]()

    async def item() -> None:
        await pace.turn()
        observed.append(now() - began)

    await asyncio.gather(*(item() for _ in range(count)))
    return observed


def test_a_small_burst_then_one_at_a_time_in_order() -> None:
    assert run_virtually(turns_at(Pace(2.0, burst=3), 6)) == pytest.approx([0, 0, 0, 2, 4, 6])


def test_a_pause_earns_no_more_than_a_burst() -> None:
    async def after_a_pause() -> list[float]:
        pace = Pace(1.0, burst=2)
        await turns_at(pace, 4)
        await asyncio.sleep(1_000)
        return await turns_at(pace, 4)

    assert run_virtually(after_a_pause()) == pytest.approx([0, 0, 1, 2])


@given(st.floats(0.1, 5), st.integers(1, 5), st.lists(st.floats(0, 20), min_size=1, max_size=30))
def test_never_more_than_the_rhythm_allows(interval: float, burst: int, pauses: list[float]) -> None:
    async def go() -> list[float]:
        pace, observed = Pace(interval, burst), []
        for pause in pauses:
            await asyncio.sleep(pause)
            await pace.turn()
            observed.append(now())
        return observed

    observed = run_virtually(go())
    for first in range(len(observed)):
        for last in range(first, len(observed)):
            allowed = burst + (observed[last] - observed[first]) / interval
            assert last - first + 1 <= allowed + 1e-6


class Screen:
    """Takes a message's states, each after `takes` seconds, and fails where the test asks for it."""

    def __init__(self, takes: float = 1.0, failures: tuple[str, ...] = ()) -> None:
        self.displayed: list[str] = []
        self._takes = takes
        self._failures = list(failures)

    async def update(self, at: Posted, message: kit.Message) -> None:
        assert at == AT
        await asyncio.sleep(self._takes)
        if self._failures:
            raise ChatError("chat.update", self._failures.pop(0))
        self.displayed.append(message.text)


def live_on(screen: Screen) -> LiveMessage:
    return LiveMessage(lambda message: screen.update(AT, message))


def saying(text: str) -> Callable[[], kit.Message]:
    return lambda: kit.Message(text, ())


def test_states_in_between_are_skipped_and_the_newest_is_shown() -> None:
    async def go() -> list[str]:
        screen = Screen()
        async with live_on(screen) as live:
            for number in range(100):
                live.show(saying(str(number)))
                await asyncio.sleep(0.05)
            await asyncio.sleep(3)
        return screen.displayed

    displayed = run_virtually(go())
    assert displayed[0] == "0"
    assert displayed[-1] == "99"
    assert len(displayed) < 10
    assert displayed == sorted(displayed, key=int)


def test_closing_waits_for_what_is_being_sent_and_sends_no_more() -> None:
    async def go() -> tuple[list[str], float]:
        screen, began = Screen(takes=5), now()
        async with live_on(screen) as live:
            live.show(saying("first"))
            await asyncio.sleep(1)
            live.show(saying("overtaken"))
        return screen.displayed, now() - began

    displayed, took = run_virtually(go())
    assert displayed == ["first"]
    assert took == pytest.approx(5)


def test_nothing_shown_is_nothing_sent() -> None:
    async def go() -> list[str]:
        screen = Screen()
        async with live_on(screen):
            await asyncio.sleep(1)
        return screen.displayed

    assert run_virtually(go()) == []


def test_progress_that_slack_does_not_take_stops_nothing() -> None:
    async def go() -> list[str]:
        screen = Screen(failures=("no_answer", "message_not_found"))
        async with live_on(screen) as live:
            for text in ("one", "two", "three"):
                live.show(saying(text))
                await asyncio.sleep(2)
        return screen.displayed

    assert run_virtually(go()) == ["three"]


async def tried(failures: list[str]) -> tuple[int, float]:
    """How often a call is tried that fails so, and for how long."""
    began, count = now(), 0

    async def call() -> None:
        nonlocal count
        count += 1
        if failures:
            raise ChatError("chat.update", failures.pop(0))

    await with_retries(call)
    return count, now() - began


@pytest.mark.parametrize(
    ("failures", "tries", "seconds"),
    [
        ([], 1, 0),
        (["no_answer (TimeoutError)", "ratelimited"], 3, 3),
        (["channel_not_found", "no_answer"], 1, 0),
        (["a_code_of_tomorrow"] * 2, 3, 3),
        (["a_code_of_tomorrow"] * 9, 3, 3),
        (["invalid_blocks unknown"], 1, 0),
        (["internal_error"] * 100, len(RETRY_DELAYS), sum(RETRY_DELAYS)),
    ],
)
def test_patience_is_for_what_passes_by_itself(failures: list[str], tries: int, seconds: float) -> None:
    count, took = run_virtually(tried(list(failures)))
    assert count == tries
    assert took == pytest.approx(seconds)


def test_patience_passes_on_what_is_no_fault_of_slacks() -> None:
    async def call() -> None:
        raise ZeroDivisionError

    def patient() -> Awaitable[Any]:
        return with_retries(call)

    with pytest.raises(ZeroDivisionError):
        run_virtually(cast("Any", patient()))
