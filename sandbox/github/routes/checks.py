"""Check runs and statuses of a commit, and the protection of a branch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.routes.part import REPOSITORY, Part, change, commit_of
from sandbox.github.shapes import checks as shapes_checks
from sandbox.github.web import (
    GitHubError,
    json_response,
    no_commit,
    not_found,
    page_of,
    required_text,
    validation_failed,
)

if TYPE_CHECKING:
    from sandbox.github.checks import CheckRun, Protection
    from sandbox.github.repository import Repository

_STATES = {"error", "failure", "pending", "success"}


class CheckRoutes(Part):
    """The endpoints of checks and of branch protection."""

    def routes(self) -> list[web.RouteDef]:
        """The routes. Add them before the routes that read the rest of the path as a ref."""
        commit, branch = REPOSITORY + "/commits/{ref:.+}", REPOSITORY + "/branches/{branch:.+}"
        return [
            web.get(commit + "/check-runs", self.check_runs),
            web.get(REPOSITORY + "/check-runs/{check_id}", self.check_run),
            web.get(commit + "/status", self.combined),
            web.get(commit + "/statuses", self.statuses),
            web.post(REPOSITORY + "/statuses/{sha}", self.create_status),
            web.get(branch + "/protection", self.protection),
            web.get(branch + "/protection/required_status_checks", self.required_checks),
            web.get(REPOSITORY + "/rules/branches/{branch:.+}", self.rules),
        ]

    async def check_runs(self, request: web.Request) -> web.Response:
        """The check runs of a commit, jobs of workflow runs among them; filtered."""
        repository = self._site.repository(request)
        sha = _sha(repository, request.match_info["ref"])
        query = request.query
        every = repository.checks.runs(sha, latest=query.get("filter", "latest") == "latest")
        fits = [run for run in every if _fits(run, query.get("check_name"), query.get("status"), query.get("app_id"))]
        shape = partial(shapes_checks.check_run, self._site.base, repository)
        return self._listed(request, fits, shape, under="check_runs")

    async def check_run(self, request: web.Request) -> web.Response:
        """A check run."""
        repository = self._site.repository(request)
        wanted = request.match_info["check_id"]
        for sha in repository.graph.commits:
            for run in repository.checks.runs(sha, latest=False):
                if str(run.check_id) == wanted:
                    return json_response(shapes_checks.check_run(self._site.base, repository, run))
        raise not_found()

    async def combined(self, request: web.Request) -> web.Response:
        """The newest status of each context, and the combined state."""
        repository = self._site.repository(request)
        sha = commit_of(repository, request.match_info["ref"], not_found()).sha
        every = repository.checks.statuses(sha)
        page, links = page_of(request, every, self._site.base)
        return json_response(shapes_checks.combined(self._site.base, repository, sha, page, len(every)), headers=links)

    async def statuses(self, request: web.Request) -> web.Response:
        """All statuses of a commit, newest first."""
        repository = self._site.repository(request)
        sha = _sha(repository, request.match_info["ref"])
        every = repository.checks.statuses(sha, latest=False)
        return self._listed(request, every, partial(shapes_checks.status, self._site.base, repository))

    async def create_status(self, request: web.Request) -> web.Response:
        """Add a status to a commit."""
        repository = self._site.repository(request)
        caller, body = await change(request, "state", "target_url", "description", "context")
        state = required_text(body, "state")
        if state not in _STATES:
            raise validation_failed("Status", field="state", code="invalid")
        made = repository.checks.status(
            _sha(repository, request.match_info["sha"]),
            body.get("context") or "default",
            state,  # type: ignore[arg-type] # checked above
            description=body.get("description"),
            by=caller.login,
        )
        return json_response(shapes_checks.status(self._site.base, repository, made), 201)

    async def protection(self, request: web.Request) -> web.Response:
        """The protection of a branch."""
        repository, branch, requirements = self._protected(request)
        return json_response(shapes_checks.branch_protection(self._site.base, repository, branch, requirements))

    async def required_checks(self, request: web.Request) -> web.Response:
        """The checks that a branch requires."""
        repository, branch, requirements = self._protected(request)
        if not requirements.required:
            raise GitHubError(404, "Required status checks not enabled")
        return json_response(shapes_checks.status_policy(self._site.base, repository, branch, requirements))

    def _protected(self, request: web.Request) -> tuple[Repository, str, Protection]:
        repository, branch = self._branch(request)
        requirements = repository.protections.get(branch)
        if requirements is None or requirements.ruleset:
            raise GitHubError(404, "Branch not protected")
        return repository, branch, requirements

    def _branch(self, request: web.Request) -> tuple[Repository, str]:
        repository = self._site.repository(request)
        branch = request.match_info["branch"]
        if branch not in repository.graph.branches:
            raise GitHubError(404, "Branch not found")
        return repository, branch

    async def rules(self, request: web.Request) -> web.Response:
        """The rules of rulesets for a branch, which need not exist."""
        repository = self._site.repository(request)
        rules = shapes_checks.rules(repository, repository.protections.get(request.match_info["branch"]))
        page, links = page_of(request, rules, self._site.base)
        return json_response(page, headers=links)


def _sha(repository: Repository, ref: str) -> str:
    return commit_of(repository, ref, no_commit(ref)).sha


def _fits(run: CheckRun, name: str | None, status: str | None, app_id: str | None) -> bool:
    app = str(shapes_checks.app("", run.app)["id"])
    return name in (None, run.name) and status in (None, run.status) and app_id in (None, app)
