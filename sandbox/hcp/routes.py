"""The API's endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.hcp import shapes, terraform
from sandbox.hcp.model import Configuration
from sandbox.hcp.variables import VariableRoutes
from sandbox.hcp.web import CALLER, document, invalid, linked, not_found, page, read_body, resource

if TYPE_CHECKING:
    from sandbox.hcp.model import HcpToken, Run, Stage, Workspace
    from sandbox.hcp.site import Site
    from sandbox.hcp.web import Json

_RUN_ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "auto-apply": bool,
    "message": str,
    "plan-only": bool,
    "is-destroy": bool,
    "refresh": bool,
    "refresh-only": bool,
    "target-addrs": list,
    "replace-addrs": list,
    "variables": list,
    "save-plan": bool,
    "allow-empty-apply": bool,
}
# HashiCorp's client repeats other fields of its options among the attributes, and HCP Terraform ignores them.
_FROM_PYTFE = ("type", "workspace", "configuration-version")


class Routes:
    """Handlers of authenticated API requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.get("/api/v2/organizations", self._organizations),
            web.get("/api/v2/organizations/{organization}/workspaces", self._workspaces),
            web.get("/api/v2/organizations/{organization}/workspaces/{name}", self._workspace),
            web.post("/api/v2/workspaces/{id}/configuration-versions", self._create_configuration),
            web.get("/api/v2/configuration-versions/{id}", self._configuration),
            web.get("/api/v2/configuration-versions/{id}/ingress-attributes", self._ingress),
            web.post("/api/v2/runs", self._create_run),
            web.get("/api/v2/runs/{id}", self._run),
            web.get("/api/v2/workspaces/{id}/runs", self._list_runs),
            web.post("/api/v2/runs/{id}/actions/{action:apply|discard|cancel}", self._act),
            web.get("/api/v2/runs/{id}/run-events", self._events),
            web.post("/api/v2/runs/{id}/comments", self._comment),
            web.get("/api/v2/runs/{id}/comments", self._comments),
            web.get("/api/v2/runs/{id}/policy-checks", self._policy_checks),
            web.get("/api/v2/runs/{id}/task-stages", self._task_stages),
            web.get("/api/v2/task-results/{id}", self._task_result),
            web.get("/api/v2/plans/{id}", self._plan),
            web.get("/api/v2/plans/{id}/json-output", self._json_output),
            web.get("/api/v2/applies/{id}", self._apply),
            web.get("/api/v2/cost-estimates/{id}", self._cost_estimate),
            *VariableRoutes(self._site).all(),
        ]

    async def _organizations(self, request: web.Request) -> web.Response:
        names = dict.fromkeys(each.organization for each in self._site.workspaces.values())
        return document(page(request, [shapes.organization(name) for name in names]))

    async def _workspaces(self, request: web.Request) -> web.Response:
        inside = [
            each for each in self._site.workspaces.values() if each.organization == request.match_info["organization"]
        ]
        if not inside:
            raise not_found()  # an organization that does not exist, or that the token does not see
        wanted, may_run = request.query.get("search[name]", "").lower(), _caller(request).kind != "organization"
        listed = [shapes.workspace(each, may_run=may_run) for each in inside if wanted in each.name.lower()]
        return document(page(request, listed))

    async def _workspace(self, request: web.Request) -> web.Response:
        workspace = self._site.workspaces.get(request.match_info["name"])
        if workspace is None or workspace.organization != request.match_info["organization"]:
            raise not_found()
        caller = _caller(request)
        content: Json = {"data": shapes.workspace(workspace, may_run=caller.kind != "organization")}
        if "locked_by" in request.query.get("include", "") and workspace.locked_by:
            content["included"] = [shapes.user(workspace.locked_by)]
        return document(content)

    async def _create_configuration(self, request: web.Request) -> web.Response:
        workspace = self._workspace_by_id(request.match_info["id"])
        _no_organization(request)
        types: dict[str, Any] = {"auto-queue-runs": bool, "speculative": bool, "provisional": bool}
        attributes = resource(await read_body(request), "configuration-versions", types)
        configuration = Configuration(auto_queue_runs=attributes.get("auto-queue-runs", True))
        workspace.configurations.append(configuration)
        address = self._site.archive.upload_address(
            configuration, lambda: self._uploaded(workspace, configuration, _caller(request).name)
        )
        return document({"data": shapes.configuration(configuration, address)}, 201)

    def _uploaded(self, workspace: Workspace, configuration: Configuration, by: str) -> None:
        configuration.error = terraform.upload_error(configuration.archive)
        configuration.status = "errored" if configuration.error else "uploaded"
        if configuration.status == "uploaded" and configuration.auto_queue_runs:
            self._site.runs.create(workspace, configuration, "Triggered via API", by)

    async def _configuration(self, request: web.Request) -> web.Response:
        return document({"data": shapes.configuration(self._find_configuration(request)[1], None)})

    async def _ingress(self, request: web.Request) -> web.Response:
        workspace, configuration = self._find_configuration(request)
        attributes = shapes.ingress(configuration, workspace.repository or "", workspace.branch)
        if attributes is None:
            raise not_found()
        return document({"data": attributes})

    def _find_configuration(self, request: web.Request) -> tuple[Workspace, Configuration]:
        for workspace in self._site.workspaces.values():
            for configuration in workspace.configurations:
                if configuration.id == request.match_info["id"]:
                    return workspace, configuration
        raise not_found()

    async def _create_run(self, request: web.Request) -> web.Response:
        body = await read_body(request)
        attributes = resource(body, "runs", _RUN_ATTRIBUTES, ignored=_FROM_PYTFE)
        workspace = self._workspace_by_id(linked(body, "workspace", "workspaces") or "")
        _no_organization(request)
        configuration = self._configuration_for(
            workspace, linked(body, "configuration-version", "configuration-versions")
        )
        run = self._site.runs.create(
            workspace,
            configuration,
            attributes.get("message") or "Queued manually via the Terraform Enterprise API",
            _caller(request).name,
            _variables(attributes.get("variables") or []),
            auto_apply=attributes.get("auto-apply"),
            plan_only=attributes.get("plan-only", False),
            targets=_addresses(attributes, "target-addrs"),
            replaces=_addresses(attributes, "replace-addrs"),
        )
        return document({"data": shapes.run(run)}, 201)

    def _configuration_for(self, workspace: Workspace, configuration_id: str | None) -> Configuration:
        if configuration_id is None and workspace.repository:
            configuration = Configuration(auto_queue_runs=False, source="github", status="fetching")
            workspace.configurations.append(configuration)
            return configuration
        ready = [configuration for configuration in workspace.configurations if configuration.status == "uploaded"]
        configurations = [configuration for configuration in ready if configuration_id in (None, configuration.id)]
        if not configurations:
            raise invalid("Configuration version is missing")
        return configurations[-1]

    async def _run(self, request: web.Request) -> web.Response:
        return document({"data": shapes.run(self._site.run(request.match_info["id"]))})

    async def _list_runs(self, request: web.Request) -> web.Response:
        workspace = self._workspace_by_id(request.match_info["id"])
        return document(page(request, [shapes.run(run) for run in reversed(workspace.runs)]))

    async def _act(self, request: web.Request) -> web.Response:
        run = self._site.run(request.match_info["id"])
        _no_organization(request)
        body = await read_body(request)
        comment = body.get("comment", "")
        if set(body) - {"comment"} or not isinstance(comment, str):
            raise invalid("an action takes a comment and nothing else")
        self._site.runs.act(run, request.match_info["action"], _caller(request).name, comment)
        return document(None, 202)

    async def _events(self, request: web.Request) -> web.Response:
        content = shapes.events(self._site.run(request.match_info["id"]))
        return document(content if request.query.get("include") == "actor" else {"data": content["data"]})

    async def _comment(self, request: web.Request) -> web.Response:
        run = self._site.run(request.match_info["id"])
        text = resource(await read_body(request), "comments", {"body": str})["body"]
        run.comments.append((_caller(request).name, text))
        return document({"data": shapes.comment(len(run.comments), text)}, 201)

    async def _comments(self, request: web.Request) -> web.Response:
        run = self._site.run(request.match_info["id"])
        return document({"data": [shapes.comment(number, text) for number, (_, text) in enumerate(run.comments, 1)]})

    async def _policy_checks(self, request: web.Request) -> web.Response:
        run = self._site.run(request.match_info["id"])
        return document(page(request, [shapes.policy_check(run)] if run.policy_check else []))

    async def _task_stages(self, request: web.Request) -> web.Response:
        run = self._site.run(request.match_info["id"])
        return document(page(request, [shapes.task_stage(run)] if run.task_stage else []))

    async def _task_result(self, request: web.Request) -> web.Response:
        for run in self._site.all_runs():
            for task_result in run.task_results:
                if task_result.id == request.match_info["id"]:
                    return document({"data": shapes.task_result(run, task_result)})
        raise not_found()

    async def _plan(self, request: web.Request) -> web.Response:
        run = self._run_of_stage(request, "plan")
        return document({"data": shapes.stage(run.plan, "plans", self._log(run.plan))})

    async def _apply(self, request: web.Request) -> web.Response:
        run = self._run_of_stage(request, "apply")
        return document({"data": shapes.stage(run.apply, "applies", self._log(run.apply))})

    def _log(self, stage: Stage) -> str | None:
        return self._site.archive.log_address(stage) if stage.log else None

    async def _json_output(self, request: web.Request) -> web.Response:
        run = self._run_of_stage(request, "plan")
        caller = _caller(request)
        if caller.kind == "organization" or not caller.admin:
            raise not_found()
        if not run.plan.ended:
            return web.Response(status=204)
        if not run.plan.json_plan:
            raise not_found()
        address = self._site.archive.download_address(run.plan.json_plan)
        return web.Response(status=307, headers={"Location": address})

    async def _cost_estimate(self, request: web.Request) -> web.Response:
        for run in self._site.all_runs():
            if run.cost_estimate == request.match_info["id"]:
                return document({"data": shapes.cost_estimate(run)})
        raise not_found()

    def _run_of_stage(self, request: web.Request, stage: str) -> Run:
        for run in self._site.all_runs():
            if getattr(run, stage).id == request.match_info["id"]:
                return run
        raise not_found()

    def _workspace_by_id(self, workspace_id: str) -> Workspace:
        for workspace in self._site.workspaces.values():
            if workspace.id == workspace_id:
                return workspace
        raise not_found()


def _caller(request: web.Request) -> HcpToken:
    return request[CALLER]


def _no_organization(request: web.Request) -> None:
    """Raise ApiError 404 for the token of an organization, which may not use runs."""
    if _caller(request).kind == "organization":
        raise not_found()


def _addresses(attributes: Json, name: str) -> tuple[str, ...]:
    addresses = attributes.get(name) or []
    if not all(isinstance(address, str) and address for address in addresses):
        raise invalid(f"{name} is a list of addresses")
    return tuple(addresses)


def _variables(variables: list[Any]) -> tuple[tuple[str, str], ...]:
    for variable in variables:
        if (
            not isinstance(variable, dict)
            or set(variable) != {"key", "value"}
            or not all(isinstance(text, str) for text in variable.values())
        ):
            raise invalid("variables are objects with key and value, both texts")
    return tuple((variable["key"], variable["value"]) for variable in variables)
