"""The plan backend in HCP Terraform: a run makes the plan, and its confirmation applies it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.store.approvals import Outcome
from handlers.plan import audit_entries, hcp_run, variables, views
from handlers.plan.settings import settings_of, timeout_of
from handlers.shared.checkout import commit_of
from runners import hcp as hcp_terraform
from runners.errors import RunnerError, UnavailableError, UncertainError
from runners.hcp.values import Phase
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from handlers.plan.backend import OnProgress
    from handlers.plan.views import PlanView
    from runners.hcp.plans import HcpPlan
    from runners.hcp.values import HcpRun, HcpWorkspace
    from runners.results import ApplyResult, Commit, PlanSummary

log = logging.getLogger(__name__)
CONFIRMED = (Phase.APPLYING, Phase.APPLIED, Phase.ERRORED)
NOT_NEEDED = "Signalbox: this plan is not wanted any more."  # the comment of a discarded run


@stored("hcp-decision")
@dataclass(frozen=True, slots=True)
class OutsideDecision:
    """A decision made in HCP Terraform: its text ("confirmed in HCP Terraform by max"), and whether the run applies."""

    text: str
    applies: bool


async def commit_to_plan(operation: Operation) -> Commit:
    """Create the run, and return its commit: of the configured ref, or from the workspace's repository.

    Raises:
        RunnerError: the workspace cannot be used (it applies without approval, it is locked), or HCP Terraform refuses.
    """
    workspace = await operation.step("workspace", lambda: hcp_run.usable_workspace(operation))
    commit = None
    if workspace.repository is None:
        ref = settings_of(operation.environment).ref
        commit = await operation.step("resolve", lambda: commit_of(operation, ref))
    await operation.once(
        "start run",
        do=lambda: hcp_run.create(operation, workspace, commit),
        recover=lambda: hcp_run.find_or_create(operation, workspace, commit),
    )
    if commit is None:
        return await operation.step(
            "fetched commit", lambda: operation.unless_cancelled(_fetched_commit(operation, workspace))
        )
    return commit


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Wait for the run's plan and read it; a run that fails or is cancelled is discarded."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    timeout = timeout_of(operation.services.config)
    async with _discarding_on_failure(operation):
        async with _reporting_queue(operation, run_id, commit) as report:
            run = await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=timeout, on_run=report)
        plan = await hcp_terraform.read_plan(hcp, run, operation.services.config.words)
        if plan.summary.up_to_date and run.phase is Phase.WAITING:
            await hcp_terraform.discard(hcp, workspace, run_id, comment="Signalbox: nothing to apply.")
    await audit_entries.record_plan(operation, commit, plan.summary)
    return operation.services.redact.within(plan.summary)


async def plan_text(operation: Operation, _: str) -> str:
    """The plan as Terraform prints it, then every difference, without its sensitive values."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read_run(hcp, workspace, run_id)
    plan = await hcp_terraform.read_plan(hcp, run, operation.services.config.words, complete=True)
    return await hcp_terraform.plan_text(hcp, run, plan)


async def apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    """Confirm the run if it still waits with the approved plan, and follow it until it ends.

    A run that is confirmed already, in HCP Terraform's page or before a restart, is only followed.
    """
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read_run(hcp, workspace, run_id)
    plan = await _plan(operation, run)

    async def confirm_and_follow() -> ApplyResult:
        if run.phase not in CONFIRMED:
            comment = await _approval_comment(operation)
            await operation.check_authorized("apply")
            await audit_entries.record_apply_start(operation, view)
            await hcp_terraform.confirm(hcp, workspace, run_id, digest=view.summary.digest, comment=comment)
        with _uncertain_without_answer():
            return await hcp_terraform.follow_apply(
                hcp,
                workspace,
                run_id,
                total=len(view.summary.changes),
                on_progress=on_progress,
                timeout=timeout_of(operation.services.config),
                sensitive=plan.sensitive,
                computes_secrets=plan.computes_secrets,
            )

    return operation.services.redact.within(await audit_entries.record_apply_end(operation, confirm_and_follow()))


async def resume_apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    """After a restart: follow the run, and confirm it only if the first confirmation never arrived."""
    with _uncertain_without_answer():
        return await apply(operation, view, on_progress)


@contextmanager
def _uncertain_without_answer() -> Iterator[None]:
    """Once the run may be confirmed, an answer that does not come says nothing about it."""
    try:
        yield
    except UncertainError:
        raise
    except UnavailableError as error:
        raise UncertainError(error.doing, error.problem, remedy="Check the run in HCP Terraform.") from error


