"""Deploy again, Plan again, ...: the button of the notice of an end, which requests the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.access.rights import EMERGENCY, need_of
from bot.errors import UserError
from bot.operations import follow_ups, requests
from bot.operations.notices import AGAIN, AGAIN_ACTION, REPEATABLE
from bot.operations.registry import Button, Click
from bot.operations.requests import OperationRequest
from bot.slack.blocks.common import replace_button
from bot.slack.retry import with_retries
from handlers.shared import permissions
from handlers.shared.clicks import check_not_begun, end_notice, recorded

if TYPE_CHECKING:
    from bot.services import Services
    from bot.store.operations import Record

KEY = "again-"  # before the operation's number, as the button "New plan" has it: either begins it once
WORDS = "requested again"


async def again(services: Services, click: Click) -> None:
    """Request the same again for the person who presses, with all checks, once for each operation."""
    record = await recorded(services, click.value)
    tried = permissions.attempt_on(record, click.user, "request again")
    need = need_of(record.kind, _arguments(record, click))
    await permissions.check_may_use(services, tried, need.command, need.right)
    at, notice = await end_notice(services, record, click)
    if record.kind not in AGAIN or record.status not in REPEATABLE:
        raise UserError(f"#{record.number} cannot be requested again; nothing changed.")
    key = f"{KEY}{record.number}"
    await check_not_begun(services, key, "The same was requested again")
    services.command_answers.expect(key, click.response_url)
    await requests.start(services, _request(services, record, click, key), tried, typed=False)
    newer = await follow_ups.wait_for_started(services, key)
    if newer:
        link = await follow_ups.linked(services, newer)
        changed = replace_button(notice, AGAIN_ACTION, WORDS, link)
        if changed:
            await with_retries(lambda: services.chat.update(at, changed))


def _request(services: Services, record: Record, click: Click, key: str) -> OperationRequest:
    """The request of the operation, without what only its own requester was allowed."""
    target = policy.target_of(services.config, record.environment)
    title = record.title.removeprefix(requests.EMERGENCY_TITLE)
    lane = record.environment.removeprefix(target.name).removeprefix("/")
    return OperationRequest(record.kind, title, click.user, key, target, _arguments(record, click), lane=lane)


def _arguments(record: Record, click: Click) -> dict[str, str]:
    """The operation's arguments without what counts once; an emergency is declared anew."""
    once = next((kind.once for kind in click.registry.kinds if kind.name == record.kind), ())
    return {name: value for name, value in record.arguments.items() if name not in (*once, EMERGENCY)}


BUTTONS = (Button(AGAIN_ACTION, again),)
