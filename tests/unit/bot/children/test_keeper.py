"""How long, and how often, a keeper tries to record the end of its child while the database is away."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bot.children import keeper as keepers
from bot.children.keeper import Keeper
from bot.children.spec import Spec

START = 1_000.0


class Clock:
    """Time that passes while somebody sleeps; at `term` SIGTERM comes."""

    def __init__(self, keeper: Keeper) -> None:
        self.now = START
        self.term = math.inf
        self.keeper = keeper
        self.attempts: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.term:
            self.keeper._end()

    def finish(self, succeeds_at: float) -> bool:
        self.attempts.append(self.now)
        return self.now >= succeeds_at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    spec = Spec(
        *(
            1,
            "apply",
            "keeper",
            "machine",
            "host",
            "executor",
            60.0,
            1.0,
            "directory",
            [],
            False,
            "/",
            {},
            "",
            "",
            "",
            {},
            {},
        )
    )
    made = Clock(Keeper(spec))
    monkeypatch.setattr("runners.processes.supervise.now", lambda: made.now)
    monkeypatch.setattr("bot.children.keeper.time.sleep", made.sleep)
    monkeypatch.setattr(keepers, "say", lambda _: None)
    return made


def test_the_pauses_grow_and_differ(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.keeper, "_finish", lambda: clock.finish(START + 3_600))
    assert clock.keeper._record_end()
    pauses = [later - earlier for earlier, later in pairwise(clock.attempts)]
    assert len(pauses) < 150, "an hour without a database is not an attempt each second"
    assert max(pauses) <= keepers.LONGEST_PAUSE + keepers.POLL
    assert pauses[0] <= keepers.PACE + keepers.POLL
    long = [pause for pause in pauses if pause > keepers.LONGEST_PAUSE / 2]
    assert len({round(pause) for pause in long}) > 3, "all keepers come back at other times"


def test_it_gives_up_after_a_day(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock.keeper, "_finish", lambda: clock.finish(math.inf))
    assert not clock.keeper._record_end()
    assert keepers.GIVE_UP <= clock.now - START <= keepers.GIVE_UP + keepers.LONGEST_PAUSE


@pytest.mark.parametrize("term", [0.0, START + 1_800])
def test_on_sigterm_it_gives_up_soon(clock: Clock, monkeypatch: pytest.MonkeyPatch, term: float) -> None:
    monkeypatch.setattr(clock.keeper, "_finish", lambda: clock.finish(math.inf))
    clock.term = term
    assert not clock.keeper._record_end()
    assert clock.now - max(START, term) <= keepers.ENDING + 2 * keepers.POLL
