"""The promotion before a deploy: merge a branch into another by pull requests that people open and approve."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from bot.access.rights import needed_for
from bot.errors import Cancelled, UserError
from bot.operations.approval import required_approvals
from bot.operations.registry import Button
from bot.slack.blocks import kit
from bot.store.approvals import Outcome
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.deploy.arguments import repeating_command
from handlers.deploy.promote import pipeline, pipeline_views, steps as promote_steps, views
from handlers.deploy.promote.state import PromotionReader, digest_text, same_to_merge
from handlers.deploy.promote.views import OPEN, SKIP, Promotion, Stage
from handlers.shared import permissions
from handlers.shared.clicks import clicked
from runners.stored import stored

if TYPE_CHECKING:
    from bot.config import Promote
    from bot.operations.operation import Operation
    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView


OFFERED = "promote"  # an argument of a deploy: it begins with the promotion
CHOICE = "promotion"  # the name of annotations: a choice, who made it, and when (Unix seconds)
CHOICE_POLL_INTERVAL = 1.0  # seconds
# The poll interval of GitHub (seconds) while the promotion has taken less than so many seconds; after that the longest.
POLL_INTERVALS = ((120.0, 5.0), (600.0, 15.0))
LONGEST_POLL_INTERVAL = 30.0


@stored("promotion-event")
class Event(StrEnum):
    """What ends a wait of the promotion."""

    DONE = "done"  # nothing is left to promote
    READY = "ready"  # all can be merged
    OPEN = "open"  # a person wants the pull requests opened
    SKIP = "skip"  # a person wants the deploy without them
    EXPIRED = "expired"
    CHANGED = "changed"  # wait again
    ENDED = "ended"  # the operation has ended: rejected, or its approval expired


@stored("promotion-wait")
@dataclass(frozen=True, slots=True)
class WaitResult:
    """The end of a wait: why, the promotions by then, and the person (a user id) who chose it, if any."""

    event: Event
    promotions: tuple[Promotion, ...]
    person: str = ""


async def promoted(operation: Operation) -> tuple[str, ...] | None:
    """Durable: offer the promotion; notices (mrkdwn) for the deploy's message, or None when the operation has ended.

    Does nothing where the environment has no promotion, or the deploy named its ref.
    """
    settings = operation.environment.promote
    if settings is None or OFFERED not in operation.record.arguments:
        return ()
    return await _Workflow(operation, settings).run()


class _Workflow:
    def __init__(self, operation: Operation, settings: Promote) -> None:
        self._operation = operation
        self._settings = settings
        self._reader = PromotionReader(operation.services)
        self._promotions = tuple(Promotion(name, settings.source, settings.target) for name in settings.repositories)
        self._approval: ApprovalView | None = None

    async def run(self) -> tuple[str, ...] | None:
        """See `promoted`."""
        operation, settings = self._operation, self._settings
        message = views.starting(operation.head, settings.source, settings.target)
        await operation.show("promotion", message, Status.RUNNING, f"promotes {settings.source} to {settings.target}")
        try:
            for number in itertools.count(1):
                result = await self._wait(number)
                self._promotions = result.promotions
                if result.event is Event.READY:
                    result = await self._approve_and_merge(number)
                match result.event:
                    case Event.DONE | Event.SKIP:
                        return await self._concluded(result)
                    case Event.OPEN:
                        self._promotions = await promote_steps.open_all(
                            operation, self._promotions, number, result.person
                        )
                    case Event.EXPIRED:
                        await self._end(Status.EXPIRED, self._why_expired())
                        return None
                    case Event.ENDED:
                        return None
        except Cancelled as cancelled:
            await self._end(Status.CANCELLED, f"{kit.escape(str(cancelled))}, nothing was deployed")
        return None

    async def _concluded(self, result: WaitResult) -> tuple[str, ...] | None:
        """Durable: wait for the pipelines of what is promoted; the notices, or None when one has stopped the deploy."""
        operation, skips = self._operation, result.event is Event.SKIP
        skipped_by = result.person if skips else None
        summary = views.summary(self._promotions, skipped_by=skipped_by, approval=self._approval)
        if any(promotion.stage is Stage.MERGED for promotion in self._promotions):
            operation.failure_context = replace(operation.failure_context, done=(summary,))
        if not skips:
            await promote_steps.wait_until_visible(operation, self._promotions)
        if not await operation.services.engine.patched("promote-pipeline"):
            return (summary,)
        pipelines = pipeline.pipelines_of(self._promotions, merged_only=skips)
        if self._settings.pipeline is False or not pipelines:
            return (summary,)
        waited = await pipeline.awaited(operation, self._settings, pipelines, self._skipper)
        if not waited.passed:
            command = repeating_command(operation.environment, operation.record.arguments)
            message = pipeline_views.stopped(operation.head, waited.pipelines, summary, command)
            await operation.end(Status.FAILED, message, outcome="stopped by its pipeline")
            return None
        return (summary, pipeline_views.notice(waited.pipelines, waited.skipped_by))

    async def _skipper(self, began: float, within: float) -> str | None:
        """Who chose since `began` not to wait; waits so many seconds for that."""
        chosen = await self._poll_choice(began, within)
        return chosen.person if chosen and chosen.event is Event.SKIP else None

    async def _wait(self, number: int) -> WaitResult:
        """Durable: wait for the next event."""
        began = await self._operation.step(f"promotion {number}", self._now)

        async def follow() -> WaitResult:
            return await self._operation.unless_cancelled(self._follow(began))

        return await self._operation.step(f"wait for promotion {number}", follow)

    async def _now(self) -> float:
        return self._operation.services.clock()

    async def _follow(self, began: float) -> WaitResult:
        reader, head, promotions = self._reader, self._operation.head, self._promotions
        async with self._operation.live() as live:
            while True:
                promotions = await reader.read(promotions)
                if result := self._result(promotions, began):
                    return result
                live.show(partial(views.waiting, head, promotions, outage_since=reader.outage_since))
                if chosen := await self._poll_choice(began, self._poll_interval(began)):
                    return replace(chosen, promotions=promotions)

    def _result(self, promotions: tuple[Promotion, ...], began: float) -> WaitResult | None:
        if self._reader.outage_since is None:
            if all(promotion.done for promotion in promotions):
                return WaitResult(Event.DONE, promotions)
            if all(promotion.done or promotion.stage is Stage.READY for promotion in promotions):
                return WaitResult(Event.READY, promotions)
        unopened = any(promotion.stage is Stage.UNOPENED for promotion in promotions)
        limit = self._operation.environment.approval.expires_after if unopened else self._settings.wait
        expired = self._operation.services.clock() - began > limit.total_seconds()
        return WaitResult(Event.EXPIRED, promotions) if expired else None

    def _poll_interval(self, began: float) -> float:
        """Seconds until the next poll: longer as the promotion takes longer, and as GitHub asks."""
        passed = self._operation.services.clock() - began
        interval = next((interval for limit, interval in POLL_INTERVALS if passed < limit), LONGEST_POLL_INTERVAL)
        retry_at = self._reader.retry_at
        return max(interval, (retry_at - datetime.now(UTC)).total_seconds()) if retry_at else interval

    async def _poll_choice(self, began: float, within: float) -> WaitResult | None:
        """The choice that a person makes within these seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while True:
            if chosen := await self._choice(began):
                return chosen
            if loop.time() >= end:
                return None
            await asyncio.sleep(min(CHOICE_POLL_INTERVAL, max(end - loop.time(), 0.0)))

    async def _choice(self, began: float) -> WaitResult | None:
        """The first choice since `began` (Unix seconds)."""
        for choice in await self._operation.services.annotations.values_of(self._operation.number, CHOICE):
            event, person, at = choice.split(" ")
            if float(at) >= began:
                return WaitResult(Event(event), (), person)
        return None

    async def _approve_and_merge(self, number: int) -> WaitResult:
        """Durable: ask for approval of exactly these head commits; once approved, merge them."""
        operation, promotions = self._operation, self._promotions
        began = await operation.step(f"ready {number}", self._now)
        asks_again = required_approvals(operation, at_least=0) > 0
        binding = f"promote {operation.number} {number} {digest_text(promotions)}"

        async def overtaken() -> bool:
            if await self._choice(began):
                return True
            now = await self._reader.read(promotions)
            return self._reader.outage_since is None and not same_to_merge(promotions, now)

        view = await operation.approved(
            hashlib.sha256(binding.encode()).hexdigest(),
            required_approvals(operation, at_least=1),
            lambda view: views.ready(operation.head, promotions, view, asks_again=asks_again),
            decided_outside=overtaken,
        )
        if view.outcome == Outcome.OUTSIDE_SLACK:
            chosen = await operation.step(f"chosen {number}", lambda: self._choice(began))
            return chosen or WaitResult(Event.CHANGED, promotions)
        if view.outcome != Outcome.APPROVED:
            await self._end(Status(view.outcome), f"{view.outcome}, nothing was deployed", view)
            return WaitResult(Event.ENDED, promotions)
        self._approval = view
        await operation.show("merging", views.merging(operation.head, promotions, view), Status.RUNNING, "merges")
        self._promotions = await promote_steps.merge_all(operation, promotions, number)
        return WaitResult(Event.CHANGED, self._promotions)

    def _why_expired(self) -> str:
        unopened = any(promotion.stage is Stage.UNOPENED for promotion in self._promotions)
        why = "nobody decided about the pull requests" if unopened else "the pull requests could not be merged"
        return f"{why} in time, so nothing was deployed. Those that are open stay open; run /deploy again"

    async def _end(self, status: Status, news: str, view: ApprovalView | None = None) -> None:
        operation = self._operation
        await operation.end(status, views.ended(operation.head, status.value, news, self._promotions, view))


async def open_pulls(services: Services, click: Click) -> None:
    """Choose to open the pull requests."""
    await _choose(services, click, Event.OPEN, "open pull requests")


async def skip(services: Services, click: Click) -> None:
    """Choose to deploy without the pull requests."""
    await _choose(services, click, Event.SKIP, "deploy without promoting")


async def _choose(services: Services, click: Click, choice: Event, what: str) -> None:
    """Record the choice and wake the operation, if this person may run commands."""
    record = await clicked(services, click)
    attempt = permissions.attempt_on(record, click.user, what)
    await permissions.check_may_use(services, attempt, needed_for(record).command)
    if record.kind != "deploy" or record.status.ended:
        raise UserError(f"#{record.number} is over already; nothing changed.")
    await services.audit.record(Entry(click.user, what, record.environment, record.number))
    await services.annotations.add(record.number, CHOICE, f"{choice} {click.user} {services.clock():.3f}")
    await services.engine.wake(record.number)


BUTTONS = (Button(OPEN, open_pulls), Button(SKIP, skip))
