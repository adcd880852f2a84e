"""The approval of a change."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.config.models import Model
from bot.config.values import Duration, Person


class Escalation(Model):
    """Who is notified of a request that nobody has decided `after` so long. Only approvers among them may decide."""

    after: Duration
    to: Annotated[tuple[Person, ...], Field(min_length=1)]


class Approval(Model):
    """How many distinct people must approve, whether the requester counts, and when the request expires.

    `remind_before` its expiry those who have not decided are notified again, unless it is open for less than twice as long:
    by a mention, or each by a direct message.
    """

    required: Annotated[int, Field(ge=0, le=10)] = 1
    requester_may_approve: bool = False
    expires_after: Duration = timedelta(hours=1)
    approvers: tuple[Person, ...] | None = None
    remind_before: Duration = timedelta(minutes=10)
    remind_by: Literal["mention", "direct"] = "mention"
    escalate: Escalation | None = None


# For changes that touch nothing in use: one person may request and approve.
SHARED_APPROVAL = Approval(required=1, requester_may_approve=True)
