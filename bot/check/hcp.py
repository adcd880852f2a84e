"""Checks HCP Terraform: the token, and the workspaces that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.result import Findings
from runners import hcp as hcp_terraform
from runners.errors import RunnerError, StateLockedError, UnavailableError
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
        for hcp in hcp_workspaces(config):
            await _check_workspace(client, hcp, findings)
    except UnavailableError as error:
        findings.add_problem(f"{client.address}: {error.problem}", "Check the network and TFE_ADDRESS.")
    finally:
        await client.close()
    return findings


def hcp_workspaces(config: Config) -> list[Hcp]:
    """The workspaces that environments name."""
    terraforms = [environment.terraform for environment in config.environments.values()]
    return [terraform.hcp for terraform in terraforms if terraform and terraform.hcp]


async def _check_workspace(client: HcpTerraform, hcp: Hcp, findings: Findings) -> None:
    """Raises UnavailableError: it does not answer."""
    name = f"{hcp.organization}/{hcp.workspace}"
    try:
        hcp_terraform.check_usable(await hcp_terraform.workspace_of(client, hcp.organization, hcp.workspace))
    except UnavailableError:
        raise
    except StateLockedError as locked:
        findings.add_fact(f"{name} (now {locked.problem.removeprefix('the workspace is ')})")
    except RunnerError as error:
        findings.add_problem(f"{name}: {error.problem}", error.remedy)
    else:
        findings.add_fact(name)
