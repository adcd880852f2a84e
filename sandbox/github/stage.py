"""Where a step is played: its surroundings, its log, and the scripted turn it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from sandbox.github.clock import Clock
    from sandbox.github.commits import Commit
    from sandbox.github.runs import Job, Step
    from sandbox.github.scripts import Script


class StepFailedError(Exception):
    """The step's command ended with a code other than 0."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class RunnerLostError(Exception):
    """The machine that ran the job is gone: nothing after this runs, nothing is cleaned."""


@dataclass(slots=True)
class Stage:
    """One step being played. `command` is its first line with expressions filled in."""

    job: Job
    step: Step
    command: str
    commit: Commit
    clock: Clock
    rng: random.Random
    script: Script | None
    contexts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def log(self, *lines: str) -> None:
        """Print lines into the step's log, now."""
        now = self.clock.now()
        self.step.lines.extend((now, line) for line in lines)

    def group(self, title: str, *lines: str) -> None:
        """Print a folded group of lines."""
        self.log(f"##[group]{title}", *lines, "##[endgroup]")

    async def work(self, seconds: float) -> None:
        """The step's own work, simulated seconds long; here the script has its say.

        Raises StepFailedError or RunnerLostError as the script wants; a script that hangs waits until cancelled.
        """
        if self.script is None:
            await self.clock.sleep(seconds)
            return
        await self.clock.sleep(seconds * self.script.slower / 2)
        self.log(*self.script.log)
        match self.script.outcome:
            case "failure":
                raise StepFailedError(self.script.exit_code)
            case "lost":
                raise RunnerLostError
            case "hang":
                await asyncio.Event().wait()
        await self.clock.sleep(seconds * self.script.slower / 2)


Player = Callable[[Stage], Awaitable[None]]
