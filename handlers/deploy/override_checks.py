"""Buttons under a deploy that its checks forbade: once more from the start, or all the same for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, policy
from bot.errors import UserError
from bot.operations import follow_ups, requests
from bot.operations.registry import Button, FollowUp, Modal
from bot.operations.requests import OperationRequest
from bot.slack.blocks import commits
from bot.slack.blocks.commits import AGAIN, ANYWAY, REASON
from handlers.deploy.checks import DESPITE, REFUSED, WHY
from handlers.shared import permissions
from handlers.shared.clicks import clicked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.registry import Click, Submission
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record

TRIED_AGAIN = FollowUp(AGAIN, "checks-again-", "tried again")
ANYWAY_DEPLOY = FollowUp(ANYWAY, "checks-anyway-", "deployed anyway")


async def again(services: Services, click: Click) -> None:
    """Begin the same deploy anew, once for each message."""
    record = await clicked(services, click)
    await _start(services, record, click.user, TRIED_AGAIN, _without_word(record))
    await follow_ups.begun(services, TRIED_AGAIN, record)


async def anyway(services: Services, click: Click) -> Message | None:
    """Ask for the reason, if this person may say so."""
    record = await clicked(services, click)
    sha = await _refused_at(services, record)
    await _check_may(services, record, click.user)
    await _check_not_begun(services, record, ANYWAY_DEPLOY)
    await services.chat.open_view(click.trigger_id, commits.reason_modal(record.number, record.environment, sha[:7]))
    return None


async def reasoned(services: Services, submission: Submission) -> Mapping[str, str]:
    """Begin the deploy of exactly the commit that was refused, with the reason; everything is checked again."""
    reason = " ".join(submission.values["reason"].split())
    if not reason:
        return {"reason": "Say why, so that others understand it later."}
    try:
        record = await services.operations.get(int(submission.private_metadata))
        sha = await _refused_at(services, record)
        await _check_may(services, record, submission.user)
        arguments = {**_without_word(record), DESPITE: sha, WHY: reason[: commits.LONGEST_REASON]}
        await _start(services, record, submission.user, ANYWAY_DEPLOY, arguments)
    except UserError as error:
        return {"reason": str(error)}
    return {}


async def _refused_at(services: Services, record: Record) -> str:
    refused = await services.annotations.values_of(record.number, REFUSED)
    if record.kind != "deploy" or not refused:
        raise UserError(f"#{record.number} was not refused by its checks; nothing changed.")
    return refused[0]


async def _check_may(services: Services, record: Record, user: str) -> None:
    tried = permissions.attempt_on(record, user, "deploy anyway")
    await permissions.check_may_approve(services, tried, requester=record.requester)


async def _check_not_begun(services: Services, record: Record, lead: FollowUp) -> None:
    if begun := await services.operations.started_by(lead.key(record.number)):
        raise UserError(f"This deploy was begun anew from this message already: it is #{begun.number}.")


async def _start(services: Services, record: Record, user: str, lead: FollowUp, arguments: Mapping[str, str]) -> None:
    await _check_not_begun(services, record, lead)
    key = lead.key(record.number)
    environment = policy.environment_of(services.config, record.environment)
    ref = typed_arguments.ref(arguments["ref"], "/deploy")
    request = OperationRequest("deploy", f"Deploy {ref} to {environment.name}", user, key, environment, arguments)
    await requests.start(services, request, permissions.attempt_on(record, user, lead.words))


def _without_word(record: Record) -> dict[str, str]:
    return {name: value for name, value in record.arguments.items() if name not in (DESPITE, WHY)}


BUTTONS = (Button(AGAIN, again), Button(ANYWAY, anyway))
MODALS = (Modal(REASON, reasoned),)
FOLLOW_UPS = (TRIED_AGAIN, ANYWAY_DEPLOY)
