"""A step under simulation: its context, its log, and its script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from sandbox.github.clock import Clock
    from sandbox.github.commits import Commit
    from sandbox.github.expressions import Contexts
    from sandbox.github.play.scripts import Script
    from sandbox.github.runs import Job, Step


class StepFailedError(Exception):
    """The step's command ended with a code other than 0."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class RateLimitedError(StepFailedError):
    """AWS refused by its rate limit; `leaves_builder` when it refused the clean-up too."""

    def __init__(self, *, leaves_builder: bool) -> None:
        super().__init__(1)
        self.leaves_builder = leaves_builder


class RunnerLostError(Exception):
    """The job's runner is lost: nothing runs after this, without a clean-up."""


@dataclass(slots=True)
class Stage:
    """A step under simulation. `command` is its first line with expressions filled in.

    `printed_as` formats a line of the script for the step's log.
    """

    job: Job
    step: Step
    command: str
    commit: Commit
    clock: Clock
    rng: random.Random
    script: Script | None
    contexts: Contexts = field(default_factory=dict)
    printed_as: Callable[[str], str] = str

    def log(self, *lines: str) -> None:
        """Print lines into the step's log, now."""
        now = self.clock.now()
        self.step.lines.extend((now, line) for line in lines)

    def group(self, title: str, *lines: str) -> None:
        """Print a folded group of lines."""
        self.log(f"##[group]{title}", *lines, "##[endgroup]")

    async def work(self, seconds: float) -> None:
        """The step's own work, simulated seconds long, with the script applied.

        Raises StepFailedError or RunnerLostError if the script does; a hanging script waits until cancelled.
        """
        if self.script is None:
            await self.clock.sleep(seconds)
            return
        await self.clock.sleep(seconds * self.script.slower / 2)
        self.log(*map(self.printed_as, self.script.log))
        outcome = self.script.outcome
        if self.script.hold is not None and outcome == "held":
            await self.script.hold.released()
            outcome = self.script.hold.outcome
        match outcome:
            case "failure":
                raise StepFailedError(self.script.exit_code)
            case "limited":
                raise RateLimitedError(leaves_builder=self.script.leaves_builder)
            case "lost":
                raise RunnerLostError
            case "hang":
                await asyncio.Event().wait()
        await self.clock.sleep(seconds * self.script.slower / 2)


Player = Callable[[Stage], Awaitable[None]]
