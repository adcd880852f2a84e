"""Requests that a person typed: one that cannot begin, or is open already, is answered to the person alone.

Before it has a number, so that a mistake leaves nothing in the channel.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.access.rights import EMERGENCY
from bot.errors import UserError
from bot.operations import follow_ups
from bot.slack.blocks import replies
from bot.store.audit import Entry
from bot.store.operations import Status
from bot.store.same_request import identity_of
from runners import phrases
from runners.errors import NoSuchRefError, RefusedRefError, RunnerError

if TYPE_CHECKING:
    from bot.operations.registry import Kind
    from bot.services import Services
    from bot.store.operations import Record, Request

log = logging.getLogger(__name__)
# Seconds for the look-up of a ref. Where GitHub takes longer, the operation begins and reports how it goes on.
LOOK_UP_WITHIN = 8.0
WORDS = {Status.WAITING: "queued", Status.APPROVAL: "waiting for approval", Status.RUNNING: "running"}


async def identity(services: Services, request: Request, kind: Kind) -> str:
    """Within a step: what the request has in common with another one for the same. Raises UserError where it cannot begin."""
    if kind.about is None:
        return identity_of(request, request.arguments)
    # An emergency begins beside the same request that waits for more people, or for a window.
    urgent = {EMERGENCY: EMERGENCY} if EMERGENCY in request.arguments else {}
    try:
        async with asyncio.timeout(LOOK_UP_WITHIN):
            return identity_of(request, {**await kind.about(services, request), **urgent})
    except (NoSuchRefError, RefusedRefError) as error:
        problem = " ".join(filter(None, [f"{error.problem}.", error.remedy]))
        raise UserError(f"{services.redact(problem)} Nothing was started.") from error
    except (RunnerError, TimeoutError) as error:
        log.warning("what a request of %s is about: %s", request.requester, services.redact(str(error)))
        return identity_of(request, request.arguments)


async def refuse(services: Services, request: Request, why: str) -> None:
    """Within a step: answer that the request begins nothing, and why."""
    await _record(services, request, why)
    await services.command_answers.answer(services, request, replies.refusal(why))


async def refer(services: Services, request: Request, number: int) -> None:
    """Within a step: answer with a link to the operation of the same request, which was open when this one was typed."""
    await _record(services, request, f"the same as #{number}")
    record = await follow_ups.wait_for_message(services, number)
    link = await follow_ups.linked(services, record)
    ago = phrases.minutes(services.clock() - record.created_at)
    await services.command_answers.answer(services, request, replies.already_open(link, _state(record), ago))


def _state(record: Record) -> str:
    if record.status.ended:
        return f"has just ended: {record.status.value}"
    return f"is {WORDS[record.status]} already"


async def _record(services: Services, request: Request, why: str) -> None:
    await services.audit.record(
        Entry(request.requester, "not begun", request.environment, detail={"what": request.title, "why": why})
    )
