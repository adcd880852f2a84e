"""The Terraform side of an operation where HCP Terraform does the work: its run, its plan, its apply."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from handlers.plan import audit_notes, hcp_run, views
from handlers.shared.checkout import commit_of
from runners import hcp as hcp_terraform
from runners.errors import RunnerError
from runners.hcp import apply_run as hcp_apply, reading as hcp_plan
from runners.hcp.values import Phase
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.plan.terraform import Progress
    from handlers.plan.views import PlanView
    from runners.hcp.values import HcpRun, HcpWorkspace
    from runners.results import ApplyResult, Commit, PlanSummary

log = logging.getLogger(__name__)


@stored("hcp-decision")
@dataclass(frozen=True, slots=True)
class OutsideDecision:
    """How a run was settled outside of Slack, in words; `applies` when it was confirmed."""

    words: str
    applies: bool


async def commit_to_plan(operation: Operation) -> Commit:
    """Begin the run, and say which commit it plans: the configured one, or what its workspace's repository gives.

    Raises:
        RunnerError: the workspace cannot be used (it applies by itself, it is locked), or HCP Terraform refuses.
    """
    workspace = await operation.step("workspace", lambda: hcp_run.usable_workspace(operation))
    commit = None
    if workspace.repository is None:
        ref = hcp_run.settings_of(operation).ref
        commit = await operation.step("resolve", lambda: commit_of(operation, ref))
    await operation.once(
        "start run",
        do=lambda: hcp_run.start(operation, workspace, commit),
        recover=lambda: hcp_run.start_again(operation, workspace, commit),
    )
    if commit is None:
        return await operation.step(
            "fetched commit", lambda: operation.unless_cancelled(_commit_or_none_of_it(operation, workspace))
        )
    return commit


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Wait for the plan and read it. When that fails, or is cancelled, the run is put away."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    try:
        async with _reporting(operation, run_id, commit) as report:
            run = await hcp_terraform.wait_for_plan(
                hcp, workspace, run_id, timeout=hcp_run.timeout_of(operation), on_run=report
            )
        planned = await hcp_plan.read_plan(hcp, run)
        if planned.summary.up_to_date and run.phase is Phase.WAITING:
            await hcp_terraform.dismiss(hcp, workspace, run_id, comment="Signalbox: nothing to apply.")
    except (RunnerError, asyncio.CancelledError):
        await hcp_run.put_away(operation, "Signalbox: this plan is not wanted any more.")
        raise
    redact = operation.services.redact
    redact.add(planned.sensitive)
    await audit_notes.planned(operation, commit, planned.summary)
    return replace(redact.within(planned.summary), digest=planned.summary.digest)


async def plan_text(operation: Operation) -> str:
    """What planning printed in HCP Terraform."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    await _hide_sensitive(operation, run)
    return await hcp_plan.plan_text(hcp, run)


