"""From a command to a durable request: permission, time and channel."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.access import policy, rights
from bot.access.rights import EMERGENCY, LATER_KIND, Need
from bot.config.targets import LANE, queue_of
from bot.config.values import PART
from bot.errors import Denied, UserError
from bot.operations import closed
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.access.policy import Person
    from bot.config import Config
    from bot.config.models.access import Right
    from bot.config.targets import Target
    from bot.services import Services

# Seconds. Slack waits for three, and the person was looked up for up to two (bot/access/directory.py).
ANSWER_WITHIN = 0.5
LONGEST_WORDS = 200  # characters of a refused command in the audit log
EMERGENCY_TITLE = "EMERGENCY: "


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a person requests. `key` is the same when Slack delivers the same request again.

    What only `reads` passes windows, locks and freezes. With a `lane` ("run 4711") it waits for operations of the same lane only, not for the others of its target.
    """

    kind: str
    title: str
    user: str
    key: str
    target: Target
    arguments: Mapping[str, str] = field(default_factory=dict)
    lane: str = ""
    reads: bool = False


def urgent(request: OperationRequest, reason: str) -> OperationRequest:
    """The request as an emergency for this reason, if there is one: its title says so wherever it is displayed."""
    if not reason:
        return request
    return replace(
        request, title=f"{EMERGENCY_TITLE}{request.title}", arguments={**request.arguments, EMERGENCY: reason}
    )


@asynccontextmanager
async def refusals_recorded(services: Services, attempt: Entry) -> AsyncIterator[None]:
    """A context in which each Denied is recorded in the audit log, as `attempt` with the reason, before it is raised.

    Repeated attempts are counted (bot/store/refused_attempts.py).
    """
    try:
        yield
    except Denied as denied:
        refused = replace(attempt, detail={**attempt.detail, "why": str(denied)})
        await services.refused_attempts.record(refused, named=await _is_named(services, attempt.actor))
        raise


async def _is_named(services: Services, user: str) -> bool:
    """Whether a rule names this person. If Slack does not say so at once, no rule does: their refusals are counted."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return policy.is_named(services.config, await services.directory.person(user))
    except TimeoutError:
        return False


async def check_may_use(
    services: Services, user: str, command: str, right: Right = "run", target: Target | None = None
) -> Person:
    """The person. Raises Denied, and records it, unless they have this right on the target; without a target, on any."""
    where = target.name if target else ""
    async with refusals_recorded(services, Entry(user, "refused", where, detail={"what": command})):
        person = await services.directory.person(user)
        policy.check_may(services.config, person, Need(right, command), target)
        return person


async def visible_to(services: Services, user: str, command: str, words: str, right: Right = "run") -> Config:
    """The configuration as far as this person may see it; the command's words are read by it, so that no answer says more.

    Raises Denied, and records it, for somebody who sees nothing, and where the words name what they may not see.
    """
    first, second = [*words.replace("!", "").split()[:2], "", ""][:2]
    named = [services.config.find(name) for name in (first, f"{first}{PART}{second}")]
    where = next((each for each in named if each), None)
    tried = Entry(user, "refused", where.name if where else "", detail={"what": f"{command} {words}"[:LONGEST_WORDS]})
    async with refusals_recorded(services, tried):
        person = await services.directory.person(user)
        policy.check_may(services.config, person, policy.SEE, None)
        for target in filter(None, named):
            if not policy.sees(services.config, person, target.name):
                policy.check_may(services.config, person, Need(right, command), target)
    return policy.visible_to(services.config, person)


async def start(
    services: Services, request: OperationRequest, attempt: Entry | None = None, *, typed: bool = True
) -> None:
    """Check the person and the time, then begin the operation durably. Raises UserError and Denied, as `admit`.

    One that is `typed` begins nothing while the same is open, or if it cannot begin (see typed_requests.py).
    """
    channel = await admit(services, request, attempt)
    await services.engine.begin(replace(request_of(request, channel), typed=typed))


async def admit(services: Services, request: OperationRequest, attempt: Entry | None = None) -> str:
    """Check the person, the time and the queue; return the id of the channel. Raises UserError and Denied.

    The audit log records a refusal as `attempt` (of a click, see handlers/shared/permissions.py), else as that of a command.
    """
    async with refusals_recorded(services, attempt or Entry(request.user, "refused", detail={"what": request.title})):
        need, person = rights.need_of(request.kind, request.arguments), await services.directory.person(request.user)
        policy.check_may(services.config, person, need, request.target)
        # What begins another operation later checks then whether the target is open.
        if need.right != "plan" and request.kind != LATER_KIND:
            emergency = need.right == "emergency"
            await closed.check_open(services, request.target, request.user, emergency=emergency)
    try:
        channel = await services.chat.channel_id(request.target.channel)
    except ChatError as error:
        raise UserError(
            f"I cannot post to {request.target.channel} ({error.code}), so I did not start. "
            "Invite me to the channel and try again."
        ) from error
    # The engine waits for a database that is away, and would begin this after the person has read that it failed.
    await check_queue(services, _queue_of(request), request.target.name)
    return channel


async def check_queue(services: Services, queue: str, name: str) -> None:
    """Raises UserError while as many operations are open in this queue, `name` for people, as the configuration allows."""
    limit = services.config.operations.queue_limit
    ahead = await services.operations.open_in(*queue_of(services.config, queue))
    count = len(ahead) + services.engine.unnumbered(queue)
    if count >= limit:
        raise UserError(
            f"The queue of {name} is full: {count} operations are running or waiting "
            f"(operations.queue_limit is {limit}). Nothing was started. Withdraw some of them, or try again later."
        )


def request_of(request: OperationRequest, channel: str) -> Request:
    """The stored form of a request, with its message in the channel of this id."""
    return Request(
        key=request.key,
        kind=request.kind,
        environment=_queue_of(request),
        requester=request.user,
        title=request.title,
        channel=channel,
        arguments=request.arguments,
    )


def _queue_of(request: OperationRequest) -> str:
    return f"{request.target.name}{LANE}{request.lane}" if request.lane else request.target.name
