"""Checks HCP Terraform: the token, and the workspaces that the configuration names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from bot.check.result import Findings
from runners import hcp as hcp_terraform
from runners.errors import AccessDeniedError, NotFoundError, RunnerError, StateLockedError, UnavailableError
from runners.hcp.client import PUBLIC_ADDRESS, HcpTerraform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config, Hcp


async def check_hcp(config: Config, environ: Mapping[str, str]) -> Findings:
    """Read each configured workspace (API v2, "Show workspace")."""
    findings = Findings("hcp")
    token = environ.get("TFE_TOKEN")
    if not token:
        findings.add_problem("TFE_TOKEN is not set", "Set it to an HCP Terraform token of a team or a person.")
        return findings
    if not environ.get("HCP_NOTIFICATION_TOKEN"):
        findings.add_fact("runs are polled (HCP_NOTIFICATION_TOKEN is not set)")
    client = HcpTerraform(environ.get("TFE_ADDRESS") or PUBLIC_ADDRESS, token=token, read_pauses=())
    try:
        for key, hcp in hcp_workspaces(config).items():
            await _check_workspace(client, key, hcp, findings)
    except UnavailableError as error:
        findings.add_problem(f"{client.address}: {error.problem}", "Check the network and TFE_ADDRESS.")
    finally:
        await client.close()
    return findings


def hcp_workspaces(config: Config) -> dict[str, Hcp]:
    """The workspaces that environments name, by the key of each."""
    return {
        each.key_of("terraform", "hcp"): each.terraform.hcp
        for each in config.environments.values()
        if each.terraform and each.terraform.hcp
    }


async def _check_workspace(client: HcpTerraform, key: str, hcp: Hcp, findings: Findings) -> None:
    """Raises UnavailableError: it does not answer."""
    name = f"{hcp.organization}/{hcp.workspace}"
    try:
        hcp_terraform.check_usable(await hcp_terraform.workspace_of(client, hcp.organization, hcp.workspace))
    except UnavailableError:
        raise
    except StateLockedError as locked:
        findings.add_fact(f"{name} (now {locked.problem.removeprefix('the workspace is ')})")
    except NotFoundError as error:
        findings.add_problem(f"{key}: {name}: {error.problem}", f"{await _others(client, hcp)}{error.remedy}")
    except RunnerError as error:
        findings.add_problem(f"{key}: {name}: {error.problem}", error.remedy)
    else:
        findings.add_fact(name)


async def _others(client: HcpTerraform, hcp: Hcp) -> str:
    """The workspaces of the organization, or the organizations, the nearest first; "" where the token may list neither."""
    with suppress(NotFoundError, AccessDeniedError):
        workspaces = await hcp_terraform.workspace_names(client, hcp.organization, hcp.workspace)
        return f"{there_is(hcp.workspace, workspaces, f'{hcp.organization} has')} "
    with suppress(NotFoundError, AccessDeniedError):
        organizations = await hcp_terraform.organization_names(client)
        return f"{there_is(hcp.organization, organizations, 'the token sees the organizations')} "
    return ""
