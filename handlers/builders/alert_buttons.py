"""The buttons of a builder alert: Terminate, Snooze, It is mine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import UserError
from bot.operations.registry import Button, Click, Modal, Submission
from bot.slack.blocks import replies
from bot.slack.modal import open_modal
from bot.store.audit import Entry
from handlers.builders import alert as builder_alert, alert_views
from handlers.shared import permissions
from handlers.shared.clicks import clicked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.operations import Record

HOUR = 3_600.0
MORNING = 9  # o'clock in the user's time zone
HOURS = {"builder-snooze-1h": 1, "builder-snooze-4h": 4}
MOST_HOURS = 72


async def terminate(services: Services, click: Click) -> Message:
    """Request the termination of the builder; the alert's workflow checks and terminates it."""
    record = await _open(services, click, "terminate")
    attempt = permissions.attempt_on(record, click.user, "terminate")
    await permissions.check_may_approve(services, attempt, needed_for(record))
    await _annotate(services, record, builder_alert.TERMINATE, f"{click.user} {services.clock():.0f}")
    await services.audit.record(Entry(click.user, "terminate builder", record.environment, record.number))
    return replies.done(f"#{record.number} is looked at again and then terminated; its message says what comes of it.")


async def snooze(services: Services, click: Click) -> None:
    """Snooze the alert: no reminders and no automatic termination until then."""
    record = await _open(services, click, "snooze")
    now = services.clock()
    until = now + HOURS[click.action_id] * HOUR if click.action_id in HOURS else await _tomorrow(services, click.user)
    await _hold(services, record, builder_alert.SNOOZE, click.user, until)


async def mine(services: Services, click: Click) -> None:
    """Open the modal that asks for how long this user needs the builder."""
    await open_modal(services.chat, click.trigger_id, alert_views.CLAIM_TITLE, lambda: _claim_modal(services, click))


async def _claim_modal(services: Services, click: Click) -> Block:
    record = await _open(services, click, "claim")
    return alert_views.claim_modal(record.number, record.title)


async def claimed(services: Services, submission: Submission) -> Mapping[str, str]:
    """Record that the builder belongs to this user for so many hours."""
    hours = submission.values["hours"]
    if not hours.isdecimal() or not 1 <= int(hours) <= MOST_HOURS:
        return {"hours": f"That is no number of hours from 1 to {MOST_HOURS}."}
    record = await services.operations.get(int(submission.private_metadata))
    try:
        attempt = permissions.attempt_on(record, submission.user, "claim")
        await permissions.check_may_use(services, attempt, needed_for(record).command)
        _check_open(record)
    except UserError as error:
        return {"hours": str(error)}
    await _hold(services, record, builder_alert.MINE, submission.user, services.clock() + int(hours) * HOUR)
    return {}


async def _open(services: Services, click: Click, what: str) -> Record:
    record = await clicked(services, click)
    attempt = permissions.attempt_on(record, click.user, what)
    await permissions.check_may_use(services, attempt, needed_for(record).command)
    _check_open(record)
    return record


def _check_open(record: Record) -> None:
    if record.status.ended:
        raise UserError(f"#{record.number} is over already; there is nothing to do.")


async def _hold(services: Services, record: Record, kind: str, user: str, until: float) -> None:
    await _annotate(services, record, kind, f"{user} {until:.0f} {services.clock():.0f}")
    until_text = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M UTC")
    await services.audit.record(
        Entry(user, f"{kind} builder", record.environment, record.number, {"until": until_text})
    )


async def _annotate(services: Services, record: Record, what: str, value: str) -> None:
    await services.annotations.add(record.number, what, value)
    await services.engine.wake(record.number)


async def _tomorrow(services: Services, user: str) -> float:
    """Nine o'clock of the next day in the user's time zone, in Unix seconds."""
    now = datetime.fromtimestamp(services.clock(), await services.directory.zone(user))
    morning = now.replace(hour=MORNING, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return morning.timestamp()


BUTTONS = (
    Button(alert_views.TERMINATE, terminate),
    *(Button(action, snooze) for action in alert_views.SNOOZES),
    Button(alert_views.MINE, mine),
)
MODALS = (Modal(alert_views.CLAIM, claimed),)
