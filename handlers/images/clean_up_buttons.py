"""The buttons of a clean-up's message: exclude candidates, and take back a clean-up whose images are disabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import UserError
from bot.operations.registry import Button, Click, Modal, Submission
from bot.slack.modal import open_modal
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.images import clean_up_views
from handlers.images.clean_up import TAKEN_BACK
from handlers.shared import permissions
from handlers.shared.clicks import clicked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from bot.slack.blocks.kit import Block
    from bot.store.operations import Record


async def choose(services: Services, click: Click) -> None:
    """Open the modal that asks which candidates to exclude; only for people who may approve."""
    await open_modal(
        services.chat, click.trigger_id, clean_up_views.CHOICE_TITLE, lambda: _choice_modal(services, click)
    )


async def _choice_modal(services: Services, click: Click) -> Block:
    record = await clicked(services, click)
    await _check(services, click.user, record, "choose images")
    candidates = await services.removals.proposed_by(record.number)
    return clean_up_views.choice_modal(record.number, candidates, services.clock())


async def chosen(services: Services, submission: Submission) -> Mapping[str, str]:
    """Exclude these candidates; a new approval replaces the current one, whose votes no longer count."""
    record = await services.operations.get(int(submission.private_metadata))
    try:
        await _check(services, submission.user, record, "choose images")
    except UserError as error:
        return {"stay": str(error)}
    excluded = [image_id for image_id in submission.values["stay"].split(",") if image_id]
    candidates = await services.removals.proposed_by(record.number)
    if len(excluded) >= len(candidates):
        return {"stay": "Then nothing would go: reject the clean-up instead."}
    await services.removals.exclude(record.number, excluded, submission.user)
    await services.approvals.supersede(record.number)
    detail = {"stay": ", ".join(excluded)[:300]}
    await services.audit.record(Entry(submission.user, "chose images", record.environment, record.number, detail))
    await services.engine.wake(record.number)
    return {}


async def take_back(services: Services, click: Click) -> None:
    """Request that the disabled images are enabled again, as long as none is removed; only for people who may approve."""
    record = await clicked(services, click)
    await _check(services, click.user, record, "take the clean-up back", Status.RUNNING)
    await services.annotations.add(record.number, TAKEN_BACK, click.user)
    await services.audit.record(Entry(click.user, "took the clean-up back", record.environment, record.number))
    await services.engine.wake(record.number)


async def _check(services: Services, user: str, record: Record, what: str, status: Status = Status.APPROVAL) -> None:
    tried = permissions.attempt_on(record, user, what)
    await permissions.check_may_approve(services, tried, needed_for(record), requester=record.requester)
    if record.status is not status:
        raise UserError(f"It is too late for that: #{record.number} is {record.activity or record.status.value} now.")


BUTTONS = (Button(clean_up_views.CHOOSE, choose), Button(clean_up_views.UNDO, take_back))
MODALS = (Modal(clean_up_views.CHOICE, chosen),)
