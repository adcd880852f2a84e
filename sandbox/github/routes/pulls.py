"""Pull requests."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.differences import changed_files
from sandbox.github.merging import ahead
from sandbox.github.refusals import ConflictError, RefusedError
from sandbox.github.routes.part import REPOSITORY, Part, change
from sandbox.github.shapes import commits as shapes_commits, pulls as shapes_pulls
from sandbox.github.web import (
    GitHubError,
    invalid,
    json_response,
    not_found,
    numbered,
    required_text,
    validation_failed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.github.records import Pull
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

_PULLS = f"{REPOSITORY}/pulls"
_METHODS = ("merge", "squash", "rebase")


class PullRoutes(Part):
    """The endpoints of pull requests within a repository, without forks."""

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        pull = _PULLS + "/{number}"
        return [
            web.get(_PULLS, self.pulls),
            web.get(REPOSITORY + "/commits/{sha}/pulls", self.of_commit),
            web.post(_PULLS, self.create),
            web.get(pull, self.pull),
            web.patch(pull, self.update),
            web.get(pull + "/commits", self.commits),
            web.get(pull + "/files", self.files),
            web.get(pull + "/reviews", self.reviews),
            web.get(pull + "/merge", self.is_merged),
            web.put(pull + "/merge", self.merge),
        ]

    async def pulls(self, request: web.Request) -> web.Response:
        """Pull requests, by default open, newest first."""
        repository = self._site.repository(request)
        fits = [pull for pull in repository.pulls.by_number.values() if _fits(repository, pull, request.query)]
        if request.query.get("direction", "desc") == "desc":
            fits.reverse()
        return self._listed(request, fits, partial(shapes_pulls.pull_simple, self._site.base, repository))

    async def of_commit(self, request: web.Request) -> web.Response:
        """The pull requests that have the commit: merged ones, and open ones of a commit that is not on the default branch."""
        repository = self._site.repository(request)
        sha, graph = request.match_info["sha"], repository.graph
        if sha not in graph.commits:
            raise GitHubError(422, f"No commit found for SHA: {sha}")
        fits = [
            pull
            for pull in repository.pulls.by_number.values()
            if sha == pull.merge_commit
            or any(commit.sha == sha for commit in ahead(graph, pull.base_sha, pull.head_sha))
        ]
        return self._listed(request, fits, partial(shapes_pulls.pull_simple, self._site.base, repository))

    async def create(self, request: web.Request) -> web.Response:
        """Open a pull request: 201; 422 without new commits, or with an open pull request."""
        repository = self._site.repository(request)
        keys = ("title", "head", "base", "body", "draft", "maintainer_can_modify", "head_repo")
        caller, body = await change(request, *keys)
        title, head, base = (required_text(body, key) for key in ("title", "head", "base"))
        head = head.removeprefix(f"{repository.owner}:")
        for field, branch in (("head", head), ("base", base)):
            if branch not in repository.graph.branches:
                raise validation_failed("PullRequest", field=field, code="invalid")
        if not title.strip():
            raise validation_failed("PullRequest", field="title", code="missing_field")
        try:
            made = repository.pulls.open(
                head, base, title=title, body=body.get("body"), draft=bool(body.get("draft")), user=caller.login
            )
        except RefusedError as error:
            raise validation_failed("PullRequest", message=str(error)) from error
        return json_response(shapes_pulls.pull(self._site.base, repository, made), 201)

    async def pull(self, request: web.Request) -> web.Response:
        """A pull request; `mergeable` is null at first."""
        repository, pull = self._pull(request)
        mergeable = repository.pulls.mergeable(pull)
        return json_response(shapes_pulls.pull(self._site.base, repository, pull, mergeable=mergeable))

    async def update(self, request: web.Request) -> web.Response:
        """Change its title, body or state."""
        repository, pull = self._pull(request)
        caller, body = await change(request, "title", "body", "state", "base", "maintainer_can_modify")
        state = body.get("state")
        if state not in (None, "open", "closed"):
            raise validation_failed("PullRequest", field="state", code="invalid")
        if state == "open" and pull.merged:
            raise validation_failed(
                "PullRequest", field="state", message="state cannot be changed. The pull request was merged."
            )
        repository.pulls.edit(pull, caller.login, title=body.get("title"), body=body.get("body"), state=state)
        return json_response(shapes_pulls.pull(self._site.base, repository, pull))

    async def commits(self, request: web.Request) -> web.Response:
        """Its commits, oldest first."""
        repository, pull = self._pull(request)
        common = repository.graph.merge_base(pull.base_sha, pull.head_sha)
        commits = ahead(repository.graph, common.sha, pull.head_sha) if common else []
        return self._listed(request, commits[:250], partial(shapes_commits.commit, self._site.base, repository))

    async def files(self, request: web.Request) -> web.Response:
        """The files that it changes."""
        repository, pull = self._pull(request)
        common = repository.graph.merge_base(pull.base_sha, pull.head_sha)
        before = common.files if common else {}
        changes = changed_files(before, repository.graph.commits[pull.head_sha].files)
        shape = partial(shapes_commits.file_change, self._site.base, repository, pull.head_sha)
        return self._listed(request, changes, shape)

    async def reviews(self, request: web.Request) -> web.Response:
        """Its reviews, oldest first."""
        repository, pull = self._pull(request)
        shape = partial(shapes_pulls.review, self._site.base, repository, pull)
        return self._listed(request, pull.reviews, shape)

    async def is_merged(self, request: web.Request) -> web.Response:
        """204 when it was merged, else 404."""
        _, pull = self._pull(request)
        if not pull.merged:
            raise not_found()
        return web.Response(status=204)

    async def merge(self, request: web.Request) -> web.Response:
        """Merge it: 200; 405 when it cannot be merged, 409 when `sha` is no longer its head."""
        repository, pull = self._pull(request)
        caller, body = await change(request, "commit_title", "commit_message", "sha", "merge_method")
        method = body.get("merge_method", "merge")
        if method not in _METHODS:
            raise invalid(f"For 'properties/merge_method', {method!r} is not a member of {list(_METHODS)}.")
        try:
            sha = repository.pulls.merge(
                pull,
                method=method,
                title=body.get("commit_title"),
                message=body.get("commit_message"),
                sha=body.get("sha"),
                by=caller.login,
            )
        except RefusedError as error:
            raise GitHubError(405, str(error)) from error
        except ConflictError as error:
            raise GitHubError(409, str(error)) from error
        answer: Json = {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}
        return json_response(answer)

    def _pull(self, request: web.Request) -> tuple[Repository, Pull]:
        repository = self._site.repository(request)
        return repository, numbered(repository.pulls.by_number, request.match_info["number"])


def _fits(repository: Repository, pull: Pull, query: Mapping[str, str]) -> bool:
    state, head, base = query.get("state", "open"), query.get("head", ""), query.get("base")
    # A head without its owner is no filter at all, to GitHub.
    same_head = ":" not in head or head == f"{repository.owner}:{pull.head}"
    return state in ("all", pull.state) and same_head and base in (None, pull.base)
