"""Workspaces of HCP Terraform: read by name, and refused where a plan could not wait for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.errors import AccessDeniedError, RunnerError, StateLockedError
from runners.hcp import errors as hcp_errors
from runners.hcp.values import HcpWorkspace, workspace_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.hcp.client import HcpTerraform

_BEGINNING = 4  # letters of a name that are searched for: a slip may be in those after them


async def workspace_of(hcp: HcpTerraform, organization: str, name: str) -> HcpWorkspace:
    """The workspace's present state.

    Raises:
        NotFoundError: it does not exist, or TFE_TOKEN may not read it.
        AccessDeniedError: TFE_TOKEN is not accepted.
        UnavailableError: HCP Terraform does not answer.
    """
    doing = f"reading the workspace {organization}/{name} of HCP Terraform"
    path = f"/api/v2/organizations/{organization}/workspaces/{name}"
    return workspace_from(await hcp.read(path, doing=doing, query={"include": "locked_by"}), organization)


async def workspace_names(hcp: HcpTerraform, organization: str, like: str) -> list[str]:
    """Workspaces of the organization that the token sees: those whose names begin like this one, else the first hundred.

    Raises NotFoundError where the token sees no such organization. Source: "List workspaces" of the API's reference.
    """
    doing, path = f"listing the workspaces of {organization}", f"/api/v2/organizations/{organization}/workspaces"
    for search in ({"search[name]": like[:_BEGINNING]}, {}):
        listed = await hcp.read(path, doing=doing, query={**search, "page[size]": "100"})
        if names := _names(listed):
            return names
    return []


async def organization_names(hcp: HcpTerraform) -> list[str]:
    """The organizations that the token sees, of the first hundred. Source: "List organizations" of the API's reference."""
    listed = await hcp.read("/api/v2/organizations", doing="listing the organizations", query={"page[size]": "100"})
    return _names(listed)


def _names(listed: Mapping[str, Any]) -> list[str]:
    return [str(each["attributes"]["name"]) for each in listed["data"] if each.get("attributes", {}).get("name")]


def check_usable(workspace: HcpWorkspace, *, plan_only: bool = False) -> None:
    """Refuse a workspace in which a plan would be applied without anybody's approval, or could not run.

    `plan_only`: the run can never be applied, and waits for no lock.

    Raises:
        RunnerError: it applies plans automatically.
        AccessDeniedError: TFE_TOKEN may not start runs.
        StateLockedError: somebody locked it.
    """
    doing = f"planning in {workspace}"
    if workspace.auto_apply and not plan_only:
        problem = "the workspace applies every plan by itself (auto-apply), so nobody could approve it here first"
        raise RunnerError(doing, problem, remedy="Switch the workspace to manual apply in HCP Terraform's settings.")
    if not workspace.may_start:
        problem = f"TFE_TOKEN may not start runs in {workspace}"
        raise AccessDeniedError(doing, problem, remedy=hcp_errors.NO_ORGANIZATION_TOKEN)
    if workspace.locked_by and not plan_only:
        problem = f"the workspace is locked by {workspace.locked_by}"
        raise StateLockedError(doing, problem, remedy="Runs wait until it is unlocked in HCP Terraform.")


def page_of(hcp: HcpTerraform, workspace: HcpWorkspace) -> str:
    """The workspace's URL in the browser."""
    return f"{hcp.address}/app/{workspace.organization}/workspaces/{workspace.name}"
