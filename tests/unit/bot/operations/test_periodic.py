"""Rounds: each at its own pace, sooner where it asks for that, and none that fails ends it or another."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import UserError
from bot.operations.periodic import PeriodicTasks
from bot.operations.registry import PeriodicTask
from bot.redaction import Redactor
from runners.errors import UnavailableError

if TYPE_CHECKING:
    from bot.services import Services


class Clock:
    """Time that passes when somebody sleeps; `made` is when each round was made."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made: list[tuple[str, float]] = []

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        await _yield()
        self.now = max(self.now, until)

    def round(self, name: str, *answers: Any, every: timedelta | None = timedelta(seconds=60)) -> PeriodicTask:
        left = list(answers)

        async def make(_: Any) -> timedelta | None:
            self.made.append((name, self.now))
            answer = left.pop(0) if left else None
            if isinstance(answer, Exception):
                raise answer
            return cast("timedelta | None", answer)

        return PeriodicTask(name, lambda _: every, make)


async def _yield() -> None:
    for _ in range(3):
        await _REAL(0)


_REAL = asyncio.sleep


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("bot.operations.periodic.asyncio.sleep", made.sleep)
    return made


async def kept(clock: Clock, *made: PeriodicTask, looks: int) -> list[tuple[str, float]]:
    """Keep these rounds until so many were made."""
    services = SimpleNamespace(config=None, redact=Redactor(["secret-word"]))
    keeper = PeriodicTasks(cast("Services", services), made)
    while len(clock.made) < looks:
        await _yield()
    await keeper.close()
    return clock.made[:looks]


async def test_the_first_is_made_soon_and_the_others_at_their_pace(clock: Clock) -> None:
    assert [at for _, at in await kept(clock, clock.round("one"), looks=3)] == [2, 62, 122]


async def test_a_pace_of_less_than_the_first_wait_is_kept_from_the_start(clock: Clock) -> None:
    fast = clock.round("fast", every=timedelta(seconds=1))
    assert [at for _, at in await kept(clock, fast, looks=3)] == [1, 2, 3]


async def test_one_is_made_sooner_where_it_asks_for_that_but_never_later(clock: Clock) -> None:
    wanted = clock.round("one", timedelta(seconds=9), timedelta(hours=1), timedelta())
    assert [at for _, at in await kept(clock, wanted, looks=4)] == [2, 12, 72, 73]


async def test_what_fails_is_told_in_the_log_and_tried_at_its_next_turn(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    errors = (UnavailableError("looking", "AWS says secret-word"), UserError("no channel"), ValueError("surprise"))
    assert len(await kept(clock, clock.round("one", *errors), looks=4)) == 4
    said = caplog.text
    assert "round one: looking: AWS says" in said
    assert "secret-word" not in said
    assert "no channel" in said
    assert "went wrong" in said


async def test_one_that_is_not_configured_is_never_made(clock: Clock) -> None:
    off = clock.round("off", every=None)
    assert {name for name, _ in await kept(clock, off, clock.round("on"), looks=3)} == {"on"}


async def test_closing_cuts_a_round_short() -> None:
    begun, cut = asyncio.Event(), []

    async def long(_: Any) -> None:
        begun.set()
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            cut.append(True)
            raise

    made = (PeriodicTask("long", lambda _: timedelta(milliseconds=1), long),)
    keeper = PeriodicTasks(cast("Services", SimpleNamespace(config=None, redact=Redactor())), made)
    await asyncio.wait_for(begun.wait(), 60)
    await keeper.close()
    assert cut == [True]
