"""GitHub's deployments: a record of each deploy with its environment, commit and state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from runners.errors import UncertainError
from runners.github.api.reads import CachedReads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github.Repository import Repository

    from runners.github import GitHub

KEY = "signalbox"  # the payload's key that holds the marker
DESCRIPTION = 140  # characters that GitHub accepts


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """A deployment to record. `marker` identifies it (the operation and the time of its request), as plain values."""

    repository: str
    sha: str
    environment: str
    description: str
    production: bool
    marker: Mapping[str, object]


async def create(github: GitHub, request: DeploymentRequest) -> int:
    """Record a deployment; returns its ID. GitHub checks and merges nothing for it.

    Raises:
        UncertainError: no answer came: it may be recorded.
        AccessDeniedError: our credentials may not write deployments.
    """

    def post(its: Repository) -> int:
        deployment = its.create_deployment(
            request.sha,
            task="deploy",
            auto_merge=False,
            required_contexts=[],
            payload={KEY: dict(request.marker)},
            environment=request.environment,
            description=request.description[:DESCRIPTION],
            transient_environment=False,
            production_environment=request.production,
        )
        return int(deployment.id)

    return await github.call(request.repository, post, doing=_doing(request), changes=True)


async def find(github: GitHub, request: DeploymentRequest) -> int | None:
    """The ID of the deployment with this marker, if there is such a deployment."""
    query = urlencode({"sha": request.sha, "environment": request.environment, "per_page": 100})
    deployments = await CachedReads(github).get(request.repository, f"/deployments?{query}", doing=_doing(request))
    return next(
        (int(deployment["id"]) for deployment in deployments if _marker_of(deployment) == dict(request.marker)), None
    )


async def create_once(github: GitHub, request: DeploymentRequest) -> int:
    """Record a deployment that may exist already: it is searched first, and again when the answer to the request is lost."""
    existing = await find(github, request)
    if existing is not None:
        return existing
    try:
        return await create(github, request)
    except UncertainError:
        existing = await find(github, request)
        if existing is None:
            raise
        return existing


def _marker_of(deployment: dict[str, Any]) -> object:
    payload = deployment.get("payload")
    if isinstance(payload, str):  # from older servers
        try:
            payload = json.loads(payload or "{}")
        except ValueError:
            return None
    return payload.get(KEY) if isinstance(payload, dict) else None


async def set_state(
    github: GitHub, repository: str, number: int, state: str, *, log_url: str = "", description: str = ""
) -> None:
    """Set the deployment's state: GitHub's `queued`, `in_progress`, `success`, `failure` or `error`.

    With success GitHub marks the environment's earlier deployments as inactive.

    Raises:
        UncertainError: no answer came.
    """
    status = {"state": state, "description": description[:DESCRIPTION], **({"log_url": log_url} if log_url else {})}

    def post(its: Repository) -> None:
        its.requester.requestJsonAndCheck("POST", f"{its.url}/deployments/{number}/statuses", input=status)

    await github.call(repository, post, doing=f"recording {state} for deployment {number}", changes=True)


async def states(github: GitHub, repository: str, number: int) -> tuple[str, ...]:
    """The states of the deployment so far, the newest first."""
    path = f"/deployments/{quote(str(number))}/statuses?per_page=100"
    statuses = await CachedReads(github).get(repository, path, doing=f"reading deployment {number} of {repository}")
    return tuple(str(status["state"]) for status in statuses)


def _doing(request: DeploymentRequest) -> str:
    return f"recording the deployment to {request.environment} in {request.repository}"
