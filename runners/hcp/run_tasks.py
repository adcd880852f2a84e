"""Results of a run's tasks in HCP Terraform: other services that check its plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.errors import NotFoundError
from runners.results import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpRun

# developer.hashicorp.com/terraform/cloud-docs/api-docs/run-tasks/run-task-stages-and-results, "Run Task Result Status"
_UNFINISHED = ("pending", "running")
_PASSED = "passed"
_MANDATORY = "mandatory"


async def results(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    """The results so far; tasks of the stage before the apply have none yet."""
    return [_described(result) for result in await _read_results(hcp, run) if result.get("status") not in _UNFINISHED]


async def mandatory_failures(hcp: HcpTerraform, run: HcpRun) -> list[Diagnostic]:
    """The results that ended this run."""
    failed = [result for result in await _read_results(hcp, run) if result.get("status") not in (_PASSED, *_UNFINISHED)]
    return [_described(result) for result in failed if result.get("workspace-task-enforcement-level") == _MANDATORY]


async def _read_results(hcp: HcpTerraform, run: HcpRun) -> list[Mapping[str, Any]]:
    if not run.has_tasks:
        return []
    doing = f"reading the run tasks of {run.id}"
    stages = (await hcp.read(f"/api/v2/runs/{run.id}/task-stages", doing=doing))["data"]
    results = []
    for stage in stages:
        for result in ((stage.get("relationships") or {}).get("task-results") or {}).get("data") or ():
            try:
                document = await hcp.read(f"/api/v2/task-results/{result['id']}", doing=doing)
            except NotFoundError:  # removed with its task
                continue
            results.append(document["data"].get("attributes") or {})
    return results


def _described(result: Mapping[str, Any]) -> Diagnostic:
    status = str(result.get("status") or "unknown")
    level = result.get("workspace-task-enforcement-level")
    summary = f"Run task {result.get('task-name') or result.get('task-id')}{f' ({level})' if level else ''}: {status}"
    severity = "note" if status == _PASSED else "warning"
    return Diagnostic(severity, summary, str(result.get("message") or ""), url=str(result.get("url") or ""))
