"""Workspace variables: listed without sensitive values, and changed (developer.hashicorp.com, "Workspace variables")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.hcp.web import CALLER, document, invalid, not_found, read_body, resource

if TYPE_CHECKING:
    from sandbox.hcp.model import Variable, Workspace
    from sandbox.hcp.site import Site
    from sandbox.hcp.web import Json

_ATTRIBUTES: dict[str, type | tuple[type, ...]] = {
    "key": str,
    "value": str,
    "description": str,
    "category": str,
    "hcl": bool,
    "sensitive": bool,
}


class VariableRoutes:
    """Handlers of authenticated requests about variables."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def all(self) -> list[web.RouteDef]:
        """Every route."""
        return [
            web.get("/api/v2/workspaces/{id}/vars", self._list),
            web.patch("/api/v2/workspaces/{id}/vars/{variable}", self._change),
        ]

    def _workspace(self, request: web.Request) -> Workspace:
        for workspace in self._site.workspaces.values():
            if workspace.id == request.match_info["id"]:
                return workspace
        raise not_found()

    async def _list(self, request: web.Request) -> web.Response:
        workspace = self._workspace(request)
        return document({"data": [_shape(workspace, each) for each in workspace.variables]})

    async def _change(self, request: web.Request) -> web.Response:
        workspace = self._workspace(request)
        if request[CALLER].kind == "organization":
            raise not_found()
        body = await read_body(request)
        attributes = resource(body, "vars", _ATTRIBUTES)
        for variable in workspace.variables:
            if variable.id == request.match_info["variable"]:
                if body["data"].get("id") != variable.id:
                    raise invalid("data.id must be the id of the variable")
                if variable.sensitive and attributes.get("sensitive") is False:
                    raise invalid("Sensitive variables cannot be made visible")
                for name, value in attributes.items():
                    setattr(variable, name, value)
                return document({"data": _shape(workspace, variable)})
        raise not_found()


def _shape(workspace: Workspace, variable: Variable) -> Json:
    return {
        "id": variable.id,
        "type": "vars",
        "attributes": {
            "key": variable.key,
            "value": None if variable.sensitive else variable.value,
            "sensitive": variable.sensitive,
            "category": variable.category,
            "hcl": variable.hcl,
            "description": variable.description,
        },
        "relationships": {
            "configurable": {
                "data": {"id": workspace.id, "type": "workspaces"},
                "links": {"related": f"/api/v2/organizations/{workspace.organization}/workspaces/{workspace.name}"},
            }
        },
        "links": {"self": f"/api/v2/workspaces/{workspace.id}/vars/{variable.id}"},
    }
