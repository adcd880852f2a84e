"""Before a deploy: bring one branch into another by pull requests, which a person opens and approves by clicks."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import Cancelled, UserError
from bot.operations.registry import Button
from bot.slack.blocks import kit
from bot.store.approvals import Outcome
from bot.store.audit import Entry
from bot.store.operations import Status
from handlers.deploy.promote import steps as promote_steps, views
from handlers.deploy.promote.state import Looking, digest_text, same_to_merge
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


OFFERED = "promote"  # an argument of a deploy: it is asked first what is to be promoted
CHOICE = "promotion"  # notes of this name: what somebody chose, who, and when (Unix seconds)
LOOK_FOR_CHOICE_EVERY = 1.0
PACE = ((120.0, 5.0), (600.0, 15.0))  # up to so many seconds: look every so many
SLOWEST = 30.0


@stored("promotion-event")
class Event(StrEnum):
    """What ends the waiting."""

    OVER = "over"  # nothing is left to promote
    READY = "ready"  # all can be merged
    OPEN = "open"  # somebody wants the pull requests opened
    SKIP = "skip"  # somebody wants the deploy without them
    LATE = "late"
    AGAIN = "again"  # something changed: look once more
    ENDED = "ended"  # rejected or expired, and said


@stored("promotion-observation")
@dataclass(frozen=True, slots=True)
class Seen:
    """How it stood when the waiting ended, why it did, and who chose it where somebody did."""

    event: Event
    promotions: tuple[Promotion, ...]
    person: str = ""


async def promoted(operation: Operation) -> tuple[str, ...] | None:
    """Durable: offer what is to be promoted; what to say of it (escaped), or None when the operation is over.

    Nothing is done, and nothing is said, where the environment has no promotion or the deploy named its ref.
    """
    settings = operation.environment.promote
    if settings is None or OFFERED not in operation.record.arguments:
        return ()
    return await _Promoting(operation, settings).run()


class _Promoting:
    def __init__(self, operation: Operation, settings: Promote) -> None:
        self._operation = operation
        self._settings = settings
        self._looking = Looking(operation.services)
        self._now = tuple(Promotion(name, settings.source, settings.target) for name in settings.repositories)
        self._approval: ApprovalView | None = None

    async def run(self) -> tuple[str, ...] | None:
        operation, settings = self._operation, self._settings
        message = views.looking(operation.head, settings.source, settings.target)
        await operation.show("promotion", message, Status.RUNNING, f"promotes {settings.source} to {settings.target}")
        try:
            for number in itertools.count(1):
                seen = await self._waited(number)
                self._now = seen.promotions
                if seen.event is Event.READY:
                    seen = await self._decided(number)
                match seen.event:
                    case Event.OVER:
                        await promote_steps.landed(operation, self._now)
                        return (views.notes(self._now, approval=self._approval),)
                    case Event.SKIP:
                        return (views.notes(self._now, skipped_by=seen.person, approval=self._approval),)
                    case Event.OPEN:
                        self._now = await promote_steps.open_all(operation, self._now, number, seen.person)
                    case Event.LATE:
                        await self._end(Status.EXPIRED, self._why_late())
                        return None
                    case Event.ENDED:
                        return None
        except Cancelled as cancelled:
            await self._end(Status.CANCELLED, f"{kit.escape_but_people(str(cancelled))}, nothing was deployed")
        return None

    async def _waited(self, number: int) -> Seen:
        began = await self._operation.step(f"promotion {number}", self._clock)

        async def follow() -> Seen:
            return await self._operation.unless_cancelled(self._follow(began))

        return await self._operation.step(f"wait for promotion {number}", follow)

    async def _clock(self) -> float:
        return self._operation.services.clock()

    async def _follow(self, began: float) -> Seen:
        looking, head, now = self._looking, self._operation.head, self._now
        async with self._operation.live() as live:
            while True:
                now = await looking.again(now)
                if ended := self._ended(now, began):
                    return ended
                silent = looking.silent_since
                live.show(lambda now=now, silent=silent: views.under_way(head, now, silent_since=silent))  # type: ignore[misc]
                if chosen := await self._choice(began, await self._pause(began)):
                    return replace(chosen, promotions=now)

    def _ended(self, now: tuple[Promotion, ...], began: float) -> Seen | None:
        if self._looking.silent_since is None:
            if all(one.over for one in now):
                return Seen(Event.OVER, now)
            if all(one.over or one.stage is Stage.READY for one in now):
                return Seen(Event.READY, now)
        unopened = any(one.stage is Stage.UNOPENED for one in now)
        limit = self._operation.environment.approval.expires_after if unopened else self._settings.wait
        late = self._operation.services.clock() - began > limit.total_seconds()
        return Seen(Event.LATE, now) if late else None

    async def _pause(self, began: float) -> float:
        """Seconds until the next look: slower as it takes longer, and as GitHub asks."""
        passed = self._operation.services.clock() - began
        pause = next((every for limit, every in PACE if passed < limit), SLOWEST)
        until = self._looking.patience_until
        return max(pause, (until - datetime.now(UTC)).total_seconds()) if until else pause

    async def _choice(self, began: float, within: float) -> Seen | None:
        """What somebody chooses within these seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        while True:
            if chosen := await self._chosen(began):
                return chosen
            if loop.time() >= end:
                return None
            await asyncio.sleep(min(LOOK_FOR_CHOICE_EVERY, max(end - loop.time(), 0.0)))

    async def _chosen(self, began: float) -> Seen | None:
        for choice in await self._operation.services.annotations.values_of(self._operation.number, CHOICE):
            word, person, at = choice.split(" ")
            if float(at) >= began:
                return Seen(Event(word), (), person)
        return None

    async def _decided(self, number: int) -> Seen:
        """Ask for approval of exactly what was seen; once approved, merge it."""
        operation, now = self._operation, self._now
        began = await operation.step(f"ready {number}", self._clock)
        asks_again = policy.required_approvals(operation.environment, at_least=0) > 0
        seen = f"promote {operation.number} {number} {digest_text(now)}"

        async def overtaken() -> bool:
            if await self._chosen(began):
                return True
            later = await self._looking.again(now)
            return self._looking.silent_since is None and not same_to_merge(now, later)

        view = await operation.approved(
            hashlib.sha256(seen.encode()).hexdigest(),
            policy.required_approvals(operation.environment, at_least=1),
            lambda view: views.ready(operation.head, now, view, asks_again=asks_again),
            elsewhere=overtaken,
        )
        if view.outcome == Outcome.OUTSIDE_SLACK:
            chosen = await operation.step(f"chosen {number}", lambda: self._chosen(began))
            return chosen or Seen(Event.AGAIN, now)
        if view.outcome != Outcome.APPROVED:
            await self._end(Status(view.outcome), f"{view.outcome}, nothing was deployed", view)
            return Seen(Event.ENDED, now)
        self._approval = view
        await operation.show("merging", views.merging(operation.head, now, view), Status.RUNNING, "merges")
        self._now = await promote_steps.merge_all(operation, now, number)
        return Seen(Event.AGAIN, self._now)

    def _why_late(self) -> str:
        unopened = any(one.stage is Stage.UNOPENED for one in self._now)
        why = "nobody decided about the pull requests" if unopened else "the pull requests could not be merged"
        return f"{why} in time, so nothing was deployed. Those that are open stay open; run /deploy again"

    async def _end(self, status: Status, news: str, view: ApprovalView | None = None) -> None:
        operation = self._operation
        await operation.end(status, views.ended(operation.head, status.value, news, self._now, view))


async def open_pulls(services: Services, click: Click) -> None:
    """Let the pull requests be opened."""
    await _choose(services, click, Event.OPEN, "open pull requests")


async def skip(services: Services, click: Click) -> None:
    """Let the deploy go on without them."""
    await _choose(services, click, Event.SKIP, "deploy without promoting")


async def _choose(services: Services, click: Click, choice: Event, what: str) -> None:
    record = await clicked(services, click)
    await permissions.check_may_use(services, permissions.attempt_on(record, click.user, what))
    if record.kind != "deploy" or record.status.ended:
        raise UserError(f"#{record.number} is over already; nothing changed.")
    await services.audit.record(Entry(click.user, what, record.environment, record.number))
    await services.annotations.add(record.number, CHOICE, f"{choice} {click.user} {services.clock():.3f}")
    await services.engine.wake(record.number)


BUTTONS = (Button(OPEN, open_pulls), Button(SKIP, skip))
