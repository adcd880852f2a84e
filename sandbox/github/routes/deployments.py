"""Deployments, their statuses, and environments."""

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
    """The endpoints of deployments and environments."""

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        every = REPOSITORY + "/deployments"
        deployment = every + "/{deployment_id}"
        return [
            web.get(every, self.deployments),
            web.post(every, self.create),
            web.get(deployment, self.deployment),
            web.delete(deployment, self.delete),
            web.get(deployment + "/statuses", self.statuses),
            web.post(deployment + "/statuses", self.set_state),
            web.get(deployment + "/statuses/{status_id}", self.status),
            web.get(REPOSITORY + "/environments", self.environments),
            web.get(REPOSITORY + "/environments/{environment}", self.environment),
        ]

    async def deployments(self, request: web.Request) -> web.Response:
        """Deployments, newest first, filtered."""
        repository = self._site.repository(request)
        wanted = {key: request.query[key] for key in _FILTERS if request.query.get(key, "none") != "none"}
        every = reversed(repository.deployments.by_id.values())
        fits = [record for record in every if all(getattr(record, key) == value for key, value in wanted.items())]
        return self._listed(request, fits, partial(shapes_deployments.deployment, self._site.base, repository))

    async def create(self, request: web.Request) -> web.Response:
        """Create a deployment: 201; 202 when the default branch was merged instead; 409 when that, or a check, fails."""
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
        """A deployment."""
        repository, record = self._deployment(request)
        return json_response(shapes_deployments.deployment(self._site.base, repository, record))

    async def delete(self, request: web.Request) -> web.Response:
        """Delete an inactive deployment, or the only deployment: 204."""
        repository, record = self._deployment(request)
        writer_of(request)
        if len(repository.deployments.by_id) > 1 and record.state not in ("inactive", "failure", "error"):
            raise GitHubError(
                422, "We cannot delete an active deployment unless it is the only deployment in a given environment."
            )
        del repository.deployments.by_id[record.deployment_id]
        return web.Response(status=204)

    async def statuses(self, request: web.Request) -> web.Response:
        """The statuses of a deployment, newest first."""
        repository, record = self._deployment(request)
        shape = partial(shapes_deployments.status, self._site.base, repository, record)
        return self._listed(request, record.statuses[::-1], shape)

    async def set_state(self, request: web.Request) -> web.Response:
        """Add a status to a deployment: 201."""
        repository, record = self._deployment(request)
        caller, body = await change(request, *_MAY_SAY)
        state = required_text(body, "state")
        if state not in STATES:
            raise validation_failed("DeploymentStatus", field="state", code="invalid")
        if len(str(body.get("description") or "")) > _LONGEST:
            message = f"description is too long (maximum is {_LONGEST} characters)"
            raise validation_failed("DeploymentStatus", field="description", message=message)
        made = repository.deployments.set_state(record, state, by=caller.login, **_texts(body))
        return json_response(shapes_deployments.status(self._site.base, repository, record, made), 201)

    async def status(self, request: web.Request) -> web.Response:
        """A status of a deployment."""
        repository, record = self._deployment(request)
        for each in record.statuses:
            if str(each.status_id) == request.match_info["status_id"]:
                return json_response(shapes_deployments.status(self._site.base, repository, record, each))
        raise not_found()

    def _deployment(self, request: web.Request) -> tuple[Repository, Deployment]:
        repository = self._site.repository(request)
        return repository, numbered(repository.deployments.by_id, request.match_info["deployment_id"])

    async def environments(self, request: web.Request) -> web.Response:
        """All environments with a deployment."""
        repository = self._site.repository(request)
        environments = sorted(repository.deployments.environments.items())
        return self._listed(
            request,
            environments,
            lambda environment: shapes_deployments.environment(self._site.base, repository, *environment),
            under="environments",
        )

    async def environment(self, request: web.Request) -> web.Response:
        """An environment."""
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
