"""Starting a run in HCP Terraform, and finding again one that was started."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from runners.hcp.values import HcpWorkspace, read_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform


_LATEST_RUNS = 50  # looked through for a run of ours


async def create_run(
    hcp: HcpTerraform,
    workspace: HcpWorkspace,
    *,
    message: str,
    variables: Mapping[str, str],
    configuration: str | None,
    targets: Sequence[str] = (),
    replaces: Sequence[str] = (),
    plan_only: bool = False,
) -> str:
    """Start a run that waits for confirmation, or can never be confirmed (`plan_only`): its id.

    `variables` are texts, for this run alone; `targets` the only addresses to be planned, `replaces` those to be made
    anew. Without `configuration` (an uploaded one) the workspace's repository gives the code.

    Raises:
        UncertainError: it may have been created; look for its message.
        RunnerError: one of its family.
    """
    doing = f"starting a run in {workspace}"

    def create(client: TFEClient) -> str:
        from pytfe.models import ConfigurationVersion, RunCreateOptions, RunVariable, Workspace  # noqa: PLC0415

        options = RunCreateOptions.model_validate(
            {
                "message": message,
                "auto-apply": None if plan_only else False,
                "plan-only": plan_only or None,
                "target-addrs": list(targets) or None,
                "replace-addrs": list(replaces) or None,
                "workspace": Workspace.model_validate({"id": workspace.id}),
                "configuration-version": ConfigurationVersion(id=configuration) if configuration else None,
                "variables": [RunVariable(key=key, value=literal(value)) for key, value in variables.items()] or None,
            }
        )
        return client.runs.create(options).id

    return await hcp.call(create, doing=doing, changes=True)


def literal(text: str) -> str:
    """A text as HCL writes it, as values of a run's variables must be; Terraform makes a number of it where due."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


async def find_run(hcp: HcpTerraform, workspace: HcpWorkspace, mark: str) -> str | None:
    """The newest run with this mark in its message, if there is one among the latest."""
    doing = f"looking for our run in {workspace}"
    query = {"page[size]": str(_LATEST_RUNS)}
    document = await hcp.read(f"/api/v2/workspaces/{workspace.id}/runs", doing=doing, query=query)
    runs = (read_run(resource, page="") for resource in islice(document["data"], _LATEST_RUNS))
    return next((run.id for run in runs if mark in run.message), None)