async def stop_apply(operation: Operation) -> None:
    """Interrupt the apply."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    await hcp_terraform.cancel(hcp, workspace, run_id, comment="Signalbox: cancelled in Slack.")


async def wait_for_apply(operation: Operation, render: Callable[[], Message], /) -> None:
    """Do nothing: HCP Terraform has a queue of its own."""
    del operation, render


async def state(operation: Operation, view: PlanView) -> str:
    """The run: while it waits, HCP Terraform changes the state of its workspace by no other."""
    del view
    _, __, run_id = await hcp_run.run_of(operation)
    return run_id


async def discard_plan(operation: Operation, approval: ApprovalView) -> None:
    """Discard the run, so that its workspace is free again; the comment names the people who rejected it, and why."""
    people = [
        await hcp_run.name_of(operation, person)
        for person, decision, _ in approval.votes
        if decision == approval.outcome
    ]
    by = f" by {', '.join(people)}" if people else ""
    why = f": {approval.reason}" if approval.reason else ""
    comment = f"{approval.outcome.capitalize()} in Slack{by}{why} (Signalbox #{operation.number})."
    await hcp_run.discard(operation, comment)


def outside_check(operation: Operation) -> Callable[[], Coroutine[Any, Any, bool]] | None:
    """The check whether the run was decided in HCP Terraform; None without HCP Terraform."""
    if operation.environment.terraform is None or operation.environment.terraform.hcp is None:
        return None
    return lambda: decided_outside(operation)


async def decided_outside(operation: Operation) -> bool:
    """Whether the run was confirmed, discarded or cancelled in HCP Terraform; false when it cannot be read."""
    try:
        hcp, workspace, run_id = await hcp_run.run_of(operation)
        run = await hcp_terraform.read_run(hcp, workspace, run_id)
    except RunnerError as error:
        log.info("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return False
    return run.phase.ended or run.phase is Phase.APPLYING


async def outside_decision(operation: Operation) -> OutsideDecision:
    """The decision that was made in HCP Terraform."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read_run(hcp, workspace, run_id)
    who = await hcp_terraform.who_decided(hcp, run_id)
    applies = run.phase in CONFIRMED
    decision = "confirmed" if applies else run.phase.value
    text = f"{decision} in HCP Terraform{f' by {who}' if who else ''}"
    return OutsideDecision(operation.services.redact(text), applies)


async def _fetched_commit(operation: Operation, workspace: HcpWorkspace) -> Commit:
    """The commit that HCP Terraform fetched from the workspace's repository; without it the run is discarded."""
    async with _discarding_on_failure(operation):
        return await _wait_for_commit(operation, workspace)


async def _wait_for_commit(operation: Operation, workspace: HcpWorkspace) -> Commit:
    hcp, workspace, run_id = await hcp_run.run_of(operation, workspace)
    doing = f"reading which commit {workspace} plans"
    timeout = timeout_of(operation.services.config)

    def fetched(run: HcpRun) -> bool:
        return run.phase is not Phase.PLANNING or run.status not in ("pending", "fetching")

    async with _reporting_queue(operation, run_id, None) as report:
        run = await hcp_terraform.follow_run(hcp, workspace, run_id, until=fetched, timeout=timeout, on_run=report)
    commit = await hcp_terraform.fetched_commit(hcp, run)
    if commit is None:
        raise RunnerError(doing, "HCP Terraform does not say which commit it is", remedy=f"See {run.url}")
    sha, branch = commit
    configured = operation.repository
    if workspace.repository not in (None, configured):
        raise RunnerError(
            doing,
            f"the workspace is linked to {workspace.repository}, and not to {configured}",
            remedy="Link the workspace to the configured repository.",
        )
    return replace(await commit_of(operation, sha), ref=branch or sha)


@asynccontextmanager
async def _discarding_on_failure(operation: Operation) -> AsyncIterator[None]:
    try:
        yield
    except (RunnerError, asyncio.CancelledError):
        await hcp_run.discard(operation, NOT_NEEDED)
        raise


@asynccontextmanager
async def _reporting_queue(
    operation: Operation, run_id: str, commit: Commit | None
) -> AsyncIterator[Callable[[HcpRun], Coroutine[Any, Any, None]]]:
    """Displays what the run waits for while it is queued in HCP Terraform."""
    given = variables.cut_in_title(operation.record.arguments)
    async with operation.live() as live:

        async def report(run: HcpRun) -> None:
            if run.status == "pending" and operation.at.ts:  # a drift check has no message yet
                activity = await _queued_behind(operation, run_id)
                live.show(lambda: views.working(operation.head, activity, commit, given))

        yield report


async def _queued_behind(operation: Operation, run_id: str) -> str:
    workspace = await hcp_run.workspace_of(operation)
    if workspace.locked_by:
        return f"waiting in HCP Terraform, whose workspace was locked by {workspace.locked_by}"
    if workspace.current_run and workspace.current_run != run_id:
        return f"waiting in HCP Terraform behind {workspace.current_run}"
    return "planning"


async def _plan(operation: Operation, run: HcpRun) -> HcpPlan:
    """The plan with its sensitive values, read again: no database keeps them."""
    return await hcp_terraform.read_plan(hcp_run.hcp_of(operation), run, operation.services.config.words)


async def _approval_comment(operation: Operation) -> str:
    votes = await operation.services.approvals.votes_of(operation.number, Outcome.APPROVED)
    names = [await hcp_run.name_of(operation, vote.person) for vote in votes]
    by = f" by {', '.join(names)}" if names else ""
    return f"Approved in Slack{by} (Signalbox #{operation.number})."
