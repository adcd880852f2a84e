"""The workflow of /plan: make a plan, wait for its approval, apply exactly that plan."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import Denied
from bot.operations.approval import required_approvals
from bot.operations.child_outage import live_with_note
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.slack.blocks.common import Failure
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.plan import (
    apply_views,
    giving_way,
    hcp_backend,
    images,
    new_plan,
    planned_only,
    state_lock,
    variables,
    views,
)
from handlers.plan.apply_views import Ending
from handlers.plan.backend import backend_of, room_of
from handlers.plan.branch_moves import BranchMonitor
from handlers.plan.change_views import details
from handlers.plan.command import ref_of
from handlers.plan.settings import needs_typed_confirmation, protected_losses, settings_of
from handlers.shared import ref_guard, ref_views
from handlers.shared.ref_guard import RefRules
from handlers.shared.ref_lookup import with_commit
from handlers.shared.requests import REF
from runners.errors import NotFoundError, RunnerError, StateLockedError, UncertainError
from runners.explain import explain, remedy_of
from runners.results import RefStanding

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Request
    from handlers.plan.backend import OnProgress, PlanBackend
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, PlanSummary

    Apply = Callable[[Operation, PlanView, OnProgress], Coroutine[Any, Any, ApplyResult]]

log = logging.getLogger(__name__)
CONFIRMATION = (
    "Read the warnings in its message first: it loses what is protected, or more than usual, or rolls out an image that "
    "is suspect. Signalbox applies exactly that plan."
)


async def plan(operation: Operation) -> None:
    """Durable: make a plan, display it, wait for approval, apply exactly that plan, report the outcome."""
    backend = backend_of(operation.environment)
    commit = await _commit(operation, backend)
    standing = await _standing(operation, commit) if commit else None
    summary = await _make_plan(operation, backend, commit) if commit and standing else None
    if commit is None or standing is None or summary is None:
        return
    view = await operation.step("images", lambda: images.view_of(operation, commit, summary))
    if summary.up_to_date:
        running = await operation.step("images that run", lambda: images.running(operation, summary))
        await operation.end(Status.SUCCEEDED, views.up_to_date(view, running), outcome="up to date")
        return
    await _attach_details(operation, backend, view)
    if not standing.allowed and not operation.environment.refs.apply_others:
        guarded = ref_views.other_ref(standing)
        await operation.end(Status.SUCCEEDED, views.not_allowed(view, guarded), outcome="planned only")
        return
    if await planned_only.ended(operation, backend, view):
        return
    approval = await _approval(operation, view, standing)
    while approval.outcome == Outcome.PASSED:
        notice = await giving_way.stays(operation, view, approval)
        if not notice:
            return
        approval = await _approval(operation, view, standing, notice)
    if approval.outcome == Outcome.OUTSIDE_SLACK:
        await _follow_outside_decision(operation, view, approval)
    elif approval.outcome == Outcome.APPROVED:
        await _apply(operation, view, approval)
    else:
        await _end_without_apply(operation, backend, view, approval)


async def _attach_details(operation: Operation, backend: PlanBackend, view: PlanView) -> None:
    """Post the details in the thread, and the plan as a file."""
    await operation.details("plan in detail", details(view.summary, view.images))
    await operation.attach(
        "plan as text",
        filename=f"plan-{operation.number}.txt",
        title="The plan as Terraform prints it, and every difference",
        read=lambda: backend.plan_text(operation, view.summary.digest),
    )


async def _approval(operation: Operation, view: PlanView, standing: RefStanding, notice: str = "") -> ApprovalView:
    """Wait for a decision; meanwhile check whether the branch moves, and whether people decide in HCP Terraform.

    A `notice` (mrkdwn) is displayed meanwhile.
    """
    environment, summary = operation.environment, view.summary
    protected = protected_losses(environment, summary)
    suspect = any(change.warnings for change in view.images)
    typed = environment.name if suspect or needs_typed_confirmation(environment, summary) else ""
    await operation.step("images named", lambda: images.record_planned_images(operation, view))
    other_ref = "" if standing.allowed else ref_views.other_ref(standing)
    branch = BranchMonitor(operation, view.commit)
    await branch.record_planned_commit()

    def render(pending: ApprovalView) -> Message:
        ask = views.ask(view, pending, protected, typed_confirmation=typed, move=branch.move, other_ref=other_ref)
        return kit.with_note(ask, notice) if notice else ask

    return await operation.approved(
        _binding(operation, view.commit, summary),
        required_approvals(operation, at_least=1),
        render,
        typed_confirmation=typed,
        updates=branch,
        decided_outside=hcp_backend.outside_check(operation),
    )


async def _end_without_apply(
    operation: Operation, backend: PlanBackend, view: PlanView, approval: ApprovalView
) -> None:
    """After the plan was rejected, expired or superseded: discard it, and end the operation."""
    await operation.step("discard", lambda: backend.discard_plan(operation, approval))
    newer = None
    if approval.outcome == Outcome.SUPERSEDED:
        newer = await operation.step("newer plan", lambda: new_plan.superseding_plan(operation))
    await operation.end(Status(approval.outcome), views.decided(view, approval, newer))


async def _commit(operation: Operation, backend: PlanBackend) -> Commit | None:
    """The commit to plan; on failure end the operation and return None."""
    try:
        return await backend.commit_to_plan(operation)
    except RunnerError as error:
        await _end_unplanned(operation, None, error)
        return None


async def _standing(operation: Operation, commit: Commit) -> RefStanding | None:
    """The standing of a commit that may be planned; None when it may not, and the operation has ended."""
    environment = operation.environment
    configured = settings_of(environment).ref
    rules = RefRules(environment.refs, configured, environment.key_of("refs"))
    if REF not in operation.record.arguments and rules.is_configured(commit):
        return RefStanding(commit, configured, allowed=True, why="the configured ref")
    return await ref_guard.admitted(operation, commit, rules, "plan")


async def _make_plan(operation: Operation, backend: PlanBackend, commit: Commit) -> PlanSummary | None:
    """Make the plan; on failure end the operation and return None."""
    try:
        given = variables.cut_in_title(operation.record.arguments)
        working = views.working(operation.head, "planning", commit, given)
        await operation.show("planning", working, Status.RUNNING, "is planning")
        planning = partial(backend.make_plan, operation, commit)
        return await operation.step("plan", lambda: operation.unless_cancelled(planning()))
    except RunnerError as error:
        await _end_unplanned(operation, commit, error)
        return None


async def _end_unplanned(operation: Operation, commit: Commit | None, error: RunnerError) -> None:
    if isinstance(error, StateLockedError):
        orphaned_by = await state_lock.orphaned_by(operation, error)
        message = apply_views.locked(operation.head, commit, error.problem, error.remedy, orphaned_by=orphaned_by)
    else:
        log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
        failure = Failure(error.doing, error.problem, remedy_of(error), error.log_tail)
        # The same arguments fail again when an address does not exist.
        message = apply_views.not_planned(operation.head, commit, failure, again=not isinstance(error, NotFoundError))
    await operation.end(Status.FAILED, message)


async def _follow_outside_decision(operation: Operation, view: PlanView, approval: ApprovalView) -> None:
    """After a decision in HCP Terraform: display it, and follow the apply if the run was confirmed."""
    decision = await operation.step("decided in HCP Terraform", lambda: hcp_backend.outside_decision(operation))
    decided = replace(approval, outside=decision.text)
    await operation.audit("decided elsewhere", how=decision.text)
    if decision.applies:
        await _apply(operation, view, decided)
    else:
        await operation.end(Status.REJECTED, views.decided_outside(view, decided))


async def _apply(operation: Operation, view: PlanView, approval: ApprovalView) -> None:
    await operation.step("approved", lambda: _begin_apply(operation, view, approval))
    try:
        result = await _apply_once(operation, view, approval)
    except Denied:  # the approval does not count any more, see bot/operations/authority.py
        refused = replace(approval, outcome="refused", votes=())
        await operation.step("discard", lambda: backend_of(operation.environment).discard_plan(operation, refused))
        raise
    except RunnerError as error:
        orphaned_by = await state_lock.orphaned_by(operation, error) if isinstance(error, StateLockedError) else ""
        uncertain = isinstance(error, UncertainError)
        draw = apply_views.unknown if uncertain else partial(apply_views.refused, orphaned_by=orphaned_by)
        message = draw(view, approval, error.problem, remedy_of(error))
        await operation.end(Status.INTERRUPTED if uncertain else Status.FAILED, message)
        return
    await _report(operation, view, approval, result)


async def _begin_apply(operation: Operation, view: PlanView, approval: ApprovalView) -> None:
    """Within a step, before the apply counts as begun: wait for room."""
    waiting = partial(apply_views.waiting, view, approval)
    await backend_of(operation.environment).wait_for_apply(operation, waiting)
    await operation.set_activity("is applying")


async def _apply_once(operation: Operation, view: PlanView, approval: ApprovalView) -> ApplyResult:
    backend = backend_of(operation.environment)

    async def followed(apply: Apply) -> ApplyResult:
        # Live updates must end with the step: later they would overwrite the outcome.
        async with live_with_note(operation) as live:
            # The apply does not wait for this update: Slack's rate limits may delay it for seconds.
            live.show(lambda: apply_views.applying(view, approval, None))

            async def progress(reported: ApplyProgress) -> None:
                live.show(lambda: apply_views.applying(view, approval, reported))

            return await _stoppable(operation, apply(operation, view, progress))

    return await operation.once(
        "apply", do=lambda: followed(backend.apply), recover=lambda: followed(backend.resume_apply)
    )


async def _report(operation: Operation, view: PlanView, approval: ApprovalView, result: ApplyResult) -> None:
    record = operation.services.operations
    stopped_by = await operation.step("who cancelled", lambda: record.cancel_requested(operation.number))
    cancelled = bool(stopped_by) and not result.succeeded
    if result.succeeded:
        await operation.step("images rolled out", lambda: images.record_rollouts(operation, view))
    machines = await operation.step("images behind the code", lambda: images.machines_with_old_code(operation, view))
    text, offer = await images.deploy_newer_code(operation, machines, result)
    cause = None if cancelled else explain(*(f"{error.summary}\n{error.detail}" for error in result.errors))
    ending = Ending(
        text=text,
        offer_deploy=offer,
        offer_images_back=images.can_go_back(operation, view),
        cancelled_by=kit.user(stopped_by) if stopped_by and cancelled else "",
        cause=cause.text if cause else "",
    )
    message = apply_views.applied(view, approval, result, ending)
    alarming = bool(apply_views.not_come_back(view.summary, result))
    await operation.end(_status(result, cancelled=cancelled), message, alarming=alarming)


async def _stoppable(operation: Operation, work: Coroutine[Any, Any, ApplyResult]) -> ApplyResult:
    return await operation.unless_cancelled(work, lambda: backend_of(operation.environment).stop_apply(operation))


async def about(services: Services, request: Request) -> dict[str, str]:
    """What a typed plan is about: its commit, where Signalbox fetches it. Raises RunnerError for a ref that does not exist."""
    environment = policy.environment_of(services.config, request.environment)
    if environment.terraform is None or environment.terraform.hcp:
        # HCP Terraform takes the code, which may be newer by then: no request is the same as an earlier one.
        return {**request.arguments, "request": request.key}
    ref = ref_of(environment, request.arguments)
    return await with_commit(services, services.config.repository_of(environment), request.arguments, ref)


def _binding(operation: Operation, commit: Commit, summary: PlanSummary) -> str:
    displayed = f"apply {operation.number} {operation.environment.name} {commit.sha} {summary.digest}"
    return hashlib.sha256(displayed.encode()).hexdigest()


def _status(result: ApplyResult, *, cancelled: bool) -> Status:
    if not result.finished:
        return Status.INTERRUPTED
    if cancelled:
        return Status.CANCELLED
    return Status.SUCCEEDED if result.succeeded else Status.FAILED


KINDS = (
    Kind("plan", plan, "applied", supersedes=True, confirmation=CONFIRMATION, begins_in_room=room_of, about=about),
)
