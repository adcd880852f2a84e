"""Who may press a button or send a modal: each refusal is recorded in the audit log before it is raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import Need
from bot.operations import closed
from bot.operations.requests import refusals_recorded
from bot.store.audit import Entry

if TYPE_CHECKING:
    from bot.config.models.access import Right
    from bot.config.targets import Target
    from bot.services import Services
    from bot.store.operations import Record

REFUSED = "click refused"


def attempt(user: str, what: str, environment: str = "", operation: int | None = None) -> Entry:
    """What this person tries to do by a click, as the audit log records it when it is refused."""
    return Entry(user, REFUSED, environment, operation, {"what": what})


def attempt_on(record: Record, user: str, what: str) -> Entry:
    """The attempt to do something by a click on this operation's message."""
    return attempt(user, what, record.environment, record.number)


async def check_may_use(services: Services, tried: Entry, command: str, right: Right = "run") -> None:
    """Raises Denied unless this person has this right on the attempt's target, or on any without one, by this command."""
    async with refusals_recorded(services, tried):
        target = policy.target_of(services.config, tried.environment) if tried.environment else None
        person = await services.directory.person(tried.actor)
        policy.check_may(services.config, person, Need(right, command), target)


async def check_may_approve(
    services: Services, tried: Entry, asked: Need, *, requester: str = "", in_window: bool = False
) -> Target:
    """The target of the attempt. Raises Denied unless this person may approve there what `requester` asked for.

    With `in_window` only while `requester` may change the target (windows, locks, freezes).
    """
    async with refusals_recorded(services, tried):
        target = policy.target_of(services.config, tried.environment)
        person = await services.directory.person(tried.actor)
        policy.check_may_approve(services.config, target, person, requester, asked)
        if in_window:
            await closed.check_open(services, target, requester, emergency=asked.right == "emergency")
        return target


async def check_may_reject(services: Services, tried: Entry, asked: Need, *, requester: str) -> None:
    """Raises Denied unless this person may reject or cancel what `requester` asked for: approvers and the requester."""
    async with refusals_recorded(services, tried):
        target = policy.target_of(services.config, tried.environment)
        person = await services.directory.person(tried.actor)
        policy.check_may_reject(services.config, target, person, requester, asked)
