"""Response URLs: each takes five posts within thirty minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from sandbox.slack.clock import Clock

USES = 5
LIFETIME = 30 * 60.0


@dataclass(slots=True)
class ResponseUrl:
    """Who did what where; `message_ts` is the message whose button was clicked, None for a command."""

    user: str
    channel: str
    message_ts: str | None
    ephemeral: bool
    thread_ts: str | None
    until: float
    uses: int = 0


class ResponseUrls:
    """The response URLs handed out so far, by their secret part."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, ResponseUrl] = {}

    def give(
        self,
        user: str,
        channel: str,
        *,
        message_ts: str | None = None,
        ephemeral: bool = False,
        thread_ts: str | None = None,
    ) -> str:
        """The secret part of a new response URL."""
        key = secrets.token_urlsafe(18)
        until = self._clock.now() + LIFETIME
        self._given[key] = ResponseUrl(user, channel, message_ts, ephemeral, thread_ts, until)
        return key

    def take(self, key: str) -> ResponseUrl:
        """Use it once.

        Raises:
            ApiError: invalid_url, expired_url, used_url; status 404 each.
        """
        entry = self._given.get(key)
        if entry is None:
            raise ApiError("invalid_url", status=404)
        if self._clock.now() > entry.until:
            raise ApiError("expired_url", status=404)
        if entry.uses >= USES:
            raise ApiError("used_url", status=404)
        entry.uses += 1
        return entry
