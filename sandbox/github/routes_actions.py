"""Workflows, runs, jobs and logs of GitHub Actions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github import archives, shapes_actions
from sandbox.github.repository import ConflictError, RefusedError, Repository
from sandbox.github.run_filters import visible_runs
from sandbox.github.site import writer_of
from sandbox.github.web import GitHubError, json_body, json_response, not_found, page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.github.runs import Job, Run, Workflow
    from sandbox.github.site import Site

_ACTIONS = "/repos/{owner}/{name}/actions"


class ActionsRoutes:
    """Everything about workflow runs. Listings lag behind what just happened, as the real ones do."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cancelling: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        run = _ACTIONS + "/runs/{run_id}"
        return [
            web.get(_ACTIONS + "/workflows", self.workflows),
            web.get(_ACTIONS + "/workflows/{workflow}", self.workflow),
            web.post(_ACTIONS + "/workflows/{workflow}/dispatches", self.dispatch),
            web.get(_ACTIONS + "/workflows/{workflow}/runs", self.runs),
            web.get(_ACTIONS + "/runs", self.runs),
            web.get(run, self.run),
            web.get(run + "/jobs", self.jobs),
            web.get(run + "/logs", self.run_logs),
            web.post(run + "/cancel", self.cancel),
            web.post(run + "/force-cancel", self.cancel),
            web.post(run + "/rerun", self.rerun),
            web.post(run + "/rerun-failed-jobs", self.rerun),
            web.get(_ACTIONS + "/jobs/{job_id}", self.job),
            web.get(_ACTIONS + "/jobs/{job_id}/logs", self.job_logs),
        ]

    async def workflows(self, request: web.Request) -> web.Response:
        """All workflows."""
        repository = self._site.repository(request)
        known = list(repository.workflows.values())
        page, links = page_of(request, known, self._site.base)
        shown = [shapes_actions.workflow(self._site.base, repository, one) for one in page]
        return json_response({"total_count": len(known), "workflows": shown}, headers=links)

    async def workflow(self, request: web.Request) -> web.Response:
        """One workflow by number or file name."""
        repository, found = self._workflow(request)
        return json_response(shapes_actions.workflow(self._site.base, repository, found))

    def _workflow(self, request: web.Request) -> tuple[Repository, Workflow]:
        repository = self._site.repository(request)
        found = repository.workflow(request.match_info["workflow"])
        if found is None:
            raise not_found()
        return repository, found

    async def dispatch(self, request: web.Request) -> web.Response:
        """Start a run: 204, or 200 with where it is when `return_run_details` was asked for."""
        repository, workflow = self._workflow(request)
        caller = writer_of(request)
        body = await json_body(request)
        ref, inputs = body.get("ref"), body.get("inputs") or {}
        if not isinstance(ref, str) or not isinstance(inputs, dict):
            raise GitHubError(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
        given = {key: _text(value) for key, value in inputs.items()}
        try:
            run = repository.dispatch(str(workflow.workflow_id), ref, given, actor=caller.login)
        except RefusedError as error:
            raise GitHubError(422, str(error)) from error
        if body.get("return_run_details") is not True:
            return web.Response(status=204)
        shown = shapes_actions.run(self._site.base, repository, run)
        return json_response({"workflow_run_id": run.run_id, "run_url": shown["url"], "html_url": shown["html_url"]})

    async def runs(self, request: web.Request) -> web.Response:
        """Runs of the repository or of one workflow, newest first, filtered."""
        if "workflow" in request.match_info:
            repository, workflow = self._workflow(request)
        else:
            repository, workflow = self._site.repository(request), None
        fits = visible_runs(repository, workflow, request.query, lag=self._site.listing_lag)
        page, links = page_of(request, fits, self._site.base)
        shown = [shapes_actions.run(self._site.base, repository, one) for one in page]
        return json_response({"total_count": len(fits), "workflow_runs": shown}, headers=links)

    async def run(self, request: web.Request) -> web.Response:
        """One run."""
        repository, run = self._site.run(request)
        return json_response(shapes_actions.run(self._site.base, repository, run))

    async def jobs(self, request: web.Request) -> web.Response:
        """The run's jobs: each one's newest execution, or all of them with filter=all."""
        repository, run = self._site.run(request)
        jobs: Sequence[Job] = run.jobs if request.query.get("filter") == "all" else run.latest_jobs
        page, links = page_of(request, jobs, self._site.base)
        shown = [shapes_actions.job(self._site.base, repository, run, one) for one in page]
        return json_response({"total_count": len(jobs), "jobs": shown}, headers=links)

    async def job(self, request: web.Request) -> web.Response:
        """One job."""
        repository, run, job = self._site.job(request)
        return json_response(shapes_actions.job(self._site.base, repository, run, job))

    async def job_logs(self, request: web.Request) -> web.Response:
        """A redirect to the job's log; none before the job is over."""
        _, _, job = self._site.job(request)
        if job.status != "completed" or job.conclusion == "skipped":
            raise not_found()
        link = self._site.link(archives.job_log(job).encode(), "text/plain", "job-logs.txt")
        return web.Response(status=302, headers={"Location": link})

    async def run_logs(self, request: web.Request) -> web.Response:
        """A redirect to a zip of all jobs' logs; none before the run is over."""
        _, run = self._site.run(request)
        if not run.finished:
            raise not_found()
        link = self._site.link(archives.run_logs(run), "application/zip", f"logs_{run.run_id}.zip")
        return web.Response(status=302, headers={"Location": link})

    async def cancel(self, request: web.Request) -> web.Response:
        """Ask for the run's end: 202, and the jobs end a little later; 409 when it is over."""
        repository, run = self._site.run(request)
        writer_of(request)
        if run.finished:
            raise GitHubError(409, "Cannot cancel a workflow run that is completed.")
        self._soon(repository, run, force=request.path.endswith("/force-cancel"))
        return json_response({}, 202)

    def _soon(self, repository: Repository, run: Run, *, force: bool) -> None:
        task = asyncio.get_running_loop().create_task(repository.cancel(run, force=force))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def rerun(self, request: web.Request) -> web.Response:
        """The next attempt of all jobs, or of those that failed and what needs them."""
        repository, run = self._site.run(request)
        caller = writer_of(request)
        failed_only = request.path.endswith("/rerun-failed-jobs")
        try:
            repository.rerun(run, failed_only=failed_only, actor=caller.login)
        except ConflictError as error:
            raise GitHubError(403, str(error)) from error
        return json_response({}, 201)

    async def stop(self) -> None:
        """Wait for no cancelling that is still under way."""
        for task in self._cancelling:
            task.cancel()
        await asyncio.gather(*self._cancelling, return_exceptions=True)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
