"""A repository of the stand-in: its commits, its workflows and their runs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sandbox.github.checks import Checks, Protection
from sandbox.github.commits import Author, Commit, CommitGraph, Content
from sandbox.github.deployments import Deployments
from sandbox.github.events import Announce, Event, Pushed
from sandbox.github.expressions import ExpressionError, displayed
from sandbox.github.inputs import checked_inputs
from sandbox.github.play import contexts
from sandbox.github.play.actions import unplayable_jobs
from sandbox.github.play.contexts import RepositorySettings
from sandbox.github.play.scripts import ScriptedRuns
from sandbox.github.play.simulation import Simulation
from sandbox.github.pulls import Pulls
from sandbox.github.push_filters import is_skipped, is_started
from sandbox.github.records import Activity
from sandbox.github.refusals import ConflictError, RefusedError
from sandbox.github.registry import Registry, dispatched_file, files_of, refused_file
from sandbox.github.runs import Job, Run, Workflow
from sandbox.github.vault import Vault
from sandbox.github.workflow_file import WorkflowFileError, parse

if TYPE_CHECKING:
    from sandbox.github.clock import Clock
    from sandbox.github.play.stage import Player
    from sandbox.github.runs import Rerun
    from sandbox.github.workflow_model import WorkflowFile

RERUN_WITHIN = timedelta(days=30)
Listener = Callable[["Repository", Run, "Job | None"], None]


class Repository(ScriptedRuns):
    """`owner/name` with its branches, workflows and runs.

    `listeners` are called after each change of a run (job None) or a job. `image_builder` plays the steps that
    run `packer build`. `carry_over` decides how a rerun of failed jobs lists the other jobs in the new attempt: "copy" lists
    them under new IDs with their old times, as GitHub does; "keep" lists them unchanged; "drop" lists only the new
    jobs, as GitHub did for a while in 2025 (r-universe-org/help#607). With `runs_on_push` a push starts the workflows
    that it triggers. `writers` are the accounts with write access.
    """

    def __init__(
        self, full_name: str, *, number: int, clock: Clock, seed: str, image_builder: Player | None = None
    ) -> None:
        super().__init__()
        self.full_name = full_name
        self.owner, _, self.name = full_name.partition("/")
        self.repository_id = 400_000_000 + number
        self.default_branch = "main"
        self.graph = CommitGraph()
        self.registry = Registry(self.repository_id)
        self.workflows = self.registry.workflows
        self.settings = RepositorySettings(full_name, self.default_branch)
        self.runs: dict[int, Run] = {}
        self.listeners: list[Listener] = []
        self.carry_over: Literal["copy", "keep", "drop"] = "copy"
        self.announce_to: list[Announce] = []
        self.checks = Checks(self.graph, self.runs)
        self.pulls = Pulls(self)
        self.deployments = Deployments(self)
        self.vault = Vault()
        self.environment_vaults: dict[str, Vault] = {}  # the secrets of environments, by their names
        self.runs_on_push = False
        self.activities: list[Activity] = []
        self.writers = {"ana-duarte", "lee-park", "max-weber"}
        self.protections: dict[str, Protection] = {}
        self._clock = clock
        self._seed = f"{seed}:{full_name}"
        self._image_builder = image_builder
        self._simulations: dict[int, list[Simulation]] = {}
        self._run_ids = itertools.count(19_600_000_000 + number * 1_000_000, 7)
        self._job_ids = itertools.count(55_100_000_000 + number * 1_000_000)

    def commit(self, branch: str, files: Mapping[str, Content], message: str, author: Author | None = None) -> Commit:
        """Commit these changed files to `branch` (None removes a file), now."""
        by = author or Author("Lee Park", "lee@lineside.example", "lee-park")
        before = self.graph.branches.get(branch)
        commit = self.graph.commit(branch, files, message, by)
        self.pushed(branch, before, by.login)
        return commit

    def pushed(self, branch: str, before: str | None, by: str) -> None:
        """Announce a branch's new tip, and read the workflows again; `before` is its old tip."""
        after, now = self.graph.branches[branch], datetime.now(UTC)
        self.activities.append(Activity(len(self.activities) + 1, branch, before, after, by, now))
        self.read_workflows()
        self.pulls.follow(branch, by)
        self.announce(Pushed(branch, before, self.graph.branches[branch], by))
        if self.runs_on_push:
            self._start_pushed(branch, before, by)

    def _start_pushed(self, branch: str, before: str | None, by: str) -> None:
        commit = self.graph.resolve(f"refs/heads/{branch}")
        if is_skipped(commit.message):
            return
        old = self.graph.commits[before].files if before else {}
        changed = [path for path in {**old, **commit.files} if old.get(path) != commit.files.get(path)]
        for path, file in files_of(commit):
            if isinstance(file, WorkflowFileError):
                workflow, refused = self.registry.register(path, path, commit.at), refused_file(path)
                run = self._start(workflow, refused, commit, branch=branch, inputs={}, actor=by, event="push")
                run.problems.append(f"Invalid workflow file: {file}")
                continue
            workflow = self.registry.register(path, file.name, commit.at)
            starts = "push" in file.triggers and is_started(file.triggers["push"], branch, changed)
            if starts and not workflow.state.startswith("disabled"):
                self._start(workflow, file, commit, branch=branch, inputs={}, actor=by, event="push")

    def announce(self, event: Event) -> None:
        """Send an event to the webhooks."""
        for announce in self.announce_to:
            announce(event)

    def protect(
        self,
        branch: str,
        *,
        required: Sequence[str] = (),
        strict: bool = False,
        reviews: int = 0,
        ruleset: bool = False,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        """Require these checks and `reviews` approvals for the branch, by protection or by a ruleset.

        `sources` names the App that has to report a check.
        """
        self.protections[branch] = Protection(tuple(required), strict, reviews, ruleset, sources or {})

    def protection(self, branch: str) -> Protection:
        """The requirements of the branch; none without protection."""
        return self.protections.get(branch, Protection())

    def read_workflows(self) -> None:
        """Register the workflows of the default branch, as GitHub does after a push."""
        if self.default_branch not in self.graph.branches:
            return
        self.registry.read(self.graph.resolve(self.default_branch))

    def unplayable_jobs(self) -> dict[str, dict[str, list[str]]]:
        """The jobs on the default branch that the stand-in cannot play, with the reasons, by the path of their workflow."""
        tip = self.graph.resolve(self.default_branch)
        jobs = {
            path: unplayable_jobs(file, tip.files, self.settings)
            for path, file in files_of(tip)
            if not isinstance(file, WorkflowFileError)
        }
        return {path: reasons for path, reasons in jobs.items() if reasons}

    def workflow(self, id_or_file: str) -> Workflow | None:
        """The workflow with this number, or with this file name on the default branch."""
        return self.registry.find(id_or_file)

    def dispatch(
        self, workflow: str, ref: str, inputs: Mapping[str, str] | None = None, *, actor: str = "lee-park"
    ) -> Run:
        """Start a run as POST .../dispatches does; RefusedError in GitHub's words when GitHub would not."""
        registered = self.workflow(workflow)
        # The worst case for a bare name that a branch and a tag have: the tag, as in gitrevisions(7).
        named = self.graph.named(f"refs/tags/{ref}" if ref in self.graph.tags else ref)
        if registered is None or named is None:
            raise RefusedError(f"No ref found for: {ref}" if registered else f"no workflow {workflow}")
        if registered.state != "active":
            raise RefusedError("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        commit = self.graph.commits[named[1]]
        file = dispatched_file(registered, commit)
        given = checked_inputs(file.inputs or (), inputs or {})
        branch = named[0].split("/", 2)[2]
        return self._start(registered, file, commit, branch=branch, inputs=given, actor=actor)

    def run_schedule(self, workflow: str) -> Run:
        """Start a run as its schedule does: on the default branch, in the name of who committed last."""
        registered = self.workflow(workflow)
        commit = self.graph.resolve(self.default_branch)
        file = parse(registered.path, commit.files[registered.path].decode()) if registered else None
        if registered is None or file is None or "schedule" not in file.triggers:
            raise RefusedError(f"{workflow} has no schedule on {self.default_branch}")
        branch, actor = self.default_branch, commit.author.login
        return self._start(registered, file, commit, branch=branch, inputs={}, actor=actor, event="schedule")

    def _start(
        self,
        workflow: Workflow,
        file: WorkflowFile,
        commit: Commit,
        *,
        branch: str,
        inputs: Mapping[str, str],
        actor: str,
        event: str = "workflow_dispatch",
    ) -> Run:
        now = self._clock.now()
        run = Run(
            run_id=next(self._run_ids),
            number=1 + sum(run.workflow is workflow for run in self.runs.values()),
            workflow=workflow,
            file=file,
            commit=commit,
            branch=branch,
            event=event,
            actor=actor,
            triggering_actor=actor,
            title=file.name,
            inputs=inputs,
            created_at=now,
            updated_at=now,
            started_at=now,
        )
        run.title = self._title(run)
        self.runs[run.run_id] = run
        self._simulate(run, None)
        return run

    def _title(self, run: Run) -> str:
        available = {"github": contexts.github(run, self.settings), "inputs": contexts.typed_inputs(run), "vars": {}}
        if run.file.run_name is None:
            return run.file.name
        try:
            return displayed(run.file.run_name, available) or run.file.name
        except ExpressionError:
            return run.file.name

    def _simulate(self, run: Run, only: Rerun | None) -> None:
        simulation = Simulation(
            run,
            clock=self._clock,
            settings=self.settings,
            seed=self._seed,
            scripts=self.scripts,
            new_job_id=lambda: next(self._job_ids),
            changed=self._notify,
            image_builder=self._image_builder,
            only=only,
        )
        self._simulations.setdefault(run.run_id, []).append(simulation)
        self._notify(run, None)
        simulation.start()

    def _notify(self, run: Run, job: Job | None) -> None:
        for listener in self.listeners:
            listener(self, run, job)

    async def cancel(self, run: Run, *, force: bool = False) -> None:
        """Cancel the run; ConflictError when it has ended."""
        if run.finished:
            raise ConflictError("Cannot cancel a workflow run that is completed.")
        await self._simulations[run.run_id][-1].cancel(force=force)

    def rerun(self, run: Run, *, failed_only: bool = False, job: Job | None = None, actor: str) -> None:
        """Start the next attempt, of all jobs, of failed jobs or of a job, with the jobs that need them.

        Raises ConflictError, in GitHub's words, while the run is running, when nothing failed, or a month later.
        """
        if not run.finished:
            raise ConflictError("This workflow is already running")
        if datetime.now(UTC) - run.created_at > RERUN_WITHIN:
            raise ConflictError("Unable to retry this workflow run because it was created over a month ago")
        only = run.with_dependents({job.name}) if job is not None else run.to_rerun if failed_only else None
        if only is not None and not only.names:
            raise ConflictError("This workflow run has no failed jobs to retry")
        run.next_attempt(actor, self._clock.now())
        if only is not None and self.carry_over == "copy":
            run.carry_over(only, self._job_ids, self._clock.now())
        self._simulate(run, only)

    @staticmethod
    def expire_logs(run: Run) -> None:
        """Expire the logs of all its jobs, as after 90 days."""
        run.logs_expired = True

    @staticmethod
    def backdate(run: Run, by: timedelta) -> None:
        """Make a run older."""
        run.created_at -= by

    async def ended(self, run: Run) -> None:
        """Wait for the end of the run's present attempt."""
        await self._simulations[run.run_id][-1].ended()

    async def stop(self) -> None:
        """Stop all runs."""
        await self.pulls.stop()
        for simulations in self._simulations.values():
            await simulations[-1].stop()
