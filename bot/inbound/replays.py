"""A delivery of Slack counts once: a second one with the same trigger, which somebody may have recorded, does nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import DatabaseAwayError, UserError
from bot.inbound.limited_log import LimitedLog
from bot.inbound.refusals import REFUSED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.store.deliveries import Deliveries

HANDLED_WITHIN, POLL = 10.0, 0.25  # seconds
UNCERTAIN = (
    "Slack sent this click again, because the process that received it ended. It may have counted. "
    "Check the message, and press the button again if nothing changed."
)
T = TypeVar("T")
log = logging.getLogger(__name__)


def key_of(body: Mapping[str, Any]) -> str:
    """What makes the delivery unique: its kind and trigger, else all of it."""
    unique = {"type": body.get("type", "command"), "trigger": body["trigger_id"]} if body.get("trigger_id") else body
    return hashlib.sha256(json.dumps(unique, sort_keys=True).encode()).hexdigest()


def _handled(key: str) -> str:
    """The key that is used up once the click of this key is handled."""
    return hashlib.sha256(f"{key} handled".encode()).hexdigest()


class Replays:
    """Lets each delivery pass once."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._under_way: set[str] = set()
        self._log = LimitedLog(log)

    async def is_first(self, body: Mapping[str, Any]) -> bool:
        """Use up the delivery before anything is done for it. Raises DatabaseAwayError."""
        return await self._deliveries.use(key_of(body)) or self._refuse(body)

    async def passes(self, body: Mapping[str, Any]) -> bool:
        """Whether the delivery was not used yet, for what `used` records afterwards.

        For commands and modals: an operation has its key from the same trigger. If the process ends in between, Slack
        may deliver again over Socket Mode, and that must count. Without its database nothing can be begun.
        """
        key = key_of(body)
        if key in self._under_way:
            return self._refuse(body)
        self._under_way.add(key)
        try:
            is_used = await self._deliveries.is_used(key)
        except DatabaseAwayError:
            return True
        except BaseException:
            self._under_way.discard(key)
            raise
        if is_used:
            self._under_way.discard(key)
        return self._refuse(body) if is_used else True

    async def used(self, body: Mapping[str, Any]) -> None:
        """Use up a delivery that has passed."""
        key = key_of(body)
        try:
            await self._record(key)
        finally:
            self._under_way.discard(key)

    async def _record(self, key: str) -> None:
        try:
            await self._deliveries.use(key)
        except DatabaseAwayError as error:
            log.warning("a delivery could not be recorded: %s", error)

    async def once(self, body: Mapping[str, Any], work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` returns; None for a delivery that was used before."""
        if not await self.passes(body):
            return None
        try:
            return await work()
        finally:
            await self.used(body)

    async def click(self, body: Mapping[str, Any], work: Callable[[], Awaitable[T]], *, repeatable: bool) -> T | None:
        """What `work` returns for a click; None for one that another delivery of it has handled.

        Slack delivers a click again over Socket Mode where the process that used it up ended before its acknowledgement. What
        is `repeatable` is done then; for the rest raises UserError, since it may have been done. Raises DatabaseAwayError.
        """
        key = key_of(body)
        if not await self._deliveries.use(key):
            if await self._handled_soon(key):
                self._refuse(body)
                return None
            if not repeatable:
                raise UserError(UNCERTAIN)
        try:
            return await work()
        finally:
            await self._record(_handled(key))

    async def _handled_soon(self, key: str) -> bool:
        """Whether the delivery that used this key up is handled, which is waited for."""
        deadline = time.monotonic() + HANDLED_WITHIN
        while not await self._deliveries.is_used(_handled(key)):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(POLL)
        return True

    def _refuse(self, body: Mapping[str, Any]) -> bool:
        REFUSED.labels("/slack/events", "replay").inc()
        self._log.warning("a %.40s came a second time and was left out", body.get("type", "command"))
        return False
