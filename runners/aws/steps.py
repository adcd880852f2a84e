"""The steps of deletions in AWS: recorded as they are made, refused by AWS, and polled until they take effect."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.results import Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    OnStep = Callable[[Step], Awaitable[None]]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Polling:
    """How long to wait until what AWS accepted takes effect, and how often to check (both in seconds)."""

    timeout: float
    interval: float

    async def until(self, done: Callable[[T], bool], check: Callable[[], Awaitable[T]]) -> T:
        """The first result of `check` that is `done`, or its last result after the timeout."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.timeout
        while True:
            result = await check()
            if done(result) or clock() >= deadline:
                return result
            await asyncio.sleep(self.interval)


class StepRecorder:
    """Collects steps, and passes each on to `on_step`."""

    def __init__(self, on_step: OnStep | None) -> None:
        self.steps: list[Step] = []
        self._on_step = on_step

    async def add(self, step: Step) -> Step:
        """Record the step."""
        self.steps.append(step)
        if self._on_step:
            await self._on_step(step)
        return step


def failed_step(what: str, resource: str, error: RunnerError) -> Step:
    """The step for an error: WAITING where a retry may help, else REFUSED."""
    outcome = Outcome.WAITING if isinstance(error, UnavailableError | TimedOutError) else Outcome.REFUSED
    return Step(what, resource, outcome, f"{error.problem}. {error.remedy}".rstrip(" ."))
