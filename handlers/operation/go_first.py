"""Ask to go first, and the answer: a queued operation passes a plan that waits for approval, if people agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import Denied, UserError
from bot.operations import going_first, notices
from bot.operations.queue import GO_FIRST
from bot.operations.registry import Button
from bot.slack.blocks import kit, replies
from bot.store.audit import Entry
from handlers.shared import permissions
from handlers.shared.clicks import clicked, recorded

if TYPE_CHECKING:
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

AGREE = "let-go-first"


async def ask(services: Services, click: Click) -> Message:
    """Let the queued operation go first where this person may decide that, else ask those who may."""
    passer = await clicked(services, click)
    need = needed_for(passer)
    attempt = permissions.attempt_on(passer, click.user, "ask to go first")
    await permissions.check_may_use(services, attempt, need.command, need.right)
    holder = await going_first.passable(services, passer)
    try:
        await _check_may_agree(services, holder, click.user)
    except Denied:
        button = kit.button(f"Let #{passer.number} go first", AGREE, f"{holder.number} {passer.number}")
        await notices.ask_to_go_first(services, holder, passer, click.user, button)
        await services.audit.record(Entry(click.user, "ask to go first", passer.environment, passer.number))
        return replies.done(f"Asked those who may decide about #{holder.number}, in its thread.")
    return await _let_pass(services, holder, passer, click.user)


async def agree(services: Services, click: Click) -> Message:
    """Let the operation go first that somebody asked for, by who planned and who may approve."""
    holder_number, _, passer_number = click.value.partition(" ")
    holder = await recorded(services, holder_number)
    await _check_may_agree(services, holder, click.user)
    passer = await recorded(services, passer_number)
    if (await going_first.passable(services, passer)).number != holder.number:
        raise UserError(f"#{passer.number} is not behind #{holder.number} any more; nothing was changed.")
    return await _let_pass(services, holder, passer, click.user)


def _check_can_pass(services: Services, holder: Record, passer: Record) -> None:
    """Raises UserError for a plan behind a plan in HCP Terraform, which holds its workspace there."""
    environment = services.config.environments.get(holder.environment)
    if passer.kind == holder.kind and environment and environment.terraform and environment.terraform.hcp:
        raise UserError(
            f"HCP Terraform makes no other plan of this workspace while #{holder.number} waits. Reject that one first."
        )


async def _check_may_agree(services: Services, holder: Record, user: str) -> None:
    attempt = permissions.attempt_on(holder, user, "let another go first")
    await permissions.check_may_reject(services, attempt, needed_for(holder), requester=holder.requester)


async def _let_pass(services: Services, holder: Record, passer: Record, user: str) -> Message:
    _check_can_pass(services, holder, passer)
    if not await going_first.let_pass(services, holder, passer, user):
        raise UserError(f"#{holder.number} was decided, or #{passer.number} has begun; nothing was changed.")
    return replies.done(f"#{passer.number} goes first. #{holder.number} waits for its end.")


BUTTONS = (Button(GO_FIRST, ask), Button(AGREE, agree))
