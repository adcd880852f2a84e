"""The buttons under a deploy that its checks forbade: try it again, or deploy it anyway for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs, policy
from bot.access.rights import EMERGENCY, needed_for
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Button, FollowUp, Modal
from bot.operations.requests import OperationRequest
from bot.slack.modal import open_modal
from handlers.deploy import commit_views
from handlers.deploy.checks import OVERRIDDEN_COMMIT, OVERRIDE_REASON, OVERRIDING, REFUSED
from handlers.deploy.commit_views import AGAIN, ANYWAY, REASON
from handlers.shared import permissions
from handlers.shared.clicks import check_not_begun, clicked, start_follow_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.registry import Click, Submission
    from bot.services import Services
    from bot.slack.blocks.kit import Block
    from bot.store.operations import Record

TRIED_AGAIN = FollowUp(AGAIN, "checks-again-", "tried again")
DEPLOYED_ANYWAY = FollowUp(ANYWAY, "checks-anyway-", "deployed anyway")
BEGUN = "This deploy was begun anew"


async def try_again(services: Services, click: Click) -> None:
    """Begin the same deploy again, once for each message."""
    record = await clicked(services, click)
    request = _request(services, record, click.user, TRIED_AGAIN, _without_override(record))
    await start_follow_up(services, TRIED_AGAIN, record, request, begun=BEGUN)


async def ask_reason(services: Services, click: Click) -> None:
    """Open the modal that asks for the reason, if this person may override the checks."""
    await open_modal(services.chat, click.trigger_id, commit_views.REASON_TITLE, lambda: _reason_modal(services, click))


async def _reason_modal(services: Services, click: Click) -> Block:
    record = await clicked(services, click)
    sha = await _refused_commit(services, record)
    await _check_may_override(services, record, click.user)
    await check_not_begun(services, DEPLOYED_ANYWAY.key(record.number), BEGUN)
    return commit_views.reason_modal(record.number, record.environment, sha[:7])


async def override(services: Services, submission: Submission) -> Mapping[str, str]:
    """Begin the deploy of exactly the commit that was refused, with the reason; everything is checked again."""
    reason = " ".join(submission.values["reason"].split())
    if not reason:
        return {"reason": "Say why, so that others understand it later."}
    try:
        record = await services.operations.get(int(submission.private_metadata))
        sha = await _refused_commit(services, record)
        await _check_may_override(services, record, submission.user)
        reasoned = {OVERRIDDEN_COMMIT: sha, OVERRIDE_REASON: reason[: commit_views.LONGEST_REASON]}
        request = _request(
            services, record, submission.user, DEPLOYED_ANYWAY, {**_without_override(record), **reasoned}
        )
        await check_not_begun(services, request.key, BEGUN)
        attempt = permissions.attempt_on(record, submission.user, DEPLOYED_ANYWAY.words)
        await requests.start(services, request, attempt, typed=False)
    except UserError as error:
        return {"reason": str(error)}
    return {}


async def _refused_commit(services: Services, record: Record) -> str:
    refused = await services.annotations.values_of(record.number, REFUSED)
    if record.kind != "deploy" or not refused:
        raise UserError(f"#{record.number} was not refused by its checks; nothing changed.")
    return refused[0]


async def _check_may_override(services: Services, record: Record, user: str) -> None:
    attempt = permissions.attempt_on(record, user, "deploy anyway")
    await permissions.check_may_approve(services, attempt, needed_for(record), requester=record.requester)


def _request(
    services: Services, record: Record, user: str, follow_up: FollowUp, arguments: Mapping[str, str]
) -> OperationRequest:
    environment = policy.environment_of(services.config, record.environment)
    ref = typed_arguments.ref(arguments["ref"], "/deploy")
    title = inputs.titled(f"Deploy {ref} to {environment.name}", inputs.given(arguments))
    return OperationRequest("deploy", title, user, follow_up.key(record.number), environment, arguments)


def _without_override(record: Record) -> dict[str, str]:
    overriding = (*OVERRIDING, EMERGENCY)  # an emergency is declared anew
    return {name: value for name, value in record.arguments.items() if name not in overriding}


BUTTONS = (Button(AGAIN, try_again), Button(ANYWAY, ask_reason))
MODALS = (Modal(REASON, override),)
FOLLOW_UPS = (TRIED_AGAIN, DEPLOYED_ANYWAY)
