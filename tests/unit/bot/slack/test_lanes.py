"""Lanes on a virtual clock: decisions overtake progress, nothing starves, and Slack's limits hold."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import example, given, settings, strategies as st
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from bot.slack import client
from bot.slack.blocks import kit
from bot.slack.live import LiveMessage
from bot.slack.pacing import Lane, Pace
from bot.slack.web_api import RateLimits as MethodLimits
from sandbox.slack.errors import ApiError
from sandbox.slack.rate_limits import TIER_3, RateLimits
from tests.virtual_time import now, run_virtually

BOARDS = 50
TAKES = 0.2  # seconds that Slack takes for a call
MINUTES = 10


class VirtualClock:
    """The clock of the stand-in's rate limits."""

    def now(self) -> float:
        return now()


@dataclass
class Workspace:
    """Fifty live boards and some decisions, before the stand-in's own rate limits."""

    pace: Pace = field(default_factory=lambda: Pace(client.UPDATE_INTERVAL, client.UPDATE_BURST, client.UPDATE_RESERVE))
    limits: RateLimits = field(default_factory=lambda: RateLimits(VirtualClock()))  # type: ignore[arg-type]
    limited: int = 0
    waited: list[float] = field(default_factory=list)  # seconds of each decision until Slack has it
    displayed: dict[int, list[tuple[float, str]]] = field(default_factory=dict)  # of each board

    async def call(self) -> None:
        try:
            self.limits.count("chat.update", TIER_3, "")
        except ApiError:
            self.limited += 1
        await asyncio.sleep(TAKES)

    async def decide(self) -> None:
        began = now()
        await self.pace.turn(Lane.DECISION)
        await self.call()
        self.waited.append(now() - began)

    async def matrix(self, number: int, seconds: float) -> None:
        async def send(message: kit.Message) -> None:
            await self.call()
            self.displayed.setdefault(number, []).append((now(), message.text))

        async with LiveMessage(send, lambda: self.pace.turn(Lane.PROGRESS)) as live:
            end = now() + seconds
            while now() < end:
                text = f"{now():.0f}"
                live.show(lambda text=text: kit.Message(text, ()))  # type: ignore[misc]
                await asyncio.sleep(1)

    async def run(self, decisions: list[float]) -> None:
        """Boards that change every second for some minutes; decisions at these seconds."""
        began = now()
        async with asyncio.TaskGroup() as group:
            for number in range(BOARDS):
                group.create_task(self.matrix(number, MINUTES * 60))
            for at in sorted(decisions):
                await asyncio.sleep(max(0.0, began + at - now()))
                group.create_task(self.decide())


def test_beside_fifty_live_boards_a_decision_is_visible_within_two_seconds_and_no_board_starves() -> None:
    workspace, chance = Workspace(), random.Random(14)  # noqa: S311  -- a reproducible sequence
    decisions = [chance.uniform(0, MINUTES * 60) for _ in range(MINUTES * 12)]  # one every five seconds
    run_virtually(workspace.run(decisions))
    waited = sorted(workspace.waited)
    assert len(waited) == len(decisions)
    assert waited[int(len(waited) * 0.95)] <= 2.0
    assert workspace.limited == 0
    for number in range(BOARDS):
        at = [when for when, _ in workspace.displayed[number]]
        assert max(after - before for before, after in pairwise(at)) < 150
        for when, text in workspace.displayed[number]:
            assert when - TAKES - float(text) < 1.6, "a state that was older than a second was drawn"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(Lane), st.floats(0, 90)), min_size=1, max_size=120),
    st.lists(st.tuples(st.floats(0, 90), st.floats(0.1, 30)), max_size=3),
    st.sets(st.integers(0, 119), max_size=20),
)
@example([(Lane.DECISION, 0.0)] * 60 + [(Lane.PROGRESS, 0.0)] * 3, [], set())
def test_whatever_comes_slacks_limit_holds_everything_has_its_turn_and_a_pause_is_one(
    comers: list[tuple[Lane, float]], pauses: list[tuple[float, float]], cancelled: set[int]
) -> None:
    async def go() -> None:
        pace = Pace(client.UPDATE_INTERVAL, client.UPDATE_BURST, client.UPDATE_RESERVE)
        turns: list[float] = []
        began = now()
        paused: list[tuple[float, float]] = []

        async def come(lane: Lane, at: float) -> None:
            await asyncio.sleep(at)
            await pace.turn(lane)
            turns.append(now())

        async def pause(at: float, seconds: float) -> None:
            await asyncio.sleep(at)
            pace.pause(seconds)
            paused.append((now(), now() + seconds))

        tasks = [asyncio.create_task(come(lane, at)) for lane, at in comers]
        pausing = [asyncio.create_task(pause(at, seconds)) for at, seconds in pauses]
        await asyncio.sleep(20)
        for number in cancelled & set(range(len(tasks))):
            tasks[number].cancel()
        await asyncio.wait([*tasks, *pausing])
        remaining = len([task for task in tasks if not task.cancelled()])
        assert len(turns) == remaining
        # Each interval is used while somebody waits.
        assert turns == [] or max(turns) <= began + 90 + sum(s for _, s in pauses) + (len(tasks) + 1 + 4) * 1.4 + 1e-6
        for first in turns:
            assert len([turn for turn in turns if first <= turn < first + 60]) <= TIER_3.calls
        for start, end in paused:
            assert not [turn for turn in turns if start < turn < end - 1e-6]

    run_virtually(go())


def test_who_waits_longest_has_a_turn_among_urgent_ones() -> None:
    async def go() -> list[Lane]:
        pace, order = Pace(1.0, burst=1), list[Lane]()

        async def come(lane: Lane) -> None:
            await pace.turn(lane)
            order.append(lane)

        await asyncio.gather(*(come(lane) for lane in [Lane.PROGRESS] * 2 + [Lane.STATE] + [Lane.DECISION] * 12))
        return order

    order = run_virtually(go())
    assert order[0] is Lane.PROGRESS, "it came first"
    places = [place for place, lane in enumerate(order) if lane is not Lane.DECISION]
    assert places == [0, 5, 10], order


def test_a_retry_after_holds_for_the_method_and_for_no_other() -> None:
    async def go() -> tuple[list[float], list[float]]:
        handler, paused = MethodLimits(), list[float]()
        handler.listen("chat.update", paused.append)
        began, waited = now(), list[float]()

        async def limited(url: str, retry_after: str) -> None:
            answer = HttpResponse(status_code=429, headers={"Retry-After": retry_after})
            state, request = RetryState(), HttpRequest(method="POST", url=url, headers={})
            await handler.prepare_for_next_attempt_async(state=state, request=request, response=answer)
            assert state.next_attempt_requested

        async def passed(method: str) -> None:
            await handler.passed(method)
            waited.append(now() - began)

        answers = [limited("https://slack.com/api/chat.update", seconds) for seconds in ("30", "5")]
        await asyncio.gather(*answers, passed("chat.postMessage"), passed("chat.update"))
        return waited, paused

    waited, paused = run_virtually(go())
    assert waited == [0, 30]
    assert paused == [30, 5]
