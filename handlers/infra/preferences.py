"""The Home tab's buttons about notifications: direct messages in place of mentions, and quiet hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.operations.registry import Button, Click, Modal, Submission
from bot.slack.blocks import preferences as views
from bot.slack.blocks.preferences import ENDED, FROM, ON, QUIET, QUIET_HOURS, QUIET_TITLE, TO, TURN
from bot.slack.modal import open_modal
from bot.store.audit import Entry
from handlers.infra import overview
from handlers.shared import permissions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from bot.slack.blocks.kit import Block

CHANGED = "notifications changed"


async def choose_turn(services: Services, click: Click) -> None:
    """Send this person direct messages when they may approve, or mention them."""
    await _check(services, click.user)
    await services.preferences.change(click.user, turn=click.value == ON)
    await _changed(services, click.user, f"to approve: direct messages {click.value}")


async def choose_ended(services: Services, click: Click) -> None:
    """Send this person direct messages when what they requested ends, or mention them."""
    await _check(services, click.user)
    await services.preferences.change(click.user, ended=click.value == ON)
    await _changed(services, click.user, f"of an end: direct messages {click.value}")


async def ask_quiet_hours(services: Services, click: Click) -> None:
    """Open the modal of the quiet hours."""
    await open_modal(services.chat, click.trigger_id, QUIET_TITLE, lambda: _modal(services, click.user))


async def _modal(services: Services, user: str) -> Block:
    await _check(services, user)
    return views.quiet_modal((await services.preferences.of([user]))[user].quiet)


async def submitted(services: Services, submission: Submission) -> Mapping[str, str]:
    """Store the quiet hours."""
    await _check(services, submission.user)
    begin, end = (int(submission.values[name]) for name in (FROM, TO))
    await services.preferences.change(submission.user, quiet=(begin, end))
    await _changed(services, submission.user, f"quiet from {views.hour(begin)} to {views.hour(end)}")
    return {}


async def _check(services: Services, user: str) -> None:
    await permissions.check_may_use(services, permissions.attempt(user, "choose notifications"), "", "see")


async def _changed(services: Services, user: str, what: str) -> None:
    await services.audit.record(Entry(user, CHANGED, detail={"what": what}))
    await overview.publish_home(services, user)


BUTTONS = (Button(TURN, choose_turn), Button(ENDED, choose_ended), Button(QUIET, ask_quiet_hours))
MODALS = (Modal(QUIET_HOURS, submitted),)
