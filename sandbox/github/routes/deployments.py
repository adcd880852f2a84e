"""Deployments, what is said of them, and environments."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.deployments import STATES
from sandbox.github.routes.part import REPOSITORY, Part, change, commit_of
from sandbox.github.shapes import deployments as shapes_deployments
from sandbox.github.site import writer_of
from sandbox.github.web import GitHubError, json_response, not_found, numbered, required_text, validation_failed

if TYPE_CHECKING:
    from sandbox.github.records import Deployment
    from sandbox.github.repository import Repository
    from sandbox.github.web import Json

_LONGEST = 140  # characters of a status's description
_FILTERS = ("sha", "ref", "task", "environment")
_MAY = (
    *("ref", "task", "auto_merge", "required_contexts", "payload", "environment", "description"),
    *("transient_environment", "production_environment"),
)
_MAY_SAY = ("state", "target_url", "log_url", "description", "environment", "environment_url", "auto_inactive")


class DeploymentRoutes(Part):
    """GitHub's own record of what was deployed where."""

    def routes(self) -> list[web.RouteDef]:
        """What is served."""
        every = REPOSITORY + "/deployments"
        one = every + "/{deployment_id}"
        return [
            web.get(every, self.deployments),
            web.post(every, self.create),
            web.get(one, self.deployment),
            web.delete(one, self.delete),
            web.get(one + "/statuses", self.statuses),
            web.post(one + "/statuses", self.say),
            web.get(one + "/statuses/{status_id}", self.status),
            web.get(REPOSITORY + "/environments", self.environments),
            web.get(REPOSITORY + "/environments/{environment}", self.environment),
        ]

    async def deployments(self, request: web.Request) -> web.Response:
        """Deployments, newest first, filtered."""
        repository = self._site.repository(request)
        wanted = {key: request.query[key] for key in _FILTERS if request.query.get(key, "none") != "none"}
        every = reversed(repository.deployments.known.values())
        fits = [one for one in every if all(getattr(one, key) == value for key, value in wanted.items())]
        return self._listed(request, fits, partial(shapes_deployments.deployment, self._site.base, repository))

    async def create(self, request: web.Request) -> web.Response:
        """Record a deployment: 201; 202 when the default branch was merged instead; 409 when that, or a check, fails."""
        repository = self._site.repository(request)
        caller, body = await change(request, *_MAY)
        ref = required_text(body, "ref")
        commit_of(repository, ref, GitHubError(422, f"No ref found for: {ref}"))
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
        shape = partial(shapes_deployments.status, self._site.base, repository, one)
        return self._listed(request, one.statuses[::-1], shape)

    async def say(self, request: web.Request) -> web.Response:
        """Say how a deployment stands: 201."""
        repository, one = self._deployment(request)
        caller, body = await change(request, *_MAY_SAY)
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
        return repository, numbered(repository.deployments.known, request.match_info["deployment_id"])

    async def environments(self, request: web.Request) -> web.Response:
        """Every environment that was ever deployed to."""
        repository = self._site.repository(request)
        known = sorted(repository.deployments.environments.items())
        return self._listed(
            request,
            known,
            lambda one: shapes_deployments.environment(self._site.base, repository, *one),
            under="environments",
        )

    async def environment(self, request: web.Request) -> web.Response:
        """One environment."""
        repository = self._site.repository(request)
        name = request.match_info["environment"]
        made = repository.deployments.environments.get(name)
        if made is None:
            raise not_found()
        return json_response(shapes_deployments.environment(self._site.base, repository, name, made))


def _texts(body: Json) -> Json:
    return {
        "description": body.get("description") or "",
        "log_url": body.get("log_url") or body.get("target_url") or "",
        "environment_url": body.get("environment_url") or "",
        "environment": body.get("environment"),
        "auto_inactive": body.get("auto_inactive", True) is not False,
    }
