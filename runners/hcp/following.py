"""How a run of HCP Terraform stands, followed until it is as wanted; who settled it, and which commit it plans."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.hcp.values import HcpRun, HcpWorkspace, decided_by, read_run
from runners.hcp.workspaces import page_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform

    OnRun = Callable[[HcpRun], Awaitable[None]]


LOST_AFTER = 15 * 60.0  # seconds without an answer before a run that is followed counts as lost
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 15.0, 1.3


async def read(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str) -> HcpRun:
    """The run as it is now."""
    document = await hcp.read(f"/api/v2/runs/{run_id}", doing=f"reading the run {run_id}")
    return read_run(document["data"], page=page_of(hcp, workspace))


async def watch(
    hcp: HcpTerraform,
    workspace: HcpWorkspace,
    run_id: str,
    *,
    until: Callable[[HcpRun], bool],
    timeout: float,
    on_run: OnRun | None = None,
) -> HcpRun:
    """Follow a run until it is as wanted: at each notification, else at growing intervals; `on_run` sees each look.

    Raises:
        TimedOutError: it was not so within `timeout` seconds.
        UnavailableError: no answer for PATIENCE seconds.
        RunnerError: the run cannot be read (any more).
    """
    end, answered, pause = time.monotonic() + timeout, time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            run = await read(hcp, workspace, run_id)
            answered = time.monotonic()
            if on_run:
                await on_run(run)
            if until(run):
                return run
        except UnavailableError:
            if time.monotonic() - answered > LOST_AFTER:
                raise
        if time.monotonic() > end:
            doing = f"waiting for the run {run_id} in {workspace}"
            raise TimedOutError(
                doing, f"it has not come further within {timeout:g} seconds", remedy="See the run itself."
            )
        await hcp.pause(run_id, pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


async def commit_sha(hcp: HcpTerraform, run: HcpRun) -> tuple[str, str] | None:
    """The commit (SHA, branch) that HCP Terraform itself fetched for this run; None when it was uploaded."""
    doing = f"reading which commit the run {run.id} plans"
    if run.configuration_id is None:
        return None

    def get(client: TFEClient) -> tuple[str, str] | None:
        attributes = client.configuration_versions.ingress_attributes(run.configuration_id or "")
        return (attributes.commit_sha, attributes.branch or "") if attributes and attributes.commit_sha else None

    return await hcp.call(get, doing=doing)


async def who_decided(hcp: HcpTerraform, run_id: str) -> str | None:
    """Who confirmed, discarded or cancelled the run, by the name in HCP Terraform; None if it reports nobody."""
    try:
        doing = f"reading the events of {run_id}"
        return decided_by(await hcp.read(f"/api/v2/runs/{run_id}/run-events", doing=doing, query={"include": "actor"}))
    except RunnerError:
        return None  # it only adds a name
