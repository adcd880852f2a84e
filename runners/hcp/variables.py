"""Variables of an HCP Terraform workspace: the names of the sensitive ones, and values that are set and never read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError
from runners.hcp.workspaces import workspace_of
from runners.results.secrets import Keeper, SecretEntry

if TYPE_CHECKING:
    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform


async def sensitive(hcp: HcpTerraform, organization: str, workspace: str, environment: str) -> tuple[SecretEntry, ...]:
    """The sensitive variables of a workspace. The API has no times of them. Raises RunnerError, or one of its kinds."""
    owner = f"{organization}/{workspace}"
    variables = await _variables(hcp, organization, workspace)
    return tuple(
        SecretEntry(Keeper.HCP, str(each["attributes"]["key"]), owner, environment=environment)
        for each in variables[1]
        if each["attributes"].get("sensitive")
    )


async def _variables(hcp: HcpTerraform, organization: str, workspace: str) -> tuple[str, list[dict[str, Any]]]:
    described = await workspace_of(hcp, organization, workspace)
    doing = f"listing the variables of {organization}/{workspace}"
    listed = await hcp.read(f"/api/v2/workspaces/{described.id}/vars", doing=doing)
    return described.id, list(listed["data"])


async def find(hcp: HcpTerraform, organization: str, workspace: str, name: str) -> tuple[str, str]:
    """The ids of the workspace and of its variable of this name. Raises NotFoundError without one, and RunnerError."""
    workspace_id, variables = await _variables(hcp, organization, workspace)
    for each in variables:
        if each["attributes"]["key"] == name:
            return workspace_id, str(each["id"])
    doing = f"setting {name} in {organization}/{workspace}"
    raise NotFoundError(
        doing, "the workspace has no such variable", remedy="Create it there once, as a sensitive variable."
    )


async def set_value(hcp: HcpTerraform, organization: str, workspace: str, name: str, value: str) -> None:
    """Set a variable that exists, and mark it sensitive. Raises RunnerError, or one of its kinds."""
    workspace_id, variable_id = await find(hcp, organization, workspace, name)
    attributes = {"value": value, "sensitive": True}
    body = {"data": {"type": "vars", "id": variable_id, "attributes": attributes}}

    def patch(client: TFEClient) -> None:
        client.runs.t.request("PATCH", f"/api/v2/workspaces/{workspace_id}/vars/{variable_id}", json_body=body)

    doing = f"setting {name} in {organization}/{workspace}"
    await hcp.call(patch, doing=doing, changes=True)
