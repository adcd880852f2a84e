"""Workflows of GitHub Actions: listing, enabling, disabling, dispatching."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.github.refusals import RefusedError
from sandbox.github.routes.part import REPOSITORY, Part, change
from sandbox.github.shapes import actions as shapes_actions
from sandbox.github.site import writer_of
from sandbox.github.web import GitHubError, invalid, json_response, not_found

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Workflow
    from sandbox.github.site import Site

_WORKFLOWS = f"{REPOSITORY}/actions/workflows"


class WorkflowRoutes(Part):
    """The endpoints of workflows, without their runs."""

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        workflow = _WORKFLOWS + "/{workflow}"
        return [
            web.get(_WORKFLOWS, self.workflows),
            web.get(workflow, self.workflow),
            web.put(workflow + "/enable", self.switch),
            web.put(workflow + "/disable", self.switch),
            web.post(workflow + "/dispatches", self.dispatch),
        ]

    async def workflows(self, request: web.Request) -> web.Response:
        """All workflows."""
        repository = self._site.repository(request)
        registered = list(repository.workflows.values())
        shape = partial(shapes_actions.workflow, self._site.base, repository)
        return self._listed(request, registered, shape, under="workflows")

    async def workflow(self, request: web.Request) -> web.Response:
        """A workflow by ID or file name."""
        repository, workflow = workflow_of(self._site, request)
        return json_response(shapes_actions.workflow(self._site.base, repository, workflow))

    async def switch(self, request: web.Request) -> web.Response:
        """Enable or disable a workflow: 204. A disabled workflow cannot be dispatched."""
        writer_of(request)
        _, workflow = workflow_of(self._site, request)
        workflow.state = "active" if request.path.endswith("/enable") else "disabled_manually"
        return web.Response(status=204)

    async def dispatch(self, request: web.Request) -> web.Response:
        """Start a run: 204, or 200 with its URLs for `return_run_details`."""
        repository, workflow = workflow_of(self._site, request)
        # The newest Enterprise server (3.19) does not know return_run_details.
        keys = ("ref", "inputs", *([] if self._site.api_path else ["return_run_details"]))
        caller, body = await change(request, *keys)
        ref, inputs = body.get("ref"), body.get("inputs") or {}
        if not isinstance(ref, str):
            raise invalid('"ref" wasn\'t supplied.')
        if not isinstance(inputs, dict):
            raise invalid(f"For 'properties/inputs', {inputs!r} is not an object.")
        given = {key: _text(value) for key, value in inputs.items()}
        try:
            run = repository.dispatch(str(workflow.workflow_id), ref, given, actor=caller.login)
        except RefusedError as error:
            raise GitHubError(422, str(error)) from error
        if body.get("return_run_details") is not True:
            return web.Response(status=204)
        answer = shapes_actions.run(self._site.base, repository, run)
        return json_response({"workflow_run_id": run.run_id, "run_url": answer["url"], "html_url": answer["html_url"]})


def workflow_of(site: Site, request: web.Request) -> tuple[Repository, Workflow]:
    """The workflow in the path, by ID or file name; 404 without such a workflow."""
    repository = site.repository(request)
    workflow = repository.workflow(request.match_info["workflow"])
    if workflow is None:
        raise not_found()
    return repository, workflow


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
