"""Buttons under operations that are under way or over: Cancel, Unlock, the code deploy that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import policy, requests
from bot.audit import Entry
from bot.blocks import replies
from bot.blocks.operation import CANCEL, DEPLOY_AFTER, UNLOCK
from bot.commands import Button, Click
from bot.errors import Denied, UserError
from bot.line import show_withdrawn, tell_waiting
from bot.operations import Status
from bot.requests import Wish
from handlers import leads
from handlers.clicks import clicked
from handlers.deploy import usual_ref, wish
from handlers.leads import CODE_DEPLOY
from handlers.plans.state_lock import UNLOCKS, left_lock

if TYPE_CHECKING:
    from bot.blocks.kit import Message
    from bot.operations import Record
    from bot.services import Services


async def cancel(services: Services, click: Click) -> Message | None:
    """Ask the operation to stop, if this person may: whoever asked for it, and whoever may approve it."""
    record = await clicked(services, click)
    place = policy.place_of(services.config, record.environment)
    person = await services.directory.person(click.user)
    policy.check_may_reject(services.config, place, person, record.requester)
    if record.status.ended:
        raise UserError(f"#{record.number} is over already; there is nothing to cancel.")
    if record.status is Status.WAITING:
        return await _withdraw(services, record, click.user)
    await services.operations.request_cancel(record.number, click.user)
    await services.audit.record(Entry(click.user, "cancel", record.environment, record.number))
    return replies.done(f"#{record.number} is being stopped; its message will say what was done.")


async def _withdraw(services: Services, record: Record, user: str) -> Message:
    if not await services.operations.withdraw(record.number, user):
        raise UserError(
            f"#{record.number} has just begun and can no longer be withdrawn; its message shows what it does."
        )
    await services.audit.record(Entry(user, "withdraw", record.environment, record.number))
    await show_withdrawn(services.operations, services.chat, record.number)
    await tell_waiting(services.operations, services.chat, record.environment)
    return replies.done(f"#{record.number} is withdrawn; it will not begin.")


async def deploy_after(services: Services, click: Click) -> None:
    """Begin the code deploy that an apply has made necessary, once."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    key = CODE_DEPLOY.key(record.number)
    if begun := await services.operations.begun_by(key):
        raise UserError(f"The code deploy was begun from this message already: it is #{begun.number}.")
    await requests.start(services, wish(environment, usual_ref(environment), click.user, key))
    await leads.begun(services, CODE_DEPLOY, record)


async def unlock(services: Services, click: Click) -> None:
    """Begin to give back the lock that a dead operation left: once, and only for whoever may approve."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    person = await services.directory.person(click.user)
    try:
        policy.check_may_approve(services.config, environment, person, requester="")
    except Denied as denied:
        detail = {"what": "unlock", "why": str(denied)}
        await services.audit.record(Entry(click.user, "click refused", record.environment, record.number, detail))
        raise
    lock = await left_lock(services, record.number)
    key = f"unlock-{record.number}"
    if await services.operations.known(key):
        raise UserError("This lock is being given back already.")
    title = f"Unlock the state of {environment.name}"
    await requests.start(services, Wish(UNLOCKS, title, click.user, key, environment, {"lock": lock}))


BUTTONS = (
    Button(CANCEL, cancel),
    Button(DEPLOY_AFTER, deploy_after),
    Button(UNLOCK, unlock),
)
