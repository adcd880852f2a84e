"""GitHub's own record of what was deployed where: a deployment for each deploy, and how it went."""

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

KEY = "signalbox"  # in a deployment's payload: whose it is
DESCRIPTION = 140  # characters that GitHub takes


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment is of. `mark` tells it from all others (operation and when it was asked for), as plain values."""

    repository: str
    sha: str
    environment: str
    description: str
    production: bool
    mark: Mapping[str, object]


async def create(github: GitHub, wanted: Deployed) -> int:
    """Record that this is about to be deployed; its number. GitHub checks and merges nothing by itself.

    Raises:
        UncertainError: no answer came: it may be recorded.
        AccessDeniedError: our credentials may not write deployments.
    """

    def post(its: Repository) -> int:
        made = its.create_deployment(
            wanted.sha,
            task="deploy",
            auto_merge=False,
            required_contexts=[],
            payload={KEY: dict(wanted.mark)},
            environment=wanted.environment,
            description=wanted.description[:DESCRIPTION],
            transient_environment=False,
            production_environment=wanted.production,
        )
        return int(made.id)

    return await github.call(wanted.repository, post, doing=_doing(wanted), changes=True)


async def find(github: GitHub, wanted: Deployed) -> int | None:
    """The number of the deployment that carries this mark, if there is one."""
    asked = urlencode({"sha": wanted.sha, "environment": wanted.environment, "per_page": 100})
    found = await CachedReads(github).get(wanted.repository, f"/deployments?{asked}", doing=_doing(wanted))
    return next((int(one["id"]) for one in found if _mark_of(one) == dict(wanted.mark)), None)


async def create_once(github: GitHub, wanted: Deployed) -> int:
    """As `create`, where it may have been tried before: looks first, and again when no answer came."""
    known = await find(github, wanted)
    if known is not None:
        return known
    try:
        return await create(github, wanted)
    except UncertainError:
        known = await find(github, wanted)
        if known is None:
            raise
        return known


def _mark_of(found: dict[str, Any]) -> object:
    payload = found.get("payload")
    if isinstance(payload, str):  # what older servers hand out
        try:
            payload = json.loads(payload or "{}")
        except ValueError:
            return None
    return payload.get(KEY) if isinstance(payload, dict) else None


async def say(
    github: GitHub, repository: str, number: int, state: str, *, log_url: str = "", description: str = ""
) -> None:
    """Say how the deployment stands: GitHub's `queued`, `in_progress`, `success`, `failure` or `error`.

    With success GitHub takes the environment's earlier deployments for inactive.

    Raises:
        UncertainError: no answer came.
    """
    told = {"state": state, "description": description[:DESCRIPTION], **({"log_url": log_url} if log_url else {})}

    def post(its: Repository) -> None:
        its.requester.requestJsonAndCheck("POST", f"{its.url}/deployments/{number}/statuses", input=told)

    await github.call(repository, post, doing=f"recording {state} for deployment {number}", changes=True)


async def said(github: GitHub, repository: str, number: int) -> tuple[str, ...]:
    """What has been said of the deployment so far, the newest first."""
    path = f"/deployments/{quote(str(number))}/statuses?per_page=100"
    found = await CachedReads(github).get(repository, path, doing=f"reading deployment {number} of {repository}")
    return tuple(str(one["state"]) for one in found)


def _doing(wanted: Deployed) -> str:
    return f"recording the deployment to {wanted.environment} in {wanted.repository}"
