"""Emergencies: each is announced loudly, recorded, and reviewed on the next working day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access.rights import EMERGENCY
from bot.config.targets import LANE, without_lane
from bot.operations import notices
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from bot.store.operations import Request

if TYPE_CHECKING:
    from bot.services import Services

REVIEW_KIND = "emergency review"
OF = "of"  # an argument of a review: the number of the emergency


async def report(services: Services, request: Request, number: int) -> None:
    """Durable, once the emergency has a message: notify, record, and begin its review."""
    engine = services.engine
    await engine.step("report emergency", lambda: _report(services, number))
    channel = await engine.step("review channel", lambda: _channel(services, request))
    name = without_lane(request.environment)
    review = Request(
        key=f"review-{number}",
        kind=REVIEW_KIND,
        environment=f"{name}{LANE}review {number}",
        requester="signalbox",
        title=f"Review of emergency #{number} in {name}",
        channel=channel,
        arguments={OF: str(number)},
    )
    await engine.begin(review)


async def _report(services: Services, number: int) -> None:
    record = await services.operations.get(number)
    detail = {"why": record.arguments[EMERGENCY], "what": record.title}
    await services.audit.record_once(Entry(record.requester, "emergency", record.environment, number, detail))
    await notices.report_emergency(services, record)


async def _channel(services: Services, request: Request) -> str:
    try:
        return await services.chat.channel_id(services.config.slack.channel)
    except ChatError:
        return request.channel
