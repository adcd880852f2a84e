"""The workflow of /run: commit and inputs, approval, and the run of a workflow or of playbooks. It records nothing about the environment."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import inputs as given_inputs, policy
from bot.errors import UserError
from bot.operations.approval import required_approvals
from bot.operations.registry import Kind
from bot.slack.blocks import kit
from bot.slack.blocks.common import FailureContext
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.run import playbooks, views
from handlers.run.command import KIND
from handlers.run.settings import LINK, NAME, command_text, inputs_of, settings_of
from handlers.run.views import Run
from handlers.shared import ref_guard, ref_views, run_follow
from handlers.shared.checkout import commit_of
from handlers.shared.dispatch import Dispatch, dispatch_once
from handlers.shared.github_outage import outage_notice
from handlers.shared.inputs import check_sent, digest
from handlers.shared.log_judgement import judge_run
from handlers.shared.machine_types import MACHINES, neither
from handlers.shared.ref_guard import RefRules
from handlers.shared.ref_lookup import check_startable, with_commit
from handlers.shared.run_follow import FollowedRun
from runners.github.runs import workflow_file
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config.models.custom import CustomOperation
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Request
    from runners.results import PendingReview, RefStanding, WorkflowRun


async def run_custom(operation: Operation) -> None:
    """Durable: read the workflow at the ref, ask for approval where the environment requires one, run it once."""
    operation.failure_context = FailureContext(
        "nothing was started", next_command=command_text(operation.record.arguments)
    )
    ref = operation.record.arguments["ref"]
    await operation.show("resolving", views.working(operation.head, f"looking up {kit.escape(ref)}"), Status.RUNNING)
    run = await operation.step("run", lambda: _prepared(operation))
    operation.failure_context = replace(operation.failure_context, commit=run.commit)
    rules = RefRules(operation.environment.refs, run.usual_ref, operation.environment.key_of("refs"))
    standing = await ref_guard.standing_of(operation, run.commit, rules)
    if standing is None:
        return
    if not standing.allowed:
        run = replace(run, notices=(*ref_views.notices(operation.environment.name, standing), *run.notices))
    elif run.playbooks:
        run = await playbooks.examine(operation, run)
    approval = await _approval(operation, run, standing)
    if approval is not None and not await _taken_up(operation, run, standing, approval):
        return
    await operation.step("inputs again", lambda: _check_unchanged(operation, run))
    if run.playbooks:
        await playbooks.execute(operation, run, approval)
    else:
        await _execute(operation, run, approval)


async def _prepared(operation: Operation) -> Run:
    """Within a step. Raises UserError for what GitHub would refuse, before anybody approves."""
    arguments, services = operation.record.arguments, operation.services
    name, ref = arguments[NAME], arguments["ref"]
    settings, given = _settings(operation), given_inputs.given(arguments)
    if settings.workflow is None:
        return await playbooks.prepared(operation, settings)
    check_startable(ref)
    sent = inputs_of(name, settings, given)
    commit = await commit_of(operation, ref)
    repository, where = operation.repository, f"{settings.workflow} at {ref}"
    file = await workflow_file.read(services.github, repository, settings.workflow, commit.sha)
    if not file.dispatchable:
        raise UserError(
            f"{where} has no workflow_dispatch trigger, so GitHub does not start it. Add `workflow_dispatch:` to its "
            "`on:` there. Nothing was started."
        )
    check_sent(file, sent, where, given=settings.inputs)
    marked = (*sent, *filter(None, [settings.mark_input]))
    if missing := workflow_file.missing_inputs(file, marked):
        raise UserError(
            f"{where} requires the input {', '.join(missing)}. Allow it under operations.{name}.inputs, or set it under "
            f"operations.{name}.fixed_inputs. Nothing was started."
        )
    return Run(
        name,
        settings.workflow,
        settings.description,
        commit,
        settings.ref,
        mark_input=settings.mark_input or "",
        inputs=sent,
        given=given,
        link=arguments.get(LINK, ""),
    )


async def about(services: Services, request: Request) -> dict[str, str]:
    """What a typed run is about: its commit. Raises UserError for a ref that does not exist or cannot be run."""
    environment = policy.environment_of(services.config, request.environment)
    arguments, ref = request.arguments, request.arguments["ref"]
    settings = settings_of(services.config, arguments[NAME])
    if settings.workflow:
        check_startable(ref)
    machines = services.config.machines_of(settings) if settings.playbook and not arguments.get(MACHINES) else ()
    problem = neither(ref, machines, arguments[NAME]) if machines and ref != settings.ref else ""
    return await with_commit(services, services.config.repository_of(environment), arguments, ref, otherwise=problem)


def _settings(operation: Operation) -> CustomOperation:
    """The settings now. Raises UserError when the operation has another environment by now: others approve there."""
    name = operation.record.arguments[NAME]
    settings = settings_of(operation.services.config, name)
    if settings.environment != operation.environment.name:
        raise UserError(f"{name} is for {settings.environment} by now. Nothing was started; run the command again.")
    return settings


async def _approval(operation: Operation, run: Run, standing: RefStanding) -> ApprovalView | None:
    """Durable: the decision about exactly this workflow, commit and inputs; None where none is required."""
    required = required_approvals(operation, at_least=0 if standing.allowed else 1)
    if required == 0:
        return None
    what = run.workflow or playbooks.bound(run)
    approved = f"run {operation.number} {operation.environment.name} {run.name} {what} {run.commit.sha}"
    binding = hashlib.sha256(f"{approved} {digest(run.inputs)}".encode()).hexdigest()
    if not standing.allowed:
        await ref_guard.announce(operation, binding)
    return await operation.approved(binding, required, lambda view: views.awaiting_approval(operation.head, run, view))


async def _taken_up(operation: Operation, run: Run, standing: RefStanding, approval: ApprovalView) -> bool:
    """Durable, after the decision: whether it runs; if not, the operation has ended."""
    if approval.outcome != Outcome.APPROVED:
        await operation.end(Status(approval.outcome), views.not_approved(operation.head, run, approval))
        return False
    if not standing.allowed and not await ref_guard.taken_up(operation, standing, approval):
        return False
    operation.failure_context = replace(operation.failure_context, approval=approval)
    message = views.message(operation.head, "running", "approved, starting", run, approval)
    await operation.show("approved", message, Status.RUNNING, "starts")
    return True


async def _check_unchanged(operation: Operation, run: Run) -> None:
    """Within a step: raises UserError where signalbox.yaml says something else by now than was displayed."""
    settings = _settings(operation)
    inputs = inputs_of(run.name, settings, run.given)
    same = (settings.workflow or "", settings.ref, inputs) == (run.workflow, run.usual_ref, dict(run.inputs))
    if not same or (run.playbooks and not playbooks.unchanged(operation, settings, run)):
        raise UserError(
            f"operations.{run.name} in signalbox.yaml has changed since this was requested, so nothing was started. Run "
            "the command again."
        )


async def _execute(operation: Operation, run: Run, approval: ApprovalView | None) -> None:
    """Durable: dispatch the workflow once, follow its run, end the operation with it."""
    dispatch = Dispatch(
        operation.repository,
        run.workflow,
        run.commit,
        command=f"/run {run.name}",
        inputs=run.inputs,
        moved_on=f"so nothing was started. Run {command_text(operation.record.arguments)} again.",
        mark_input=run.mark_input,
    )
    run_id = await dispatch_once(operation, dispatch)
    operation.failure_context = FailureContext(commit=run.commit, approval=approval)

    def render(started: WorkflowRun, now: float, pending: Sequence[PendingReview]) -> Message:
        return views.progress(operation.head, run, approval, started, now=now, pending=pending)

    activity = f"runs {run.name}"
    limit = operation.services.config.operations.run_timeout.total_seconds()
    followed = FollowedRun.of(
        await operation.step(
            "follow the run", lambda: run_follow.follow(operation, run_id, activity, render, limit=limit)
        )
    )
    started = followed.run
    outage = await outage_notice(operation)
    if started.head_sha != run.commit.sha:
        await operation.end(Status.FAILED, views.other_commit(operation.head, run, approval, started))
        return
    notices = [outage] if outage else []
    if started.state is not State.SUCCEEDED:
        if not followed.cancelled_by and (cause := await run_follow.post_logs(operation, started)):
            notices.append(kit.escape(cause))
        message = views.ended(operation.head, run, approval, started, notices=notices, followed=followed)
        await operation.end(Status.CANCELLED if followed.cancelled_by else Status.FAILED, message)
        return
    judged = await judge_run(operation, started)
    message = views.ended(operation.head, run, approval, started, notices=notices, judged=judged)
    await operation.end(Status.SUCCEEDED, message, outcome="suspect" if judged.suspects else "")


KINDS = (Kind(KIND, run_custom, about=about),)
