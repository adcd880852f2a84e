"""From a command to a durable request: who may, when, where its message goes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import LANE
from bot.errors import Denied, UserError
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.config.targets import Target
    from bot.services import Services


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What somebody wants done. `key` is the same when Slack delivers the same wish again.

    With a `lane` ("run 4711") it waits for nothing else of its place, only for what has the same lane.
    """

    kind: str
    title: str
    user: str
    key: str
    target: Target
    arguments: Mapping[str, str] = field(default_factory=dict)
    lane: str = ""


@asynccontextmanager
async def refusals_recorded(services: Services, attempt: Entry) -> AsyncIterator[None]:
    """A context in which each Denied is recorded in the audit log, as `attempt` with the reason, before it is raised."""
    try:
        yield
    except Denied as denied:
        await services.audit.record(replace(attempt, detail={**attempt.detail, "why": str(denied)}))
        raise


async def check_may_use(services: Services, user: str, command: str) -> None:
    """Raises Denied, and records it, unless this person may run commands."""
    async with refusals_recorded(services, Entry(user, "refused", detail={"what": command})):
        policy.check_may_use(services.config, await services.directory.person(user))


async def start(services: Services, wish: OperationRequest, attempt: Entry | None = None) -> None:
    """Check the person and the time, then begin the operation durably. Raises UserError and Denied.

    The audit log records a refusal as `attempt` (of a click, see handlers/shared/permissions.py), else as that of a command.
    """
    async with refusals_recorded(services, attempt or Entry(wish.user, "refused", detail={"what": wish.title})):
        policy.check_may_use(services.config, await services.directory.person(wish.user))
        policy.check_window(wish.target, datetime.fromtimestamp(services.clock(), UTC))
    try:
        channel = await services.chat.channel_id(wish.target.channel)
    except ChatError as error:
        raise UserError(
            f"I cannot post to {wish.target.channel} ({error.code}), so I did not start. "
            "Invite me to the channel and try again."
        ) from error
    # The engine waits for a database that is away, and would begin this after Slack has told the person that it failed.
    await services.operations.recent(1)
    await services.engine.begin(request_of(wish, channel))


def request_of(wish: OperationRequest, channel: str) -> Request:
    """The request that begins what is wished, with its message in the channel of this id."""
    return Request(
        key=wish.key,
        kind=wish.kind,
        environment=f"{wish.target.name}{LANE}{wish.lane}" if wish.lane else wish.target.name,
        requester=wish.user,
        title=wish.title,
        channel=channel,
        arguments=wish.arguments,
    )
