"""A plan that waits for approval lets another operation go first: afterwards it stays, or a new plan is made."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import Cancelled, UserError
from bot.operations import follow_ups, going_first, requests
from bot.slack.blocks import kit
from bot.store.approvals import Outcome
from bot.store.operations import Status
from handlers.plan import views
from handlers.plan.backend import backend_of
from handlers.plan.new_plan import NEW_PLAN
from handlers.shared.requests import plan_request
from runners.errors import RunnerError

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.requests import OperationRequest
    from bot.slack.blocks.common import ApprovalView, LinkedOperation
    from handlers.plan.views import PlanView

log = logging.getLogger(__name__)
UNREADABLE = ""  # in place of what identifies a state: it equals nothing


async def stays(operation: Operation, view: PlanView, approval: ApprovalView) -> str:
    """Durable: let what people agreed to go first. A notice (mrkdwn) where the plan stays; "" where it has ended.

    It stays where the state is the same as before, and is open for a decision again with the votes that it has.
    """
    before = await operation.step("state before", partial(_state, operation, view))
    passer = await going_first.give_way(operation)
    first = await operation.step("what goes first", partial(_linked, operation, passer))
    doing = f"lets #{passer} go first"
    await operation.show("gives way", views.gives_way(view, approval, first), Status.RUNNING, doing)
    await going_first.wait_until_ended(operation, passer)
    operations = operation.services.operations
    person = await operation.step("cancelled meanwhile", lambda: operations.cancel_requested(operation.number))
    if person:
        raise Cancelled(f"cancelled by {kit.user(person)} while #{passer} went first. No changes were made")
    after = await operation.step("state after", partial(_state, operation, view))
    if before == UNREADABLE or before != after:
        await _plan_again(operation, view, approval, passer)
        return ""
    expires_after = operation.target.approval.expires_after.total_seconds()
    passes, number = operation.services.passes, operation.number
    await operation.step("open again", lambda: passes.resume(number, expires_after))
    return f":fast_forward: #{passer} went first. The state has not changed since, so this plan stays as it is."


async def _state(operation: Operation, view: PlanView) -> str:
    try:
        return await backend_of(operation.environment).state(operation, view)
    except RunnerError as error:
        log.warning("operation %s: %s", operation.number, operation.services.redact(str(error)))
        return UNREADABLE


async def _linked(operation: Operation, passer: int) -> LinkedOperation:
    services = operation.services
    return await follow_ups.linked(services, await services.operations.get(passer))


async def _plan_again(operation: Operation, view: PlanView, approval: ApprovalView, passer: int) -> None:
    """Durable: begin a new plan for the same request, and end this one."""
    record, services = operation.record, operation.services
    key = NEW_PLAN.key(record.number)
    request = plan_request(operation.environment, record.requester, key, record.arguments)
    channel = await operation.step("admit new plan", lambda: _admitted(operation, request))
    if channel:
        await services.engine.begin(requests.request_of(request, channel))
    discarded = replace(approval, outcome=Outcome.SUPERSEDED.value)
    await operation.step("discard", lambda: backend_of(operation.environment).discard_plan(operation, discarded))
    newer = await operation.step("new plan", lambda: follow_ups.wait_for_started(services, key)) if channel else None
    linked = await operation.step("link new plan", lambda: follow_ups.linked(services, newer)) if newer else None
    await operation.end(Status.SUPERSEDED, views.overtaken(view, discarded, passer, linked))


async def _admitted(operation: Operation, request: OperationRequest) -> str:
    """Within a step: the channel of the new plan; empty where it is refused."""
    try:
        return await requests.admit(operation.services, request)
    except UserError as refused:
        log.warning("operation %s: no new plan: %s", operation.number, refused)
        return ""
