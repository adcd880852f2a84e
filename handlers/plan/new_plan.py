"""The button "New plan" on an older operation's message, and the link from a superseded plan to the newer one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import EMERGENCY
from bot.operations import follow_ups
from bot.operations.registry import Button, FollowUp
from bot.store.annotations import SUPERSEDED_BY
from handlers.plan.views import PLAN_AGAIN
from handlers.shared.clicks import clicked, start_follow_up
from handlers.shared.requests import plan_request

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.common import LinkedOperation

NEW_PLAN = FollowUp(PLAN_AGAIN, "again-", "new plan")


async def plan_again(services: Services, click: Click) -> None:
    """Start a new plan, with the older plan's arguments; at most once for each message."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    arguments = dict(record.arguments) if record.kind == "plan" else {}
    arguments.pop(EMERGENCY, None)  # an emergency is declared anew
    key = NEW_PLAN.key(record.number)
    request = plan_request(environment, click.user, key, arguments)
    await start_follow_up(services, NEW_PLAN, record, request, begun="A new plan was begun")


async def superseding_plan(operation: Operation) -> LinkedOperation | None:
    """Within a step: the plan that superseded this one, with a link once it has a message."""
    services = operation.services
    numbers = await services.annotations.values_of(operation.number, SUPERSEDED_BY)
    if not numbers:
        return None
    record = await follow_ups.wait_for_message(services, int(numbers[0]))
    return await follow_ups.linked(services, record)


BUTTONS = (Button(PLAN_AGAIN, plan_again),)
FOLLOW_UPS = (NEW_PLAN,)
