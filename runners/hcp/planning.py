"""Waiting for the plan of a run in HCP Terraform, and saying why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.hcp import log as hcp_log, reading as hcp_plan, tasks as hcp_tasks
from runners.hcp.following import watch, who_decided
from runners.hcp.values import HcpRun, HcpWorkspace, Phase
from runners.terraform import errors as terraform_errors

if TYPE_CHECKING:
    from runners.hcp.client import HcpTerraform
    from runners.hcp.following import OnRun


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
        hcp, workspace, run_id, until=lambda run: run.phase is not Phase.PLANNING, timeout=timeout, on_run=on_run
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
            who = await who_decided(hcp, run.id)
            problem = (
                f"the run was {phase.value} in HCP Terraform{f' by {who}' if who else ''} before it could be shown"
            )
            raise RunnerError(doing, problem, remedy=f"See {run.url}")


async def _planning_failed(hcp: HcpTerraform, run: HcpRun, doing: str) -> RunnerError:
    failed = await hcp_tasks.mandatory_failures(hcp, run)
    what = "run task" if failed else "policy"
    if notes := failed or await hcp_plan.policies(hcp, run):
        tail = "\n".join(f"{note.summary}\n{note.detail}".strip() for note in notes)
        return RunnerError(doing, f"a mandatory {what} failed", remedy=f"See {run.url}", log_tail=tail)
    log = await hcp_plan.log_of(hcp, "plans", run.plan_id)
    error = terraform_errors.explain(
        doing,
        1,
        hcp_log.diagnostics(log),
        version=_program(run),
        tail=hcp_log.tail(log) or "HCP Terraform kept no log.",
    )
    error.exit_code = None  # HCP Terraform reports none
    error.remedy = f"{error.remedy} See {run.url}".strip()
    return error


def _program(run: HcpRun) -> str:
    return f"terraform {run.terraform_version}".strip()
