"""Runs, jobs and logs of GitHub Actions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github import archives
from sandbox.github.refusals import ConflictError
from sandbox.github.routes.part import REPOSITORY, Part, change
from sandbox.github.routes.run_filters import visible_runs
from sandbox.github.routes.workflows import workflow_of
from sandbox.github.shapes import actions as shapes_actions
from sandbox.github.site import writer_of
from sandbox.github.web import GitHubError, json_response, not_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Run
    from sandbox.github.site import Site

_ACTIONS = f"{REPOSITORY}/actions"


class ActionsRoutes(Part):
    """The endpoints of workflow runs. Listings lag, as GitHub's do."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._cancelling: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        run = _ACTIONS + "/runs/{run_id}"
        attempt, job = run + "/attempts/{attempt}", _ACTIONS + "/jobs/{job_id}"
        return [
            web.get(_ACTIONS + "/workflows/{workflow}/runs", self.runs),
            web.get(_ACTIONS + "/runs", self.runs),
            web.get(run, self.run),
            web.get(run + "/jobs", self.jobs),
            web.get(run + "/pending_deployments", self.pending),
            web.get(attempt, self.run),
            web.get(attempt + "/jobs", self.jobs),
            web.post(run + "/cancel", self.cancel),
            web.post(run + "/force-cancel", self.cancel),
            web.post(run + "/rerun", self.rerun),
            web.post(run + "/rerun-failed-jobs", self.rerun),
            web.get(job, self.job),
            web.get(job + "/logs", self.job_logs),
            web.post(job + "/rerun", self.rerun_job),
        ]

    async def runs(self, request: web.Request) -> web.Response:
        """Runs of the repository or of one workflow, newest first, filtered."""
        if "workflow" in request.match_info:
            repository, workflow = workflow_of(self._site, request)
        else:
            repository, workflow = self._site.repository(request), None
        fits = visible_runs(repository, workflow, request.query, lag=self._site.listing_lag)
        return self._listed(
            request, fits, partial(shapes_actions.run, self._site.base, repository), under="workflow_runs"
        )

    async def run(self, request: web.Request) -> web.Response:
        """A run, or its state at the end of a past attempt."""
        repository, run = self._run(request)
        return json_response(shapes_actions.run(self._site.base, repository, run))

    def _run(self, request: web.Request) -> tuple[Repository, Run]:
        repository, run = self._site.run(request)
        wanted = request.match_info.get("attempt", str(run.attempt))
        past = run.as_of(int(wanted)) if wanted.isdecimal() else None
        if past is None:
            raise not_found()
        return repository, past

    async def jobs(self, request: web.Request) -> web.Response:
        """The run's jobs: the newest execution of each, all with filter=all, or those of an attempt."""
        repository, run = self._run(request)
        jobs = _listed(repository, run, every=request.query.get("filter") == "all")
        shape = partial(shapes_actions.job, self._site.base, repository, run)
        return self._listed(request, jobs, shape, under="jobs")

    async def pending(self, request: web.Request) -> web.Response:
        """The environments that hold jobs of the run, with their reviewers."""
        repository, run = self._run(request)
        held = {job.environment: job for job in run.latest_jobs if job.status == "waiting"}
        return json_response([shapes_actions.pending(self._site.base, repository, job) for job in held.values()])

    async def job(self, request: web.Request) -> web.Response:
        """A job."""
        repository, run, job = self._site.job(request)
        return json_response(shapes_actions.job(self._site.base, repository, run, job))

    async def job_logs(self, request: web.Request) -> web.Response:
        """A redirect to the job's log; 404 before the end of the job, 410 after its expiry."""
        _, run, job = self._site.job(request)
        if not self._has_log(job):
            raise not_found()
        _check_not_expired(run)
        link = self._site.link(archives.job_log(job), "text/plain", "job-logs.txt")
        return web.Response(status=302, headers={"Location": link})

    def _has_log(self, job: Job) -> bool:
        if job.completed_at is None or not job.ran or job.without_log:
            return False
        age = (self._site.clock.now() - job.completed_at).total_seconds()
        return age >= self._site.log_lag

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel the run: 202, and the jobs end a little later; 409 when it has ended."""
        repository, run = self._site.run(request)
        writer_of(request)
        if run.finished:
            raise GitHubError(409, "Cannot cancel a workflow run that is completed.")
        self._soon(repository, run, force=request.path.endswith("/force-cancel"))
        return json_response({}, 202)

    def _soon(self, repository: Repository, run: Run, *, force: bool) -> None:
        async def cancel() -> None:
            with suppress(ConflictError):  # it has ended meanwhile
                await repository.cancel(run, force=force)

        task = asyncio.get_running_loop().create_task(cancel())
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def rerun(self, request: web.Request) -> web.Response:
        """Rerun all jobs, or the failed jobs and those that need them: 201, else 403."""
        repository, run = self._site.run(request)
        caller, _ = await change(request, "enable_debug_logging")
        failed_only = request.path.endswith("/rerun-failed-jobs")
        try:
            repository.rerun(run, failed_only=failed_only, actor=caller.login)
        except ConflictError as error:
            raise GitHubError(403, str(error)) from error
        return json_response({}, 201)

    async def rerun_job(self, request: web.Request) -> web.Response:
        """Rerun a job and the jobs that need it: 201, else 403."""
        repository, run, job = self._site.job(request)
        caller, _ = await change(request, "enable_debug_logging", "enable_debugger")
        try:
            repository.rerun(run, job=job, actor=caller.login)
        except ConflictError as error:
            raise GitHubError(403, str(error)) from error
        return json_response({}, 201)

    async def stop(self) -> None:
        """Stop the cancellations that are running."""
        for task in self._cancelling:
            task.cancel()
        await asyncio.gather(*self._cancelling, return_exceptions=True)


def _listed(repository: Repository, run: Run, *, every: bool) -> Sequence[Job]:
    if every:
        return run.jobs
    if repository.carry_over == "drop":
        return [job for job in run.jobs if job.attempt == run.attempt]
    return sorted(run.latest_jobs, key=lambda job: job.job_id)


def _check_not_expired(run: Run) -> None:
    # GitHub's answer for an expired log (rust-lang/triagebot#2241).
    if run.logs_expired:
        raise GitHubError(410, "Server Error")
