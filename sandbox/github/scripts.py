"""What a test asks of the next runs: this job shall fail, hang, take long, or print what it should not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.runs import Job


@dataclass(frozen=True, slots=True)
class Script:
    """How one job of a coming run goes.

    `job` is a job's name (`deploy (cron)`), or matrix values (`cron`; `cron, staging`). `outcome` is success,
    failure, hang (until cancelled) or lost (the runner dies: the job fails, nothing is cleaned). `log` is printed
    by `step`, without one by the job's last step that runs a command. `slower` multiplies its duration.
    `ignores_cancel` jobs end only by force-cancel. `times` counts the jobs it is good for.
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

    def fits(self, workflow: str, job: Job) -> bool:
        """Whether this is the job that the script is about."""
        values = set(job.matrix.values())
        return self.workflow == workflow and (self.job == job.name or set(self.job.split(", ")) <= values)


@dataclass(slots=True)
class Scripts:
    """The scripts still to be used, oldest first."""

    waiting: list[Script] = field(default_factory=list)

    def take(self, workflow: str, job: Job) -> Script | None:
        """The first script for this job, used up by taking it."""
        for index, script in enumerate(self.waiting):
            if script.fits(workflow, job):
                self.waiting[index : index + 1] = [replace(script, times=script.times - 1)] if script.times > 1 else []
                return script
        return None


@dataclass(slots=True)
class ScriptedRuns:
    """The scripting half of a repository."""

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
    ) -> None:
        """The next run's job fails in `step` after printing `log`; with `runner_lost` its machine is gone."""
        outcome = "lost" if runner_lost else "failure"
        script = Script(workflow, job, step, tuple(log), outcome, exit_code=exit_code, times=times)
        self.scripts.waiting.append(script)

    def hang_next(self, workflow: str, *, job: str, step: str | None = None, ignores_cancel: bool = False) -> None:
        """The next run's job stays in `step` until somebody cancels (or force-cancels) the run."""
        self.scripts.waiting.append(Script(workflow, job, step, outcome="hang", ignores_cancel=ignores_cancel))

    def slow_next(self, workflow: str, *, job: str, times_slower: float) -> None:
        """The next run's job takes so many times as long."""
        self.scripts.waiting.append(Script(workflow, job, slower=times_slower))

    def print_next(self, workflow: str, *, job: str, log: Sequence[str], step: str | None = None) -> None:
        """The next run's job prints `log` and succeeds all the same."""
        self.scripts.waiting.append(Script(workflow, job, step, tuple(log)))
