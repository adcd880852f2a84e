"""A plan whose requester may plan, and not apply: it is displayed, and nobody is asked to approve what could not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy, rights
from bot.access.rights import effect_of
from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView
from bot.store.operations import Status
from handlers.plan import views

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from handlers.plan.backend import PlanBackend
    from handlers.plan.views import PlanView

UNDECIDED = ApprovalView("", 0, "planned only", (), 0.0, "")


async def ended(operation: Operation, backend: PlanBackend, view: PlanView) -> bool:
    """Durable: end the operation where its requester may not apply the plan; whether it has ended."""
    if not await operation.services.engine.patched("planned only"):
        return False
    others = await operation.step("who applies instead", lambda: _others(operation))
    if not others:
        return False
    await operation.step("discard", lambda: backend.discard_plan(operation, UNDECIDED))
    await operation.end(
        Status.SUCCEEDED, views.not_for_apply(view, "its requester may not apply it", others), outcome="planned only"
    )
    return True


async def _others(operation: Operation) -> str:
    """Who may apply the plan, if its requester may not, in a sentence; empty while Slack does not say who is in a group."""
    services, record = operation.services, operation.record
    if not policy.is_user(record.requester):
        return ""
    need = effect_of(record.kind, record.arguments, "apply")
    rules = rights.people_of(rights.rules_for(services.config, need, operation.target))
    person = await services.directory.person(record.requester)
    if policy.allowed(person, rules) or policy.depends_on_unreadable(person, rules):
        return ""
    name = kit.escape(operation.target.name)
    return f"{kit.user(record.requester)} may plan {name}, and not apply. To apply it, {policy.in_words(rules)} may plan it anew."
