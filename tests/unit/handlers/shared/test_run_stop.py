"""A run is cancelled after Cancel or its time limit, by force after a while, and given up where GitHub does not end it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from handlers.shared.run_stop import FORCE_AFTER, GIVE_UP_AFTER, RunStop
from runners.errors import AccessDeniedError
from runners.results import State, WorkflowRun
from tests import virtual_time
from tests.virtual_time import run_virtually

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.live import LiveMessage

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RUN = WorkflowRun("o/r", 7, 1, 1, "Deploy", "a" * 40, State.RUNNING, "https://github.test/7", START)


def now() -> float:
    """Seconds since the run began."""
    return virtual_time.now() - 1_000


@dataclass
class Followed:
    """An operation that follows a run of GitHub; `cancelled` are (seconds, by force) of the requests to GitHub."""

    cancelled: list[tuple[int, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    pressed_at: float | None = None
    refuses: bool = False

    async def cancel(self, *_: object, force: bool = False) -> bool:
        if self.refuses:
            raise AccessDeniedError("cancelling run 7", "the token may not write actions")
        self.cancelled.append((round(now()), force))
        return True

    async def cancel_requested(self, _: int) -> str | None:
        return "U0ANA" if self.pressed_at is not None and now() >= self.pressed_at else None

    async def record_once(self, _: object) -> None:
        """Recorded."""

    async def stop(self, limit: float | None, seconds: float) -> RunStop:
        services = SimpleNamespace(
            operations=SimpleNamespace(cancel_requested=self.cancel_requested),
            audit=SimpleNamespace(record_once=self.record_once),
            clock=lambda: START.timestamp() + now(),
            github=None,
            redact=str,
        )
        target = SimpleNamespace(name="dev")
        operation: Any = SimpleNamespace(services=services, number=1, repository="o/r", target=target)
        stop = RunStop(cast("Operation", operation), 7, limit, lambda: self.given_up.append(round(now())))
        async with stop.watching(cast("LiveMessage", SimpleNamespace(note=self.notes.append)), [RUN]):
            await asyncio.sleep(seconds)
        return stop


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Followed:
    made = Followed()
    monkeypatch.setattr("runners.github.runs.reruns.cancel", made.cancel)
    return made


@pytest.mark.parametrize(("limit", "pressed_at", "due"), [(600.0, None, 601), (600.0, 30.0, 30), (None, 45.0, 45)])
def test_it_is_cancelled_then_forced_then_given_up(
    followed: Followed, limit: float | None, pressed_at: float | None, due: int
) -> None:
    followed.pressed_at = pressed_at
    stop = run_virtually(followed.stop(limit, 2_000))
    forced = due + int(FORCE_AFTER)
    assert followed.cancelled == [(due, False), (forced, True)]
    assert followed.given_up == [forced + int(GIVE_UP_AFTER)]
    assert (stop.cancelled_by, stop.overdue) == (("U0ANA", False) if pressed_at else ("", True))
    why = "Cancelled by <@U0ANA>" if pressed_at else "Not done within 10 min"
    assert all(why in note.replace("\ue000", "") or "U0ANA" in note for note in followed.notes)
    assert len(followed.notes) == 2


def test_without_a_limit_and_without_a_press_it_runs_on(followed: Followed) -> None:
    stop = run_virtually(followed.stop(None, 86_400))
    assert (followed.cancelled, followed.given_up, followed.notes) == ([], [], [])
    assert not stop.overdue


def test_a_run_that_ends_in_time_is_not_forced(followed: Followed) -> None:
    followed.pressed_at = 10.0
    run_virtually(followed.stop(None, 60))
    assert followed.cancelled == [(10, False)]
    assert followed.given_up == []


def test_what_github_refuses_to_cancel_is_said_and_blocks_its_environment_no_longer(followed: Followed) -> None:
    followed.refuses = True
    run_virtually(followed.stop(60, 2_000))
    assert "GitHub does not cancel the run: the token may not write actions. Cancel it there." in followed.notes[0]
    assert followed.given_up == [61 + int(FORCE_AFTER + GIVE_UP_AFTER)]


def test_the_limit_counts_from_the_beginning_of_the_run(followed: Followed) -> None:
    assert RUN.created_at + timedelta(seconds=60) == START + timedelta(seconds=60)
    run_virtually(followed.stop(60, 70))
    assert followed.cancelled == [(61, False)]
