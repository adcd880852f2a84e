"""Trigger ids: each lets the app open one modal, for three seconds."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from sandbox.slack.clock import Clock

LIFETIME = 3.0


class Triggers:
    """The trigger ids handed out so far."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def give(self, user: str) -> str:
        """A trigger for something that `user` just did."""
        trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._given[trigger] = (user, self._clock.now() + LIFETIME)
        return trigger

    def take(self, trigger: str) -> str:
        """Use a trigger up: the user it stands for.

        Raises:
            ApiError: invalid_trigger_id, expired_trigger_id, exchanged_trigger_id.
        """
        if trigger not in self._given:
            raise ApiError("invalid_trigger_id")
        if trigger in self._used:
            raise ApiError("exchanged_trigger_id")
        user, until = self._given[trigger]
        if self._clock.now() > until:
            raise ApiError("expired_trigger_id")
        self._used.add(trigger)
        return user
