"""The query parameters of GitHub's endpoints; GitHub ignores others, which are mistakes of the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.routes.part import REPOSITORY

if TYPE_CHECKING:
    from aiohttp import web

_PAGES = {"per_page", "page"}
_ACTIONS = f"{REPOSITORY}/actions"
_RUNS = _PAGES | {
    "actor",
    "branch",
    "event",
    "status",
    "created",
    "exclude_pull_requests",
    "check_suite_id",
    "head_sha",
}
# By endpoint, from https://docs.github.com/rest; an endpoint that is missing here has none.
_PARAMETERS = {
    "/installation/repositories": _PAGES,
    "/app/installations": _PAGES | {"since", "outdated"},
    f"{REPOSITORY}/commits": _PAGES | {"sha", "path", "author", "committer", "since", "until"},
    f"{REPOSITORY}/commits/{{ref}}": _PAGES,
    f"{REPOSITORY}/commits/{{ref}}/check-runs": _PAGES | {"check_name", "status", "filter", "app_id"},
    f"{REPOSITORY}/commits/{{ref}}/status": _PAGES,
    f"{REPOSITORY}/commits/{{ref}}/statuses": _PAGES,
    f"{REPOSITORY}/rules/branches/{{branch}}": _PAGES,
    f"{REPOSITORY}/pulls": _PAGES | {"state", "head", "base", "sort", "direction"},
    f"{REPOSITORY}/pulls/{{number}}/commits": _PAGES,
    f"{REPOSITORY}/pulls/{{number}}/files": _PAGES,
    f"{REPOSITORY}/pulls/{{number}}/reviews": _PAGES,
    f"{REPOSITORY}/deployments": _PAGES | {"sha", "ref", "task", "environment"},
    f"{REPOSITORY}/deployments/{{deployment_id}}/statuses": _PAGES,
    f"{REPOSITORY}/environments": _PAGES,
    f"{REPOSITORY}/branches": _PAGES | {"protected"},
    f"{REPOSITORY}/tags": _PAGES,
    f"{REPOSITORY}/commits/{{sha}}/pulls": _PAGES,
    f"{REPOSITORY}/activity": {
        "per_page",
        "before",
        "after",
        "direction",
        "ref",
        "actor",
        "time_period",
        "activity_type",
    },
    f"{REPOSITORY}/compare/{{span}}": _PAGES,
    f"{REPOSITORY}/contents{{path}}": {"ref"},
    f"{REPOSITORY}/git/trees/{{ref}}": {"recursive"},
    f"{_ACTIONS}/secrets": _PAGES,
    f"{_ACTIONS}/organization-secrets": _PAGES,
    f"{REPOSITORY}/environments/{{environment}}/secrets": _PAGES,
    "/orgs/{org}/actions/secrets": _PAGES,
    "/orgs/{org}/actions/secrets/{secret}/repositories": _PAGES,
    f"{_ACTIONS}/workflows": _PAGES,
    f"{_ACTIONS}/workflows/{{workflow}}/runs": _RUNS,
    f"{_ACTIONS}/runs": _RUNS,
    f"{_ACTIONS}/runs/{{run_id}}": {"exclude_pull_requests"},
    f"{_ACTIONS}/runs/{{run_id}}/jobs": _PAGES | {"filter"},
    f"{_ACTIONS}/runs/{{run_id}}/attempts/{{attempt}}": {"exclude_pull_requests"},
    f"{_ACTIONS}/runs/{{run_id}}/attempts/{{attempt}}/jobs": _PAGES,
}


def ignored(request: web.Request) -> list[str]:
    """A message for each parameter of this request that its endpoint ignores."""
    resource = request.match_info.route.resource
    if resource is None:
        return []
    allowed = _PARAMETERS.get(resource.canonical.removeprefix("/api/v3"), set())
    unknown = sorted(set(request.query) - allowed)
    return [f"{request.method} {request.path}: no parameter {name}" for name in unknown]
