"""Seeing that a run in HCP Terraform is not applied, or interrupting it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from runners.hcp.errors import RunConflictError
from runners.hcp.following import read
from runners.hcp.values import HcpRun, HcpWorkspace, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform


async def dismiss(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, comment: str) -> None:
    """Make sure that the run's plan is not applied: discard it, or cancel it while it plans.

    A confirmed or finished run is not changed.
    """
    doing = f"discarding the run {run_id} in {workspace}"
    for _ in range(3):  # between the look and the request it may have moved on
        run = await read(hcp, workspace, run_id)
        if run.phase.over or run.phase is Phase.APPLYING or not (run.discardable or run.cancelable):
            return
        try:
            await hcp.call(_dismissal(run, comment), doing=doing, changes=True)
        except RunConflictError:
            await asyncio.sleep(1)
            continue
        return


def _dismissal(run: HcpRun, comment: str) -> Callable[[TFEClient], None]:
    def dismiss(client: TFEClient) -> None:
        from pytfe.models import RunCancelOptions, RunDiscardOptions  # noqa: PLC0415

        if run.discardable:
            client.runs.discard(run.id, RunDiscardOptions(comment=comment))
        else:
            client.runs.cancel(run.id, RunCancelOptions(comment=comment))

    return dismiss


async def cancel(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, comment: str) -> bool:
    """Interrupt a run that plans or applies; false when it can no longer be interrupted."""
    run = await read(hcp, workspace, run_id)
    if not run.cancelable:
        return False
    try:
        await hcp.call(_dismissal(replace(run, discardable=False), comment), doing=f"cancelling {run_id}", changes=True)
    except RunConflictError:
        return False
    return True
