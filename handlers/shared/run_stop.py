"""Stops a run that an operation follows: after Cancel, or when its time is over, GitHub cancels it, at last by force."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.errors import DatabaseAwayError
from bot.operations.entries import annotate_once
from bot.slack.blocks import kit
from runners import phrases
from runners.errors import RunnerError
from runners.github.runs import reruns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bot.operations.operation import Operation
    from bot.slack.live import LiveMessage
    from runners.results import WorkflowRun

log = logging.getLogger(__name__)
POLL = 1.0  # seconds
# A job gets 10 s to stop, and `if: always()` steps run on after that; most are over well within this.
FORCE_AFTER = 120.0
GIVE_UP_AFTER = 120.0  # seconds after that; what GitHub does not end blocks its environment no longer


class RunStop:
    """Use `watching` while the run is followed. Nothing of it is durable: whatever is under way is requested again.

    `limit` is the run's time in seconds, None for none. `give_up` is called where GitHub does not end the run.
    """

    def __init__(self, operation: Operation, run_id: int, limit: float | None, give_up: Callable[[], None]) -> None:
        self._operation = operation
        self._run_id = run_id
        self._limit = limit
        self._give_up = give_up
        self.cancelled_by = ""
        self.overdue = False

    @asynccontextmanager
    async def watching(self, live: LiveMessage, newest: list[WorkflowRun]) -> AsyncIterator[None]:
        """While it is open, Cancel and the time limit end the run; `newest` holds its newest state."""
        task = asyncio.create_task(self._watch(live, newest))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _watch(self, live: LiveMessage, newest: list[WorkflowRun]) -> None:
        try:
            while True:
                if await self._is_due(newest):
                    break
                await asyncio.sleep(POLL)
            await self._cancel(live, newest[-1] if newest else None, force=False)
            await asyncio.sleep(FORCE_AFTER)
            await self._cancel(live, newest[-1] if newest else None, force=True)
            await asyncio.sleep(GIVE_UP_AFTER)
        except Exception:
            log.exception("operation %s: run %s cannot be stopped", self._operation.number, self._run_id)
        self._give_up()

    async def _is_due(self, newest: list[WorkflowRun]) -> bool:
        services = self._operation.services
        try:
            person = await services.operations.cancel_requested(self._operation.number)
        except DatabaseAwayError as error:
            log.warning("operation %s: whether it is to be cancelled: %s", self._operation.number, error)
            return False
        began = newest[-1].created_at.timestamp() if newest else services.clock()
        self.overdue = self._limit is not None and services.clock() - began > self._limit
        self.cancelled_by = person or ""
        return bool(person) or self.overdue

    async def _cancel(self, live: LiveMessage, run: WorkflowRun | None, *, force: bool) -> None:
        operation = self._operation
        why = f"Cancelled by {kit.user(self.cancelled_by)}" if self.cancelled_by else self._too_long()
        try:
            await reruns.cancel(operation.services.github, operation.repository, self._run_id, force=force)
        except RunnerError as error:
            problem = kit.escape(operation.services.redact(error.problem))
            live.note(f":x: {why}, but GitHub does not cancel the run: {problem}. Cancel it there.")
            return
        action, how = ("run cancelled by force", " by force") if force else ("run cancelled", "")
        detail = {"run": run.url} if run else {"run": str(self._run_id)}
        await annotate_once(operation, action, **detail, by=self.cancelled_by or "the time limit")
        live.note(f":octagonal_sign: {why}: GitHub ends the run{how}.")

    def _too_long(self) -> str:
        return f"Not done within {phrases.duration(self._limit or 0.0)}"
