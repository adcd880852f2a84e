"""New plan: begun once from an older operation's message; and the plan that took an older one's place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import policy, requests
from bot.blocks.operation import PLAN_AGAIN
from bot.commands import Button
from bot.errors import UserError
from bot.operations import SUPERSEDED_BY
from bot.requests import Wish
from handlers import leads
from handlers.clicks import clicked
from handlers.leads import NEW_PLAN
from handlers.plans import words as plan_words

if TYPE_CHECKING:
    from bot.blocks.operation import Elsewhere
    from bot.commands import Click
    from bot.operation import Operation
    from bot.services import Services


async def plan_again(services: Services, click: Click) -> None:
    """Begin a new plan, with the same words where it was a plan; a second click on the same message begins no second one."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    arguments = record.arguments if record.kind == "plan" else {}
    key = NEW_PLAN.key(record.number)
    if begun := await services.operations.begun_by(key):
        raise UserError(f"A new plan was begun from this message already: it is #{begun.number}.")
    await requests.start(
        services,
        Wish("plan", plan_words.title(environment, arguments), click.user, key, environment, arguments),
    )
    await leads.begun(services, NEW_PLAN, record)


async def newer(operation: Operation) -> Elsewhere | None:
    """Within a step: the plan that took this one's place, with its link once it has a message."""
    services = operation.services
    numbers = await services.operations.noted(operation.number, SUPERSEDED_BY)
    if not numbers:
        return None
    record = await leads.shown(services, int(numbers[0]))
    return await leads.elsewhere(services, record)


BUTTONS = (Button(PLAN_AGAIN, plan_again),)
