"""The Terraform side of an operation where HCP Terraform does the work: its run, its plan, its apply."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.blocks import plan as drawing
from bot.errors import UserError
from handlers.code import code_of, commit_of
from runners import hcp_apply, hcp_plan, hcp_terraform, hcp_upload
from runners.errors import RunnerError, UncertainError
from runners.hcp_values import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.blocks.operation import ApprovalView
    from bot.blocks.plan import PlanView
    from bot.config import Terraform
    from bot.operation import Operation
    from handlers.terraform_work import Progress
    from runners.hcp_client import HcpTerraform
    from runners.hcp_values import HcpRun, HcpWorkspace
    from runners.results import ApplyResult, Commit, PlanSummary

log = logging.getLogger(__name__)
LISTING_PATIENCE = 5.0  # seconds until a run that was just created is in the list of runs for certain
PUTTING_AWAY = 60.0  # seconds at most for discarding the run of an operation that goes on without it


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How a run was settled outside of Slack, in words; `applies` when it was confirmed."""

    words: str
    applies: bool


async def commit_to_plan(operation: Operation) -> Commit:
    """Begin the run, and say which commit it plans: the configured one, or what its workspace's repository gives.

    Raises:
        RunnerError: the workspace cannot be used (it applies by itself, it is locked), or HCP Terraform refuses.
    """
    workspace = await operation.step("workspace", lambda: _usable_workspace(operation))
    commit = None
    if workspace.repository is None:
        ref = _settings(operation).ref
        commit = await operation.step("resolve", lambda: commit_of(operation, ref))
    await operation.once(
        "start run",
        do=lambda: _start(operation, workspace, commit),
        recover=lambda: _start_again(operation, workspace, commit),
    )
    if commit is None:
        return await operation.step("fetched commit", lambda: _commit_or_none_of_it(operation, workspace))
    return commit


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Wait for the plan and read it. When that fails, or is cancelled, the run is put away."""
    hcp, workspace, run_id = await _run_of(operation)
    try:
        async with operation.live() as live:

            async def tell(run: HcpRun) -> None:
                if run.status == "pending":
                    news = await _waits_for(operation, run_id)
                    live.show(lambda: drawing.working(operation.head, news, commit))

            run = await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=_timeout(operation), on_run=tell)
        planned = await hcp_plan.read_plan(hcp, run)
        if planned.summary.up_to_date and run.phase is Phase.WAITING:
            await hcp_terraform.dismiss(hcp, workspace, run_id, comment="Signalbox: nothing to apply.")
    except (RunnerError, asyncio.CancelledError):
        await _put_away(operation, "Signalbox: this plan is not wanted any more.")
        raise
    redact = operation.services.redact
    redact.add(planned.sensitive)
    return replace(redact.within(planned.summary), digest=planned.summary.digest)


async def plan_text(operation: Operation) -> str:
    """What planning printed in HCP Terraform."""
    hcp, workspace, run_id = await _run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    await _hide_sensitive(operation, run)
    return await hcp_plan.plan_text(hcp, run)


async def apply(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """Confirm the run if it still waits with the plan that was approved, and follow it to its end.

    One that somebody confirmed meanwhile, in HCP Terraform's page or before a restart, is only followed.
    """
    hcp, workspace, run_id = await _run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    sensitive = await _hide_sensitive(operation, run)
    if run.phase not in (Phase.APPLYING, Phase.APPLIED, Phase.ERRORED):
        comment = await _approved_by(operation)
        await hcp_apply.confirm(hcp, workspace, run_id, digest=view.summary.digest, comment=comment)
    result = await hcp_apply.follow_apply(
        hcp,
        workspace,
        run_id,
        total=len(view.summary.changes),
        on_progress=on_progress,
        timeout=_timeout(operation),
        sensitive=sensitive,
    )
    return operation.services.redact.within(result)


async def find_out(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """After a restart: the run itself says what became of it; it is confirmed only if that never arrived."""
    return await apply(operation, view, on_progress)


async def stop_apply(operation: Operation) -> None:
    """Ask HCP Terraform to interrupt the apply."""
    hcp, workspace, run_id = await _run_of(operation)
    await hcp_terraform.cancel(hcp, workspace, run_id, comment="Signalbox: cancelled in Slack.")


async def settle(operation: Operation, approval: ApprovalView) -> None:
    """Discard the run, with the name of who rejected it: its workspace is free again."""
    people = [await _name(operation, person) for person, decision, _ in approval.votes if decision == approval.outcome]
    by = f" by {', '.join(people)}" if people else ""
    await _put_away(operation, f"{approval.outcome.capitalize()} in Slack{by} (Signalbox #{operation.number}).")


def watcher(operation: Operation) -> Callable[[], Coroutine[Any, Any, bool]] | None:
    """What tells whether a decision was taken in HCP Terraform; None where it does not plan this environment."""
    if operation.environment.terraform is None or operation.environment.terraform.hcp is None:
        return None
    return lambda: decided_elsewhere(operation)


async def decided_elsewhere(operation: Operation) -> bool:
    """Whether the run was confirmed, discarded or cancelled in HCP Terraform; false when it cannot be asked."""
    try:
        hcp, workspace, run_id = await _run_of(operation)
        run = await hcp_terraform.read(hcp, workspace, run_id)
    except RunnerError as error:
        log.info("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return False
    return run.phase is not Phase.WAITING


async def elsewhere(operation: Operation) -> Elsewhere:
    """How the run was settled there."""
    hcp, workspace, run_id = await _run_of(operation)
    run = await hcp_terraform.read(hcp, workspace, run_id)
    who = await hcp_terraform.who_settled(hcp, run_id)
    applies = run.phase in (Phase.APPLYING, Phase.APPLIED, Phase.ERRORED)
    what = "confirmed" if applies else run.phase.value
    words = f"{what} in HCP Terraform{f' by {who}' if who else ''}"
    return Elsewhere(operation.services.redact(words), applies)


def _settings(operation: Operation) -> Terraform:
    if operation.environment.terraform is None:
        raise UserError(f"{operation.environment.name} has no Terraform in the configuration.")
    return operation.environment.terraform


def _hcp(operation: Operation) -> HcpTerraform:
    if operation.services.hcp is None:
        raise UserError("The bot was started without TFE_TOKEN, so HCP Terraform cannot be asked. Nothing was started.")
    return operation.services.hcp


async def _workspace(operation: Operation) -> HcpWorkspace:
    named = _settings(operation).hcp
    if named is None:
        raise UserError(f"{operation.environment.name} is no longer planned in HCP Terraform.")
    return await hcp_terraform.workspace_of(_hcp(operation), named.organization, named.workspace)


async def _usable_workspace(operation: Operation) -> HcpWorkspace:
    workspace = await _workspace(operation)
    hcp_terraform.check_usable(workspace)
    return workspace


async def _start(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    hcp, mark = _hcp(operation), _mark(operation)
    asked_by = await _name(operation, operation.record.requester)
    message = f"Signalbox #{operation.number} asked by {asked_by} in Slack ({mark})"
    configuration = None
    if commit:
        root = await code_of(operation, commit)
        doing = f"uploading {commit.short} to {workspace}"
        configuration = await hcp_upload.upload(hcp, workspace, root, doing=doing)
    try:
        made = await hcp_terraform.create_run(
            hcp, workspace, message=message, variables=operation.record.arguments, configuration=configuration
        )
    except UncertainError:
        found = await _look_for_run(operation, workspace, mark)
        if found is None:
            raise
        made = found
    await operation.services.operations.keep_hcp_run(operation.number, made)
    return made


async def _start_again(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    """After an interruption: the run that the first try made, if it got so far."""
    known = await operation.services.operations.hcp_run(operation.number)
    found = known or await _look_for_run(operation, workspace, _mark(operation))
    if found is None:
        return await _start(operation, workspace, commit)
    await operation.services.operations.keep_hcp_run(operation.number, found)
    return found


async def _look_for_run(operation: Operation, workspace: HcpWorkspace, mark: str) -> str | None:
    hcp = _hcp(operation)
    found = await hcp_terraform.find_run(hcp, workspace, mark)
    if found is None:
        await asyncio.sleep(LISTING_PATIENCE)
        found = await hcp_terraform.find_run(hcp, workspace, mark)
    return found


def _mark(operation: Operation) -> str:
    # It tells this operation from one of the same number in another bot's, or an earlier, database.
    record = operation.record
    seed = f"{record.number} {record.created_at} {record.channel} {record.message_ts}"
    return hashlib.sha256(seed.encode()).hexdigest()[:12]


async def _commit_or_none_of_it(operation: Operation, workspace: HcpWorkspace) -> Commit:
    try:
        return await _fetched_commit(operation, workspace)
    except RunnerError:
        await _put_away(operation, "Signalbox: it is not known which commit this is.")
        raise


async def _fetched_commit(operation: Operation, workspace: HcpWorkspace) -> Commit:
    """The commit that HCP Terraform fetched by itself."""
    hcp, workspace, run_id = await _run_of(operation, workspace)
    doing = f"reading which commit {workspace} plans"

    def fetched(run: HcpRun) -> bool:
        return run.phase is not Phase.PLANNING or run.status not in ("pending", "fetching")

    run = await hcp_terraform.watch(hcp, workspace, run_id, until=fetched, timeout=_timeout(operation))
    found = await hcp_terraform.commit_sha(hcp, run)
    if found is None:
        raise RunnerError(doing, "HCP Terraform does not say which commit it is", remedy=f"See {run.url}")
    sha, branch = found
    repository = workspace.repository or operation.services.config.github.repository
    if repository == operation.services.config.github.repository:
        return replace(await commit_of(operation, sha), ref=branch or sha)
    raise RunnerError(
        doing,
        f"the workspace is linked to {repository}, and not to {operation.services.config.github.repository}",
        remedy="Link the workspace to the configured repository.",
    )


async def _run_of(
    operation: Operation, workspace: HcpWorkspace | None = None
) -> tuple[HcpTerraform, HcpWorkspace, str]:
    run_id = await operation.services.operations.hcp_run(operation.number)
    if run_id is None:
        raise RunnerError("looking for the run in HCP Terraform", "this operation has none", remedy="Plan again.")
    return _hcp(operation), workspace or await _workspace(operation), run_id


async def _waits_for(operation: Operation, run_id: str) -> str:
    workspace = await _workspace(operation)
    if workspace.locked_by:
        return f"waiting in HCP Terraform, whose workspace was locked by {workspace.locked_by}"
    if workspace.current_run and workspace.current_run != run_id:
        return f"waiting in HCP Terraform behind {workspace.current_run}"
    return "planning"


async def _hide_sensitive(operation: Operation, run: HcpRun) -> frozenset[str]:
    # A restart has emptied the redactor of what the plan marks sensitive.
    planned = await hcp_plan.read_plan(_hcp(operation), run)
    operation.services.redact.add(planned.sensitive)
    return planned.sensitive


async def _put_away(operation: Operation, comment: str) -> None:
    """See that the run's plan is never applied; what cannot be done now is said in the log, for the run is in HCP's list."""
    try:
        async with asyncio.timeout(PUTTING_AWAY):
            hcp, workspace, run_id = await _run_of(operation)
            await hcp_terraform.dismiss(hcp, workspace, run_id, comment=comment)
    except (RunnerError, TimeoutError) as error:
        log.warning(
            "operation %s: its run stays in HCP Terraform: %s", operation.number, operation.services.redact(str(error))
        )


async def _approved_by(operation: Operation) -> str:
    voted = await operation.services.approvals.approvers_of(operation.number)
    names = [await _name(operation, person) for person in voted]
    by = f" by {', '.join(names)}" if names else ""
    return f"Approved in Slack{by} (Signalbox #{operation.number})."


async def _name(operation: Operation, person: str) -> str:
    """A person as their colleagues know them, with the id that nobody else has."""
    name = await operation.services.directory.name(person)
    return f"{name} ({person})" if name else person


def _timeout(operation: Operation) -> float:
    return operation.services.config.terraform.timeout.total_seconds()
