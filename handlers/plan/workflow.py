"""/plan: what Terraform would change in an environment, and, once approved, exactly that applied."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.access import policy
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.slack.blocks.common import Failure
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.plan import (
    again as plan_again,
    apply_views as apply_drawing,
    hcp as hcp_work,
    images,
    images as plan_images,
    state_lock,
    terraform as terraform_work,
    views,
)
from handlers.plan.apply_views import Ending
from handlers.plan.backend import work_of
from handlers.plan.branch import Branch
from handlers.plan.change_views import details
from runners.errors import NotFoundError, RunnerError, StateLockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.plan.backend import Work
    from handlers.plan.terraform import Progress
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, PlanSummary

    Apply = Callable[[Operation, PlanView, Progress], Coroutine[Any, Any, ApplyResult]]

log = logging.getLogger(__name__)


async def plan(operation: Operation) -> None:
    """Durable: plan, show, wait for approval, apply exactly that, report."""
    work = work_of(operation.environment)
    made = await _made(operation, work)
    if made is None:
        return
    commit, summary = made
    view = await operation.step("images", lambda: images.view_of(operation, commit, summary))
    if summary.up_to_date:
        running = await operation.step("images that run", lambda: plan_images.running(operation, summary))
        await operation.end(Status.SUCCEEDED, views.up_to_date(view, running), outcome="up to date")
        return
    await operation.details("plan in detail", details(summary))
    await operation.attach(
        "plan as text",
        filename=f"plan-{operation.number}.txt",
        title="The plan as Terraform prints it",
        read=lambda: work.plan_text(operation),
    )
    protected = terraform_work.protected(operation.environment, summary)
    suspect = any(change.doubts for change in view.images)
    needs_confirmation = suspect or terraform_work.needs_the_word(operation.environment, summary)
    word = operation.environment.name if needs_confirmation else ""
    await operation.step("images named", lambda: images.name(operation, view))
    branch = Branch(operation, commit)
    await branch.remember()
    approval = await operation.approved(
        _binding(operation, commit, summary),
        policy.required_approvals(operation.environment, at_least=1),
        lambda approval_view: views.ask(view, approval_view, protected, typed_confirmation=word, moved=branch.moved),
        typed_confirmation=word,
        look=branch.check,
        elsewhere=hcp_work.watcher(operation),
    )
    if approval.outcome == Outcome.OUTSIDE_SLACK:
        await _follow_outside_decision(operation, view, approval)
        return
    if approval.outcome != Outcome.APPROVED:
        await operation.step("settle", lambda: work.finish(operation, approval))
        newer = None
        if approval.outcome == Outcome.SUPERSEDED:
            newer = await operation.step("newer plan", lambda: plan_again.newer(operation))
        await operation.end(Status(approval.outcome), views.decided(view, approval, newer))
        return
    await _apply(operation, view, approval)


async def _made(operation: Operation, work: Work) -> tuple[Commit, PlanSummary] | None:
    """The plan and its commit; None when there is none and the message says why."""
    commit = None
    try:
        commit = await work.commit_to_plan(operation)
        working = views.working(operation.head, "planning", commit)
        await operation.show("planning", working, Status.RUNNING, "is planning")
        planning = partial(work.make_plan, operation, commit)
        return commit, await operation.step("plan", lambda: operation.unless_cancelled(planning()))
    except StateLockedError as error:
        left_by = await state_lock.left_by(operation, error)
        message = apply_drawing.locked(operation.head, commit, error.problem, error.remedy, left_by=left_by)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
        failure = Failure(error.doing, error.problem, error.remedy, error.log_tail)
        # With the same words nothing else comes of it where an address is nowhere.
        message = apply_drawing.not_planned(operation.head, commit, failure, again=not isinstance(error, NotFoundError))
    await operation.end(Status.FAILED, message)
    return None


async def _follow_outside_decision(operation: Operation, view: PlanView, approval: ApprovalView) -> None:
    """Somebody decided in HCP Terraform's own page: the message says so, and follows what they began."""
    decision = await operation.step("decided elsewhere", lambda: hcp_work.outside_decision(operation))
    decided = replace(approval, elsewhere=decision.words)
    await operation.audit("decided elsewhere", how=decision.words)
    if decision.applies:
        await _apply(operation, view, decided)
    else:
        await operation.end(Status.REJECTED, views.decided_outside(view, decided))


async def _apply(operation: Operation, view: PlanView, approval: ApprovalView) -> None:
    await operation.step("approved", lambda: operation.does("is applying"))
    try:
        result = await _apply_once(operation, view, approval)
    except RunnerError as error:
        left_by = await state_lock.left_by(operation, error) if isinstance(error, StateLockedError) else ""
        message = apply_drawing.refused(view, approval, error.problem, error.remedy, left_by=left_by)
        await operation.end(Status.FAILED, message)
        return
    await _report(operation, view, approval, result)


async def _apply_once(operation: Operation, view: PlanView, approval: ApprovalView) -> ApplyResult:
    work = work_of(operation.environment)

    async def followed(apply: Apply) -> ApplyResult:
        # Within the step: done again after a restart, or still on its way when this has ended, what is shown here
        # would overwrite how it ended.
        async with operation.live() as live:
            # Slack's pace may keep this waiting for seconds; the apply does not wait with it.
            live.show(lambda: apply_drawing.applying(view, approval, None))

            async def progress(reported: ApplyProgress) -> None:
                live.show(lambda: apply_drawing.applying(view, approval, reported))

            return await _stoppable(operation, apply(operation, view, progress))

    return await operation.once("apply", do=lambda: followed(work.apply), recover=lambda: followed(work.find_out))


async def _report(operation: Operation, view: PlanView, approval: ApprovalView, result: ApplyResult) -> None:
    record = operation.services.operations
    stopped_by = await operation.step("who cancelled", lambda: record.cancel_requested(operation.number))
    cancelled = bool(stopped_by) and not result.succeeded
    if result.succeeded:
        await operation.step("images rolled out", lambda: images.remember(operation, view))
    old = await operation.step("images behind the code", lambda: images.behind_the_code(operation, view))
    note, offer = await images.follow_up(operation, old, result)
    ending = Ending(
        note=note, offer_deploy=offer, cancelled_by=kit.user(stopped_by) if stopped_by and cancelled else ""
    )
    await operation.end(_status(result, cancelled=cancelled), apply_drawing.applied(view, approval, result, ending))


async def _stoppable(operation: Operation, work: Coroutine[Any, Any, ApplyResult]) -> ApplyResult:
    return await operation.unless_cancelled(work, lambda: work_of(operation.environment).stop_apply(operation))


def _binding(operation: Operation, commit: Commit, summary: PlanSummary) -> str:
    displayed = f"apply {operation.number} {operation.environment.name} {commit.sha} {summary.digest}"
    return hashlib.sha256(displayed.encode()).hexdigest()


def _status(result: ApplyResult, *, cancelled: bool) -> Status:
    if not result.finished:
        return Status.INTERRUPTED
    if cancelled:
        return Status.CANCELLED
    return Status.SUCCEEDED if result.succeeded else Status.FAILED


KINDS = (Kind("plan", plan, supersedes=True),)
