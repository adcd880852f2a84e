"""HCP Terraform: start a run, follow it, read its plan, confirm exactly that plan, or discard it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from runners.errors import (
    AccessDeniedError,
    RunnerError,
    StateLockedError,
    TimedOutError,
    UnavailableError,
)
from runners.hcp import errors as hcp_errors, log as hcp_log, reading as hcp_plan, tasks as hcp_tasks
from runners.hcp.errors import RunConflictError
from runners.hcp.values import HcpRun, HcpWorkspace, Phase, read_run, read_workspace, settled_by
from runners.terraform import errors as terraform_errors

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pytfe import TFEClient

    from runners.hcp.client import HcpTerraform
    from runners.results import ApplyProgress

    OnProgress = Callable[[ApplyProgress], Awaitable[None]]
    OnRun = Callable[[HcpRun], Awaitable[None]]

PATIENCE = 15 * 60.0  # seconds without an answer before a run that is followed counts as lost
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 15.0, 1.3
_READ_TIMEOUT = 120.0
_LATEST_RUNS = 50  # looked through for a run of ours


async def workspace_of(hcp: HcpTerraform, organization: str, name: str) -> HcpWorkspace:
    """The workspace, as it is now.

    Raises:
        NotFoundError, AccessDeniedError, UnavailableError: as they say.
    """
    doing = f"reading the workspace {organization}/{name} of HCP Terraform"
    path = f"/api/v2/organizations/{organization}/workspaces/{name}"
    return read_workspace(await hcp.read(path, doing=doing, query={"include": "locked_by"}), organization)


def check_usable(workspace: HcpWorkspace, *, plan_only: bool = False) -> None:
    """Refuse a workspace in which a plan would be applied without anybody's approval, or could not run.

    A run that is `plan_only` never applies, and waits for no lock.

    Raises:
        RunnerError: it applies by itself.
        AccessDeniedError: our token may not start runs.
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
    found = await hcp.read(f"/api/v2/workspaces/{workspace.id}/runs", doing=doing, query=query)
    runs = (read_run(one, page="") for one in islice(found["data"], _LATEST_RUNS))
    return next((run.id for run in runs if mark in run.message), None)


async def read(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str) -> HcpRun:
    """The run as it is now."""
    found = await hcp.read(f"/api/v2/runs/{run_id}", doing=f"reading the run {run_id}")
    return read_run(found["data"], page=page_of(hcp, workspace))


def page_of(hcp: HcpTerraform, workspace: HcpWorkspace) -> str:
    """The workspace's address for a browser."""
    return f"{hcp.address}/app/{workspace.organization}/workspaces/{workspace.name}"


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
            if time.monotonic() - answered > PATIENCE:
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
        found = client.configuration_versions.ingress_attributes(run.configuration_id or "")
        return (found.commit_sha, found.branch or "") if found and found.commit_sha else None

    return await hcp.call(get, doing=doing)


async def wait_for_plan(
    hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, timeout: float, on_run: OnRun | None = None
) -> HcpRun:
    """Wait until the run has a plan: it then waits for confirmation, or there is nothing to do.

    Raises:
        RunnerError: planning failed; `log_tail` has Terraform's diagnostics. Or somebody discarded or cancelled it,
            or a policy wants an override.
        TimedOutError, UnavailableError: as `watch`.
    """
    run = await watch(
        hcp, workspace, run_id, until=lambda seen: seen.phase is not Phase.PLANNING, timeout=timeout, on_run=on_run
    )
    doing = f"planning in {workspace}"
    match run.phase:
        case Phase.WAITING if run.auto_apply:
            problem = "the run applies its plan by itself (auto-apply), so nobody could approve it here first"
            raise RunnerError(doing, problem, remedy="Switch the workspace to manual apply.")
        case Phase.WAITING | Phase.UNCHANGED:
            return run
        case Phase.ERRORED:
            raise await _planning_failed(hcp, run, doing)
        case Phase.OVERRIDE:
            problem = "a policy or a run task failed, and the run goes on only when somebody who may overrides that"
            raise RunnerError(doing, problem, remedy=f"Override and confirm, or discard it, there: {run.url}")
        case phase:
            who = await who_settled(hcp, run.id)
            problem = (
                f"the run was {phase.value} in HCP Terraform{f' by {who}' if who else ''} before it could be shown"
            )
            raise RunnerError(doing, problem, remedy=f"See {run.url}")


async def _planning_failed(hcp: HcpTerraform, run: HcpRun, doing: str) -> RunnerError:
    failed = await hcp_tasks.mandatory_failures(hcp, run)
    what = "run task" if failed else "policy"
    if notes := failed or await hcp_plan.policies(hcp, run):
        tail = "\n".join(f"{one.summary}\n{one.detail}".strip() for one in notes)
        return RunnerError(doing, f"a mandatory {what} failed", remedy=f"See {run.url}", log_tail=tail)
    log = await hcp_plan.log_of(hcp, "plans", run.plan_id)
    error = terraform_errors.explain(
        doing,
        1,
        hcp_log.diagnostics(log),
        version=_program(run),
        tail=hcp_log.tail(log) or "HCP Terraform kept no log.",
    )
    error.exit_code = None  # HCP Terraform tells none
    error.remedy = f"{error.remedy} See {run.url}".strip()
    return error


async def who_settled(hcp: HcpTerraform, run_id: str) -> str | None:
    """Who confirmed, discarded or cancelled the run in the end, as HCP Terraform calls them; None if it does not tell."""
    try:
        doing = f"reading the events of {run_id}"
        return settled_by(await hcp.read(f"/api/v2/runs/{run_id}/run-events", doing=doing, query={"include": "actor"}))
    except RunnerError:
        return None  # it only adds a name


async def dismiss(hcp: HcpTerraform, workspace: HcpWorkspace, run_id: str, *, comment: str) -> None:
    """See that the run's plan is not applied, whatever state it is in: discard it, or cancel it while it plans.

    One that is confirmed or over already is left alone.
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


def _program(run: HcpRun) -> str:
    return f"terraform {run.terraform_version}".strip()
