"""Scripts for the next runs of a test: a job fails, hangs, waits, takes longer, or prints something."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from sandbox.github.matrix import leaves
from sandbox.github.play.tool_failures import PLUGINS_LIMITED, TOOL_FAILURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.play.tool_failures import Tool
    from sandbox.github.runs import Job


@dataclass(slots=True)
class Hold:
    """A job that waits for its release."""

    outcome: Literal["success", "failure"] = "success"
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self, outcome: Literal["success", "failure"] = "success") -> None:
        """Release the job with this outcome."""
        self.outcome = outcome
        self._released.set()

    async def released(self) -> None:
        """Wait for the release."""
        await self._released.wait()


@dataclass(frozen=True, slots=True)
class Script:
    """The course of a job of a coming run.

    `job` is a job's name (`deploy (cron)`), or matrix values (`cron`; `cron, staging`); `attempt` the run's attempt,
    None for any. `outcome` is success, failure, hang (until cancelled), held (until `hold` is released), waiting (for an
    approval: likewise, before it starts), limited
    (AWS's rate limit: the job fails; with `leaves_builder` without a clean-up) or lost (the runner dies: the job
    fails, nothing is cleaned). `log` is printed by `step`, without one by the job's last step that runs a command.
    `slower` multiplies its duration. `ignores_cancel` jobs end only by force-cancel. The script applies to `times`
    jobs.
    """

    workflow: str
    job: str
    step: str | None = None
    log: tuple[str, ...] = ()
    outcome: str = "success"
    exit_code: int = 1
    slower: float = 1.0
    ignores_cancel: bool = False
    times: int = 1
    attempt: int | None = None
    leaves_builder: bool = False
    hold: Hold | None = None
    environment: str = ""  # whose review a waiting job needs, by one of the reviewers
    reviewers: tuple[str, ...] = ()

    def fits(self, workflow: str, job: Job) -> bool:
        """Whether the script is for this job."""
        values = set(leaves(job.matrix))
        named = self.job == job.name or set(self.job.split(", ")) <= values
        return self.workflow == workflow and named and self.attempt in (None, job.attempt)


@dataclass(slots=True)
class Scripts:
    """The unused scripts, oldest first."""

    waiting: list[Script] = field(default_factory=list)

    def take(self, workflow: str, job: Job) -> Script | None:
        """Take the first script for this job."""
        for index, script in enumerate(self.waiting):
            if script.fits(workflow, job):
                self.waiting[index : index + 1] = [replace(script, times=script.times - 1)] if script.times > 1 else []
                return script
        return None


@dataclass(slots=True)
class ScriptedRuns:
    """The scripts of a repository's coming runs."""

    scripts: Scripts = field(default_factory=Scripts)

    def fail_next(
        self,
        workflow: str,
        *,
        job: str,
        step: str | None = None,
        log: Sequence[str] = (),
        exit_code: int = 1,
        times: int = 1,
        runner_lost: bool = False,
        attempt: int | None = None,
    ) -> None:
        """The next run's job fails in `step` after printing `log`; with `runner_lost` its runner is lost."""
        outcome = "lost" if runner_lost else "failure"
        script = Script(workflow, job, step, tuple(log), outcome, exit_code=exit_code, times=times, attempt=attempt)
        self.scripts.waiting.append(script)

    def hang_next(
        self,
        workflow: str,
        *,
        job: str,
        step: str | None = None,
        ignores_cancel: bool = False,
        attempt: int | None = None,
    ) -> None:
        """The next run's job stays in `step` until the run is cancelled (or force-cancelled)."""
        script = Script(workflow, job, step, outcome="hang", ignores_cancel=ignores_cancel, attempt=attempt)
        self.scripts.waiting.append(script)

    def hold_next(self, workflow: str, *, job: str, step: str | None = None, attempt: int | None = None) -> Hold:
        """The next run's job stays in `step` until the returned hold is released."""
        hold = Hold()
        self.scripts.waiting.append(Script(workflow, job, step, outcome="held", hold=hold, attempt=attempt))
        return hold

    def wait_next(
        self,
        workflow: str,
        *,
        job: str,
        attempt: int | None = None,
        environment: str = "production",
        reviewers: tuple[str, ...] = ("lee-park",),
    ) -> Hold:
        """The next run's job waits for a review of its environment before it starts, until the returned hold is released."""
        hold = Hold()
        script = Script(workflow, job, outcome="waiting", hold=hold, attempt=attempt)
        self.scripts.waiting.append(replace(script, environment=environment, reviewers=reviewers))
        return hold

    def slow_next(self, workflow: str, *, job: str, times_slower: float) -> None:
        """The next run's job takes `times_slower` times as long."""
        self.scripts.waiting.append(Script(workflow, job, slower=times_slower))

    def print_next(self, workflow: str, *, job: str, log: Sequence[str], step: str | None = None) -> None:
        """The next run's job prints `log` and succeeds."""
        self.scripts.waiting.append(Script(workflow, job, step, tuple(log)))

    def green_but_broken(self, workflow: str, *, job: str, tool: Tool = "apt", attempt: int | None = None) -> None:
        """The next run's job prints a failure of `tool` and succeeds, with an image."""
        self.scripts.waiting.append(Script(workflow, job, log=TOOL_FAILURES[tool], attempt=attempt))

    def rate_limited(
        self,
        workflow: str,
        *,
        job: str,
        by: Literal["aws", "github"] = "aws",
        leaves_builder: bool = False,
        times: int = 1,
        attempt: int | None = None,
    ) -> None:
        """The next run's job fails by a rate limit: AWS's while it builds, or GitHub's as Packer gets its plugins.

        With `leaves_builder` AWS refuses the clean-up too. A rerun succeeds, unless `times` is larger.
        """
        script = Script(workflow, job, outcome="limited", times=times, attempt=attempt, leaves_builder=leaves_builder)
        if by == "github":
            script = replace(script, step="Install the plugins", log=PLUGINS_LIMITED, outcome="failure")
        self.scripts.waiting.append(script)
