"""Dismisses a warning from a job's log: the modal for the reason, the permission, the updated messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access.rights import Need
from bot.config.targets import without_lane
from bot.errors import UserError
from bot.operations.registry import Button, Click, Modal, Submission
from bot.slack.client import Posted
from bot.slack.modal import open_modal
from bot.slack.pacing import Lane
from bot.store.audit import Entry
from handlers.build import image_views
from handlers.build.final_message import update_final_message
from handlers.build.image_views import DISMISS, DISMISSAL
from handlers.shared import permissions
from runners.results import Job, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from bot.slack.blocks.kit import Block
    from runners.results import ImageWarning


async def dismiss(services: Services, click: Click) -> None:
    """Open the modal for the reason; only for people who may approve image builds."""
    await open_modal(services.chat, click.trigger_id, image_views.DISMISSAL_TITLE, lambda: _modal(services, click))


async def _modal(services: Services, click: Click) -> Block:
    warning = await _warning(services, click.value)
    await _check_may(services, click.user, warning)
    metadata = f"{warning.id} {click.channel} {click.message_ts}"
    return image_views.dismissal_modal(warning, metadata)


async def dismissed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Record the reason; update the message with the warning, and the build's message when no warning is open any more."""
    warning_id, channel, ts = submission.private_metadata.split(" ")
    warning = await _warning(services, warning_id)
    await _check_may(services, submission.user, warning)
    reason = " ".join(submission.values["reason"].split())
    if not reason:
        return {"reason": "Say why, so that others can follow it."}
    if await services.images.dismiss(warning.id, submission.user, reason):
        detail = {
            "what": f"{warning.pattern} ({warning.machine} for {warning.environment}, run {warning.run_id})",
            "why": reason,
        }
        target = await _target_of(services, warning)
        await services.audit.record(Entry(submission.user, "dismissed a sign of failure", target, None, detail))
    warnings = (await services.images.warnings_of([warning.job_id]))[warning.job_id]
    await services.chat.update(Posted(channel, ts), image_views.warnings(_job_of(warning), warnings), Lane.DECISION)
    if not any(other.is_open for other in warnings):
        await update_final_message(services, warning.operation)
    return {}


def _job_of(warning: ImageWarning) -> Job:
    return Job(warning.job_id, warning.job_name, State.SUCCEEDED, warning.job_url)


async def _warning(services: Services, warning_id: str) -> ImageWarning:
    warning = await services.images.warning(warning_id)
    if warning is None:
        raise UserError("I do not know this sign of failure (any more); nothing changed.")
    return warning


async def _check_may(services: Services, user: str, warning: ImageWarning) -> None:
    attempt = permissions.attempt(user, f"dismiss {warning.pattern}", await _target_of(services, warning))
    await permissions.check_may_approve(services, attempt, Need("run", "/build"))


async def _target_of(services: Services, warning: ImageWarning) -> str:
    """The target of the build that found the warning: its approvers dismiss it."""
    return without_lane((await services.operations.verified(warning.operation)).environment)


BUTTONS = (Button(DISMISS, dismiss),)
MODALS = (Modal(DISMISSAL, dismissed),)
