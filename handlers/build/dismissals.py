"""Saying that a sign of failure is none: with a reason, kept, and shown wherever the sign was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.targets import BUILDS
from bot.errors import UserError
from bot.operations.registry import Button, Click, Modal, Submission
from bot.slack.client import Posted
from bot.store.audit import Entry
from handlers.build import image_views, work as build_work
from handlers.build.image_views import DISMISS, DISMISSAL
from handlers.shared import permissions
from runners.results import Job, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from runners.results import Suspicion


async def dismiss(services: Services, click: Click) -> None:
    """Ask for the reason why a sign of failure is none; only of who may approve for image builds."""
    one = await _suspicion(services, click.value)
    await _check_may(services, click.user, one)
    where = f"{one.id} {click.channel} {click.message_ts}"
    await services.chat.open_view(click.trigger_id, image_views.dismissal_modal(one, where))


async def dismissed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Remember the reason; show it where the sign was told, and what follows from it on the build's board."""
    suspicion_id, channel, ts = submission.private_metadata.split(" ")
    one = await _suspicion(services, suspicion_id)
    await _check_may(services, submission.user, one)
    reason = " ".join(submission.values["reason"].split())
    if not reason:
        return {"reason": "Say why, so that others can follow it."}
    if await services.images.dismiss(one.id, submission.user, reason):
        detail = {"what": f"{one.pattern} ({one.machine} for {one.environment}, run {one.run_id})", "why": reason}
        await services.audit.record(Entry(submission.user, "dismissed a sign of failure", BUILDS, None, detail))
    known = (await services.images.warnings_of([one.job_id]))[one.job_id]
    await services.chat.update(Posted(channel, ts), image_views.warnings(_job(one), known))
    if not any(sign.stands for sign in known):
        await build_work.clear(services, one)
    return {}


def _job(one: Suspicion) -> Job:
    return Job(one.job_id, one.job_name, State.SUCCEEDED, one.job_url)


async def _suspicion(services: Services, suspicion_id: str) -> Suspicion:
    found = await services.images.warning(suspicion_id)
    if found is None:
        raise UserError("I do not know this sign of failure (any more); nothing changed.")
    return found


async def _check_may(services: Services, user: str, one: Suspicion) -> None:
    await permissions.check_may_approve(services, permissions.attempt(user, f"dismiss {one.pattern}", BUILDS))


BUTTONS = (Button(DISMISS, dismiss),)
MODALS = (Modal(DISMISSAL, dismissed),)
