"""Deployments, what is said of them, and environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.commits import UnknownRefError
from sandbox.github.deployments import STATES
from sandbox.github.shapes import deployments as shapes_deployments
from sandbox.github.site import writer_of
from sandbox.github.web import (
    GitHubError,
    json_body,
    json_response,
    not_found,
    page_of,
    permitted,
    required_text,
    validation_failed,
)

if TYPE_CHECKING:
    from sandbox.github.records import Deployment
    from sandbox.github.repository import Repository
    from sandbox.github.site import Site
    from sandbox.github.web import Json

_REPOSITORY = "/repos/{owner}/{name}"
_LONGEST = 140  # characters of a status's description
_FILTERS = ("sha", "ref", "task", "environment")
_MAY = (
    *("ref", "task", "auto_merge", "required_contexts", "payload", "environment", "description"),
    *("transient_environment", "production_environment"),
)
_MAY_SAY = ("state", "target_url", "log_url", "description", "environment", "environment_url", "auto_inactive")


class DeploymentRoutes:
    """GitHub's own record of what was deployed where."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        every = _REPOSITORY + "/deployments"
        one = every + "/{deployment_id}"
        return [
            web.get(every, self.deployments),
            web.post(every, self.create),
            web.get(one, self.deployment),
            web.delete(one, self.delete),
            web.get(one + "/statuses", self.statuses),
            web.post(one + "/statuses", self.say),
            web.get(one + "/statuses/{status_id}", self.status),
            web.get(_REPOSITORY + "/environments", self.environments),
            web.get(_REPOSITORY + "/environments/{environment}", self.environment),
        ]

    async def deployments(self, request: web.Request) -> web.Response:
        """Deployments, newest first, filtered."""
        repository = self._site.repository(request)
        wanted = {key: request.query[key] for key in _FILTERS if request.query.get(key, "none") != "none"}
        every = reversed(repository.deployments.known.values())
        fits = [one for one in every if all(getattr(one, key) == value for key, value in wanted.items())]
        page, links = page_of(request, fits, self._site.base)
        shown = [shapes_deployments.deployment(self._site.base, repository, one) for one in page]
        return json_response(shown, headers=links)

    async def create(self, request: web.Request) -> web.Response:
        """Record a deployment: 201; 202 when the default branch was merged instead; 409 when that, or a check, fails."""
        repository, caller = self._site.repository(request), writer_of(request)
        body = await json_body(request)
        permitted(body, *_MAY)
        ref = required_text(body, "ref")
        _known_ref(repository, ref)
        if body.get("auto_merge", True) is not False:
            merged = self._merge_first(repository, ref, caller.login)
            if merged is not None:
                return json_response({"message": merged}, 202)
        if contexts := repository.deployments.unmet(ref, body.get("required_contexts")):
            error = {"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}
            raise GitHubError(409, f"Conflict: Commit status checks failed for {ref}.", errors=[error])
        made = repository.deployments.create(
            ref,
            body.get("environment") or "production",
            task=body.get("task") or "deploy",
            payload=body.get("payload", ""),
            description=body.get("description"),
            transient=bool(body.get("transient_environment")),
            production=body.get("production_environment"),
            by=caller.login,
        )
        return json_response(shapes_deployments.deployment(self._site.base, repository, made), 201)

    @staticmethod
    def _merge_first(repository: Repository, ref: str, by: str) -> str | None:
        default = repository.default_branch
        became = repository.deployments.auto_merge(ref, by)
        if became == "conflict":
            raise GitHubError(409, f"Conflict merging {default} into {ref}.")
        if became == "merged":
            return f"Auto-merged {default} into {ref} on deployment."
        return None

    async def deployment(self, request: web.Request) -> web.Response:
        """One deployment."""
        repository, one = self._deployment(request)
        return json_response(shapes_deployments.deployment(self._site.base, repository, one))

    async def delete(self, request: web.Request) -> web.Response:
        """Forget an inactive deployment, or the only one there is: 204."""
        repository, one = self._deployment(request)
        writer_of(request)
        if len(repository.deployments.known) > 1 and one.state not in ("inactive", "failure", "error"):
            raise GitHubError(
                422, "We cannot delete an active deployment unless it is the only deployment in a given environment."
            )
        del repository.deployments.known[one.deployment_id]
        return web.Response(status=204)

    async def statuses(self, request: web.Request) -> web.Response:
        """What was said of a deployment, newest first."""
        repository, one = self._deployment(request)
        page, links = page_of(request, one.statuses[::-1], self._site.base)
        shown = [shapes_deployments.status(self._site.base, repository, one, each) for each in page]
        return json_response(shown, headers=links)

    async def say(self, request: web.Request) -> web.Response:
        """Say how a deployment stands: 201."""
        repository, one = self._deployment(request)
        caller = writer_of(request)
        body = await json_body(request)
        permitted(body, *_MAY_SAY)
        state = required_text(body, "state")
        if state not in STATES:
            raise validation_failed("DeploymentStatus", field="state", code="invalid")
        if len(str(body.get("description") or "")) > _LONGEST:
            message = f"description is too long (maximum is {_LONGEST} characters)"
            raise validation_failed("DeploymentStatus", field="description", message=message)
        made = repository.deployments.say(one, state, by=caller.login, **_texts(body))
        return json_response(shapes_deployments.status(self._site.base, repository, one, made), 201)

    async def status(self, request: web.Request) -> web.Response:
        """One thing that was said."""
        repository, one = self._deployment(request)
        for each in one.statuses:
            if str(each.status_id) == request.match_info["status_id"]:
                return json_response(shapes_deployments.status(self._site.base, repository, one, each))
        raise not_found()

    def _deployment(self, request: web.Request) -> tuple[Repository, Deployment]:
        repository = self._site.repository(request)
        number = request.match_info["deployment_id"]
        found = repository.deployments.known.get(int(number)) if number.isdecimal() else None
        if found is None:
            raise not_found()
        return repository, found

    async def environments(self, request: web.Request) -> web.Response:
        """Every environment that was ever deployed to."""
        repository = self._site.repository(request)
        known = sorted(repository.deployments.environments.items())
        page, links = page_of(request, known, self._site.base)
        shown = [shapes_deployments.environment(self._site.base, repository, *one) for one in page]
        return json_response({"total_count": len(known), "environments": shown}, headers=links)

    async def environment(self, request: web.Request) -> web.Response:
        """One environment."""
        repository = self._site.repository(request)
        name = request.match_info["environment"]
        made = repository.deployments.environments.get(name)
        if made is None:
            raise not_found()
        return json_response(shapes_deployments.environment(self._site.base, repository, name, made))


def _known_ref(repository: Repository, ref: str) -> None:
    try:
        repository.graph.resolve(ref)
    except UnknownRefError as error:
        raise GitHubError(422, f"No ref found for: {ref}") from error


def _texts(body: Json) -> Json:
    return {
        "description": body.get("description") or "",
        "log_url": body.get("log_url") or body.get("target_url") or "",
        "environment_url": body.get("environment_url") or "",
        "environment": body.get("environment"),
        "auto_inactive": body.get("auto_inactive", True) is not False,
    }
