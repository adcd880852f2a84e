"""Runs for tests of the HCP Terraform runner: their code, and the steps to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners import hcp as hcp_terraform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpRun, HcpWorkspace
    from runners.results import ApplyProgress

    Client = Callable[..., HcpTerraform]

TOKEN = "team-token"
SECRET = "a-very-secret-word"
CODE = f"""
variable "password" {{
  sensitive = true
  default   = "{SECRET}"
}}
variable "word" {{ default = "hello" }}
variable "command" {{ default = "true" }}
resource "terraform_data" "one" {{
  input = {{ word = var.word, password = var.password }}
  provisioner "local-exec" {{ command = var.command }}
}}
output "word" {{ value = var.word }}
"""
TWO_RESOURCES = """
resource "terraform_data" "one" { input = "one" }
resource "terraform_data" "two" { input = "two" }
"""


async def workspace_of(hcp: HcpTerraform) -> HcpWorkspace:
    """The stand-in's workspace."""
    return await hcp_terraform.workspace_of(hcp, "acme", "prod")


async def create(hcp: HcpTerraform, code: Path, **variables: str) -> tuple[HcpWorkspace, str]:
    """Upload the code and create a run."""
    return await _create(hcp, code, variables)


async def plan_run(hcp: HcpTerraform, code: Path, **variables: str) -> tuple[HcpWorkspace, HcpRun]:
    """A run with a plan."""
    workspace, run_id = await create(hcp, code, **variables)
    return workspace, await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=60)


async def plan_limited(hcp: HcpTerraform, code: Path, **choices: Any) -> tuple[HcpWorkspace, HcpRun]:
    """A run with a plan of two resources; `choices` are those of `create_run`."""
    (code / "live" / "main.tf").write_text(TWO_RESOURCES)
    workspace, run_id = await _create(hcp, code, {}, **choices)
    return workspace, await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=60)


async def _create(hcp: HcpTerraform, code: Path, variables: dict[str, str], **choices: Any) -> tuple[HcpWorkspace, str]:
    workspace = await workspace_of(hcp)
    configuration = await hcp_terraform.upload_configuration(hcp, workspace, code, doing="uploading")
    given = {name: hcp_terraform.literal(value) for name, value in variables.items()}
    run_id = await hcp_terraform.create_run(
        hcp, workspace, message="Signalbox #1 (abc)", variables=given, configuration=configuration, **choices
    )
    return workspace, run_id


async def ignore(_: ApplyProgress) -> None:
    """Progress that no test needs."""
