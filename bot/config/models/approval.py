"""The approval of a change."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from bot.config.models import Model
from bot.config.values import Duration, Person


class Approval(Model):
    """How many distinct people must approve, whether the requester counts, and when the request expires."""

    required: Annotated[int, Field(ge=0, le=10)] = 1
    requester_may_approve: bool = False
    expires_after: Duration = timedelta(hours=1)
    approvers: tuple[Person, ...] | None = None


# For changes that touch nothing in use: one person may request and approve.
SHARED_APPROVAL = Approval(required=1, requester_may_approve=True)
