"""The permission that each endpoint needs from Apps and fine-grained tokens, from https://docs.github.com/rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.github.routes.part import REPOSITORY
from sandbox.github.web import GitHubError

if TYPE_CHECKING:
    from aiohttp import web

    from sandbox.github.credentials import Caller

_LEVELS = ("none", "read", "write", "admin")
# By the path after /repos/{owner}/{name}; the first match counts. The level is read for GET and write otherwise.
_PERMISSION = (
    ("/actions/secrets", "secrets"),
    ("/actions/organization-secrets", "secrets"),
    ("/environments/{environment}/secrets", "environments"),
    ("/actions", "actions"),
    ("/environments", "actions"),
    ("/pulls/{number}/merge", "contents"),
    ("/pulls", "pull_requests"),
    ("/deployments", "deployments"),
    ("/check-runs", "checks"),
    ("/commits/{ref}/check-runs", "checks"),
    ("/commits/{ref}/status", "statuses"),
    ("/statuses", "statuses"),
    ("/branches/{branch}/protection", "administration"),
    ("/rules", "metadata"),
    ("/commits/{sha}/pulls", "pull_requests"),
    ("/collaborators", "metadata"),
    ("/activity", "contents"),
    ("/tags", "contents"),
    ("/commits", "contents"),
    ("/compare", "contents"),
    ("/contents", "contents"),
    ("/branches", "contents"),
    ("/git", "contents"),
    ("/{kind}", "contents"),
)


def needed(request: web.Request) -> tuple[str, str]:
    """The permission and level that the request's endpoint needs."""
    resource = request.match_info.route.resource
    whole = "" if resource is None else resource.canonical
    if "/orgs/{org}/actions/secrets" in whole:
        return "organization_secrets", "read" if request.method == "GET" else "write"
    path = whole.partition(REPOSITORY)[2]
    name = next((permission for start, permission in _PERMISSION if path.startswith(start)), "metadata")
    if (name, request.method) == ("contents", "GET") and path.endswith("/merge"):
        name = "pull_requests"
    return name, "read" if request.method == "GET" else "write"


def check(request: web.Request, caller: Caller | None) -> None:
    """Refuse an App or a fine-grained token that lacks the endpoint's permission: GitHubError (403)."""
    if caller is None or caller.permissions is None:
        return
    name, level = needed(request)
    has = "read" if name == "metadata" else caller.permissions.get(name, "none")
    if _LEVELS.index(has) < _LEVELS.index(level):
        kind = "integration" if caller.kind == "installation" else "personal access token"
        raise GitHubError(403, f"Resource not accessible by {kind}")


def headers(request: web.Request, caller: Caller | None) -> dict[str, str]:
    """The headers with the needed permission, and with the scopes of a classic token."""
    name, level = needed(request)
    if caller is None or caller.scopes is None:
        return {"X-Accepted-GitHub-Permissions": f"{name}={level}"}
    return {"X-OAuth-Scopes": ", ".join(caller.scopes), "X-Accepted-OAuth-Scopes": "repo"}
