"""What is needed to follow something that was started is asked for again, for as long as that may help."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from handlers.shared import resuming
from runners.errors import NotFoundError, RunnerError, UnavailableError
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from runners.processes.children import Child

AWAY = UnavailableError("asking", "no answer")


class Started:
    """Something that runs until this virtual time."""

    def __init__(self, until: float) -> None:
        self._until = until

    async def is_running(self) -> bool:
        return now() < self._until


async def asked(errors: list[RunnerError], *, runs_for: float, timeout: float) -> tuple[int, float]:
    """How many attempts there were, and how long they took; raises what `prepared` raises."""
    began, attempts = now(), 0

    async def make() -> int:
        nonlocal attempts
        attempts += 1
        if errors:
            raise errors.pop(0)
        return attempts

    started = cast("Child", Started(began + runs_for))
    return await resuming.prepared(make, started, timeout=timeout), now() - began


@pytest.fixture(autouse=True)
def virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.shared.resuming.time.monotonic", now)


def test_an_answer_after_an_outage_is_enough() -> None:
    attempts, took = run_virtually(asked([AWAY] * 4, runs_for=0, timeout=60))
    assert attempts == 5
    assert 15 <= took <= 22.5  # 1 + 2 + 4 + 8 seconds, each up to a half longer


def test_as_long_as_it_runs_nobody_gives_up() -> None:
    attempts, took = run_virtually(asked([AWAY] * 50, runs_for=10_000, timeout=10))
    assert attempts == 51
    assert took > 1_000


def test_once_it_has_ended_the_timeout_ends_as_well() -> None:
    with pytest.raises(UnavailableError):
        run_virtually(asked([AWAY] * 50, runs_for=0, timeout=60))


def test_what_does_not_pass_is_not_asked_again() -> None:
    with pytest.raises(NotFoundError):
        run_virtually(asked([NotFoundError("asking", "no such commit")], runs_for=10_000, timeout=60))
