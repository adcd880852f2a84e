"""Runs of HCP Terraform: created, found again by a marker, read, followed, discarded or cancelled."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from runners.errors import RunnerError, TimedOutError, UnavailableError
from runners.hcp.errors import RunConflictError
from runners.hcp.values import HcpRun, HcpWorkspace, Phase, decided_by, run_from
from runners.hcp.workspaces import page_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform

    OnRun = Callable[[HcpRun], Awaitable[None]]


LOST_AFTER = 15 * 60.0  # seconds without an answer before a followed run counts as lost
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 15.0, 1.3
_LATEST_RUNS = 50  # runs of a workspace that are searched for a marker
_DISCARD_ATTEMPTS = 3


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
    """Create a run that waits for confirmation, or never can be confirmed (`plan_only`), and return its id.

    `variables` are values for this run alone, in HCL: see `literal`. `targets` limits the plan to these addresses; `replaces` are addresses to
    replace. `configuration` is an uploaded one; without it the workspace's repository gives the code.

    Raises:
        UncertainError: it may have been created; `find_run` finds it by its message.
        RunnerError: or one of its kinds.
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
                "variables": [RunVariable(key=key, value=value) for key, value in variables.items()] or None,
            }
        )
        return client.runs.create(options).id

    return await hcp.call(create, doing=doing, changes=True)


def literal(text: str) -> str:
    """The text as an HCL literal, which a run's variables must be; Terraform converts it to a number where one is due."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


async def find_run(hcp: HcpTerraform, workspace: HcpWorkspace, marker: str) -> str | None:
    """The id of the newest run with this marker in its message; None if it is not among the latest."""
    doing = f"looking for our run in {workspace}"
    query = {"page[size]": str(_LATEST_RUNS)}
    document = await hcp.read(f"/api/v2/workspaces/{workspace.id}/runs", doing=doing, query=query)
    runs = (run_from(resource, page="") for resource in islice(document["data"], _LATEST_RUNS))
    return next((run.id for run in runs if marker in run.message), None)


async def read_run(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str) -> HcpRun:
    """The run's present state."""
    document = await hcp.read(f"/api/v2/runs/{run_id}", doing=f"reading the run {run_id}")
    return run_from(document["data"], page=page_of(hcp, workspace))


async def follow_run(
    hcp: HcpTerraform,
    workspace: HcpWorkspace,
    run_id: str,
    *,
    until: Callable[[HcpRun], bool],
    timeout: float,
    on_run: OnRun | None = None,
) -> HcpRun:
    """Read the run at each notification, else at growing intervals, until `until` holds; `on_run` gets each state.

    Raises:
        TimedOutError: `until` did not hold within `timeout` seconds.
        UnavailableError: HCP Terraform has not answered for LOST_AFTER seconds.
        RunnerError: the run cannot be read (any more).
    """
    end, answered, pause = time.monotonic() + timeout, time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            run = await read_run(hcp, workspace, run_id)
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


async def fetched_commit(hcp: HcpTerraform, run: HcpRun) -> tuple[str, str] | None:
    """The commit (SHA, branch) that HCP Terraform fetched for this run; None when the code was uploaded."""
    doing = f"reading which commit the run {run.id} plans"
    if run.configuration_id is None:
        return None

    def get(client: TFEClient) -> tuple[str, str] | None:
        attributes = client.configuration_versions.ingress_attributes(run.configuration_id or "")
        return (attributes.commit_sha, attributes.branch or "") if attributes and attributes.commit_sha else None

    return await hcp.call(get, doing=doing)


async def who_decided(hcp: HcpTerraform, run_id: str) -> str | None:
    """The name in HCP Terraform of the person who confirmed, discarded or cancelled the run; None if unknown."""
    try:
        doing = f"reading the events of {run_id}"
        return decided_by(await hcp.read(f"/api/v2/runs/{run_id}/run-events", doing=doing, query={"include": "actor"}))
    except RunnerError:
        return None  # only a name would be missing


async def discard(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, comment: str) -> None:
    """Make sure that the run's plan is not applied: discard the run, or cancel it while it plans.

    A confirmed or ended run is not changed.
    """
    doing = f"discarding the run {run_id} in {workspace}"
    for _ in range(_DISCARD_ATTEMPTS):  # the run may change between the read and the request
        run = await read_run(hcp, workspace, run_id)
        if run.phase.ended or run.phase is Phase.APPLYING or not (run.discardable or run.cancelable):
            return
        try:
            await hcp.call(_discard_or_cancel(run, comment), doing=doing, changes=True)
        except RunConflictError:
            await asyncio.sleep(1)
            continue
        return


async def cancel(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, comment: str) -> bool:
    """Interrupt a run that plans or applies; false when it can no longer be interrupted."""
    run = await read_run(hcp, workspace, run_id)
    if not run.cancelable:
        return False
    request = _discard_or_cancel(replace(run, discardable=False), comment)
    try:
        await hcp.call(request, doing=f"cancelling {run_id}", changes=True)
    except RunConflictError:
        return False
    return True


def _discard_or_cancel(run: HcpRun, comment: str) -> Callable[[TFEClient], None]:
    def request(client: TFEClient) -> None:
        from pytfe.models import RunCancelOptions, RunDiscardOptions  # noqa: PLC0415

        if run.discardable:
            client.runs.discard(run.id, RunDiscardOptions(comment=comment))
        else:
            client.runs.cancel(run.id, RunCancelOptions(comment=comment))

    return request
