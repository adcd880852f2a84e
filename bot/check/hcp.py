"""Checks HCP Terraform: the token, and the workspaces that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from bot.check.result import Findings
from runners import hcp as hcp_terraform
from runners.errors import RunnerError, StateLockedError
from runners.hcp.client import PUBLIC_ADDRESS
from runners.hcp.values import workspace_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Config, Hcp
    from runners.hcp.values import HcpWorkspace

_TIMEOUT = aiohttp.ClientTimeout(total=20)


async def check_hcp(config: Config, environ: Mapping[str, str]) -> Findings:
    """Read each configured workspace (API v2, "Show workspace")."""
    findings = Findings("hcp")
    address = (environ.get("TFE_ADDRESS") or PUBLIC_ADDRESS).rstrip("/")
    token = environ.get("TFE_TOKEN")
    if not token:
        findings.add_problem("TFE_TOKEN is not set", "Set it to an HCP Terraform token of a team or a person.")
        return findings
    if not environ.get("HCP_NOTIFICATION_TOKEN"):
        findings.add_fact("runs are polled (HCP_NOTIFICATION_TOKEN is not set)")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.api+json"}
    async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT, trust_env=True) as session:
        for hcp in hcp_workspaces(config):
            try:
                await _check_workspace(session, address, hcp, findings)
            except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
                findings.add_problem(
                    f"{address} does not answer ({type(error).__name__})", "Check the network and TFE_ADDRESS."
                )
                break
    return findings


def hcp_workspaces(config: Config) -> list[Hcp]:
    """The workspaces that environments name."""
    terraforms = [environment.terraform for environment in config.environments.values()]
    return [terraform.hcp for terraform in terraforms if terraform and terraform.hcp]


async def _check_workspace(session: aiohttp.ClientSession, address: str, hcp: Hcp, findings: Findings) -> None:
    name = f"{hcp.organization}/{hcp.workspace}"
    url = f"{address}/api/v2/organizations/{hcp.organization}/workspaces/{hcp.workspace}"
    async with session.get(url, allow_redirects=False) as response:
        if response.status == 200:
            _check_usable(workspace_from(await response.json(content_type=None), hcp.organization), name, findings)
        elif response.status == 401:
            findings.add_problem("HCP Terraform does not accept TFE_TOKEN", "Create a new token and set TFE_TOKEN.")
        elif response.status == 404:
            findings.add_problem(f"TFE_TOKEN can see no workspace {name}", "Check the names and the team's access.")
        else:
            findings.add_problem(f"reading {name} returned status {response.status}", "Try again later.")


def _check_usable(workspace: HcpWorkspace, name: str, findings: Findings) -> None:
    try:
        hcp_terraform.check_usable(workspace)
    except StateLockedError as locked:
        findings.add_fact(f"{name} (now {locked.problem.removeprefix('the workspace is ')})")
    except RunnerError as error:
        findings.add_problem(f"{name}: {error.problem}", error.remedy)
    else:
        findings.add_fact(name)