async def apply(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """Confirm the run if it still waits with the plan that was approved, and follow it to its end.

    One that somebody confirmed meanwhile, in HCP Terraform's page or before a restart, is only followed.
    """
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    sensitive = await _hide_sensitive(operation, run)

    async def carry_out() -> ApplyResult:
        if run.phase not in (Phase.APPLYING, Phase.APPLIED, Phase.ERRORED):
            comment = await _approved_by(operation)
            await audit_notes.apply_started(operation, view)
            await hcp_apply.confirm(hcp, workspace, run_id, digest=view.summary.digest, comment=comment)
        return await hcp_apply.follow_apply(
            hcp,
            workspace,
            run_id,
            total=len(view.summary.changes),
            on_progress=on_progress,
            timeout=hcp_run.timeout_of(operation),
            sensitive=sensitive,
        )

    return operation.services.redact.within(await audit_notes.apply_ended(operation, carry_out()))


async def find_out(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """After a restart: the run itself says what became of it; it is confirmed only if that never arrived."""
    return await apply(operation, view, on_progress)


async def stop_apply(operation: Operation) -> None:
    """Ask HCP Terraform to interrupt the apply."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    await hcp_terraform.cancel(hcp, workspace, run_id, comment="Signalbox: cancelled in Slack.")


async def finish(operation: Operation, approval: ApprovalView) -> None:
    """Discard the run, with the name of who rejected it: its workspace is free again."""
    people = [
        await hcp_run.name_of(operation, person)
        for person, decision, _ in approval.votes
        if decision == approval.outcome
    ]
    by = f" by {', '.join(people)}" if people else ""
    await hcp_run.put_away(operation, f"{approval.outcome.capitalize()} in Slack{by} (Signalbox #{operation.number}).")


def watcher(operation: Operation) -> Callable[[], Coroutine[Any, Any, bool]] | None:
    """A check whether somebody decided in HCP Terraform; None where it does not plan this environment."""
    if operation.environment.terraform is None or operation.environment.terraform.hcp is None:
        return None
    return lambda: decided_outside(operation)


async def decided_outside(operation: Operation) -> bool:
    """Whether the run was confirmed, discarded or cancelled in HCP Terraform; false when it cannot be asked."""
    try:
        hcp, workspace, run_id = await hcp_run.run_of(operation)
        run = await hcp_terraform.read(hcp, workspace, run_id)
    except RunnerError as error:
        log.info("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return False
    return run.phase.over or run.phase is Phase.APPLYING


async def outside_decision(operation: Operation) -> OutsideDecision:
    """How the run was settled there."""
    hcp, workspace, run_id = await hcp_run.run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    who = await hcp_terraform.who_decided(hcp, run_id)
    applies = run.phase in (Phase.APPLYING, Phase.APPLIED, Phase.ERRORED)
    what = "confirmed" if applies else run.phase.value
    words = f"{what} in HCP Terraform{f' by {who}' if who else ''}"
    return OutsideDecision(operation.services.redact(words), applies)


async def _commit_or_none_of_it(operation: Operation, workspace: HcpWorkspace) -> Commit:
    try:
        return await _fetched_commit(operation, workspace)
    except (RunnerError, asyncio.CancelledError):
        await hcp_run.put_away(operation, "Signalbox: this plan is not wanted any more.")
        raise


async def _fetched_commit(operation: Operation, workspace: HcpWorkspace) -> Commit:
    """The commit that HCP Terraform fetched by itself."""
    hcp, workspace, run_id = await hcp_run.run_of(operation, workspace)
    doing = f"reading which commit {workspace} plans"

    def fetched(run: HcpRun) -> bool:
        return run.phase is not Phase.PLANNING or run.status not in ("pending", "fetching")

    async with _reporting(operation, run_id, None) as report:
        run = await hcp_terraform.watch(
            hcp, workspace, run_id, until=fetched, timeout=hcp_run.timeout_of(operation), on_run=report
        )
    fetched_commit = await hcp_terraform.commit_sha(hcp, run)
    if fetched_commit is None:
        raise RunnerError(doing, "HCP Terraform does not say which commit it is", remedy=f"See {run.url}")
    sha, branch = fetched_commit
    repository = workspace.repository or operation.services.config.github.repository
    if repository == operation.services.config.github.repository:
        return replace(await commit_of(operation, sha), ref=branch or sha)
    raise RunnerError(
        doing,
        f"the workspace is linked to {repository}, and not to {operation.services.config.github.repository}",
        remedy="Link the workspace to the configured repository.",
    )


@asynccontextmanager
async def _reporting(
    operation: Operation, run_id: str, commit: Commit | None
) -> AsyncIterator[Callable[[HcpRun], Coroutine[Any, Any, None]]]:
    """Shows what a run waits for while it is queued in HCP Terraform."""
    async with operation.live() as live:

        async def report(run: HcpRun) -> None:
            if run.status == "pending" and operation.at.ts:  # a drift check has no message yet
                news = await _waits_for(operation, run_id)
                live.show(lambda: views.working(operation.head, news, commit))

        yield report


async def _waits_for(operation: Operation, run_id: str) -> str:
    workspace = await hcp_run.workspace_of(operation)
    if workspace.locked_by:
        return f"waiting in HCP Terraform, whose workspace was locked by {workspace.locked_by}"
    if workspace.current_run and workspace.current_run != run_id:
        return f"waiting in HCP Terraform behind {workspace.current_run}"
    return "planning"


async def _hide_sensitive(operation: Operation, run: HcpRun) -> frozenset[str]:
    # A restart has emptied the redactor of what the plan marks sensitive.
    planned = await hcp_plan.read_plan(hcp_run.hcp_of(operation), run)
    operation.services.redact.add(planned.sensitive)
    return planned.sensitive


async def _approved_by(operation: Operation) -> str:
    voted = await operation.services.approvals.approvers_of(operation.number)
    names = [await hcp_run.name_of(operation, person) for person in voted]
    by = f" by {', '.join(names)}" if names else ""
    return f"Approved in Slack{by} (Signalbox #{operation.number})."
