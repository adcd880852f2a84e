"""The queue of an environment: which operation each waits for, as their messages display it.

The queue moves on without its messages: they are drawn in the background, the next in the queue first. Who is far behind
reads only "more than 30 operations", so a change of turn changes a few messages, however long the queue is.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.access.rights import EMERGENCY
from bot.config import worker_labels
from bot.config.targets import queue_of, without_lane
from bot.errors import DatabaseAwayError
from bot.operations import notices
from bot.operations.entries import record_end
from bot.operations.going_first import YIELDING
from bot.operations.posting import deliver, deliver_once
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head
from bot.slack.client import Posted
from bot.slack.pacing import Lane
from bot.slack.web_api import ChatError
from bot.store.operations import Record, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Message

log = logging.getLogger(__name__)
# Operations ahead. Up to the first number a message names the operation directly ahead, then only the number that is exceeded.
DISTANCES = (3, 10, 30, 100, 300, 1_000)
NEAR = DISTANCES[0]
CROWDED = f"room: every machine that may run it is at its limit ({kit.code('operations.at_once')})"
GO_FIRST = "go-first"  # the action of the button that asks to pass a plan
OPEN_AHEAD = "open-ahead"  # the action of the button that opens the message of the one ahead
MOST_URLS = 1_000  # remembered
UNDRAWN = 3  # changes of turn that a process may not have drawn when it was stopped


class QueueDisplay:
    """Draws the messages of queued operations in the background: one task for each environment, whatever changes."""

    def __init__(self) -> None:
        # By queue (the first of its environments) and number, of open operations; unknown after a restart.
        self._displayed: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: set[str] = set()
        self._cancelled: dict[str, list[int]] = {}
        self._unserved: Mapping[str, tuple[str, ...]] = {}
        self._crowded = frozenset[int]()
        self._urls: dict[Posted, str] = {}

    def unserved(self, environments: Mapping[str, tuple[str, ...]]) -> None:
        """Note the environments that no running worker takes, with the labels that one would need."""
        self._unserved = environments

    def crowded(self, numbers: frozenset[int]) -> None:
        """Note the operations that wait for room on any machine."""
        self._crowded = numbers

    def changed(self, services: Services, environment: str) -> None:
        """Draw what has changed in this queue. Returns at once; changes that come together are drawn together."""
        environment = queue_of(services.config, environment)[0]
        self._changed.add(environment)
        if environment not in self._tasks:
            # In a context of its own, this is no part of the workflow that changed the queue.
            work = self._draw(services, environment)
            self._tasks[environment] = asyncio.create_task(work, context=contextvars.Context())

    def announced(self, services: Services, record: Record, text: str) -> None:
        """Note what an operation's first message says."""
        self._displayed[queue_of(services.config, record.environment)[0]][record.number] = text

    def cancelled(self, services: Services, record: Record) -> None:
        """Draw the message of an operation that was cancelled, and the queue without it. Returns at once."""
        self._cancelled.setdefault(queue_of(services.config, record.environment)[0], []).append(record.number)
        self.changed(services, record.environment)

    async def waiting(self, services: Services, record: Record, position: int, ahead: Record) -> tuple[str, Message]:
        """What this queued operation waits for, with so many ahead and `ahead` directly so, and its message that says so."""
        url = await self._url(services, ahead) if position <= NEAR else ""
        text = waits_for(position, ahead, url)
        buttons = [kit.link_button(f"Open #{ahead.number}", OPEN_AHEAD, url)] if url else []
        if ahead.kind in YIELDING and ahead.status is Status.APPROVAL:
            buttons.append(kit.button("Ask to go first", GO_FIRST, str(record.number)))
        return text, common.waiting(head_of(record), f"queued behind {text}", *buttons)

    async def _url(self, services: Services, record: Record) -> str:
        """The address of an operation's message; empty if Slack does not give it."""
        at = Posted(record.channel, record.message_ts or "")
        if at.ts and at not in self._urls:
            if len(self._urls) >= MOST_URLS:
                self._urls.clear()
            try:
                self._urls[at] = await services.chat.permalink(at)
            except ChatError as error:
                log.warning("the address of the message of operation %s: %s", record.number, error)
        return self._urls.get(at, "")

    async def drawn(self) -> None:
        """Wait until everything is drawn that has changed."""
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    async def close(self) -> None:
        """Stop. The next start draws again."""
        tasks = set(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _draw(self, services: Services, environment: str) -> None:
        try:
            while environment in self._changed:
                self._changed.discard(environment)
                await self._draw_due(services, environment)
        except (ChatError, DatabaseAwayError) as error:
            log.warning("the messages of the queue of %s: %s", environment, error)  # the next change draws them
        except Exception:
            log.exception("the messages of the queue of %s", environment)
        finally:
            self._changed.discard(environment)
            del self._tasks[environment]

    async def _draw_due(self, services: Services, environment: str) -> None:
        """Draw the first message that is out of date, as the queue is when Slack takes it, until none is."""
        while True:
            for number in self._cancelled.pop(environment, []):
                await update_cancelled(services, number)
            due = await self._first_due(services, environment)
            if due is None:
                return
            await services.chat.turn(Lane.STATE if due[0] <= NEAR else Lane.PROGRESS)
            due = await self._first_due(services, environment)
            if due is None:
                continue
            _, record, text, message = due
            await deliver_once(services, record.number, message, Status.WAITING)
            self._displayed[environment][record.number] = text

    async def _first_due(self, services: Services, environment: str) -> tuple[int, Record, str, Message] | None:
        records = await services.operations.open_in(*queue_of(services.config, environment))
        numbers = {record.number for record in records}
        for ended in self._displayed[environment].keys() - numbers:
            del self._displayed[environment][ended]
        for first in records[:1]:
            text = self._hindrance(first, environment)
            waits = first.status is Status.WAITING and first.message_ts
            if text and waits and self._displayed[environment].get(first.number) != text:
                return 0, first, text, common.waiting(head_of(first), f"waiting for {text}")
        waiting, displayed = list(_waiting(records)), self._displayed[environment]
        self._assume(displayed, waiting)
        for position, ahead, record in waiting:
            text, message = await self.waiting(services, record, position, ahead)
            if displayed.get(record.number) != text:
                return position, record, text, message
        return None

    def _hindrance(self, first: Record, environment: str) -> str:
        """Why the first of a queue is not taken, in mrkdwn; empty where nothing is known that hinders it."""
        labels = self._unserved.get(worker_labels.environment_of(environment))
        if labels is not None:
            return f"a worker: {kit.escape(worker_labels.missing(labels))}"
        return CROWDED if first.number in self._crowded else ""

    @staticmethod
    def _assume(displayed: dict[int, str], waiting: Iterable[tuple[int, Record, Record]]) -> None:
        """Fill in what is unknown, which it is after a restart: one that is far behind displays what it did some turns ago.

        For all of them at once: while the first are drawn, which takes Slack's time, the queue may move on by more turns.
        """
        for position, ahead, record in waiting:
            if record.number not in displayed and position > NEAR:
                displayed[record.number] = waits_for(position + UNDRAWN, ahead)


def _waiting(records: Sequence[Record]) -> Iterator[tuple[int, Record, Record]]:
    """The queued operations that have a message: how many are ahead, the one directly ahead, the operation."""
    for position, (ahead, behind) in enumerate(pairwise(records), start=1):
        if behind.status is Status.WAITING and behind.message_ts:
            yield position, ahead, behind


def waits_for(position: int, ahead: Record, url: str = "") -> str:
    """What an operation waits for, in mrkdwn, with so many operations ahead and `ahead` directly so, and who can free it.

    `url` is the address of the message of the one ahead.
    """
    if position > NEAR:
        exceeded = max(distance for distance in DISTANCES if distance < position)
        return f"more than {exceeded} operations in the queue of {kit.escape(without_lane(ahead.environment))}"
    activity = f", which {kit.escape(ahead.activity)}" if ahead.activity else ""
    number = kit.link(f"#{ahead.number}", url) if url else f"#{ahead.number}"
    return f"{number} ({kit.escape(ahead.title)}, requested by {kit.user(ahead.requester)}){activity}{_freed_by(ahead)}"


def _freed_by(ahead: Record) -> str:
    """Who can free the queue of the operation that is first in it, as a sentence; empty while that waits itself."""
    if ahead.status is Status.APPROVAL:
        return ". Its approvers can decide it"
    return ". Its requester and its approvers can cancel it" if ahead.status is Status.RUNNING else ""


async def update_cancelled(services: Services, number: int) -> None:
    """Update the message of an operation that was cancelled while it was queued."""
    record, person = await services.operations.get(number), await services.operations.cancel_requested(number)
    news = f"cancelled by {kit.user(person or 'somebody')} before it had begun; nothing was changed"
    message = common.short_message(head_of(record), Status.CANCELLED.value, news)
    await record_end(services, record, Status.CANCELLED, message)
    ended = common.ended_words(record.created_at, record.ended_at or record.created_at)
    await deliver(services, number, kit.with_small_print(message, ended), until_displayed=True)
    await notices.report_end(services, record, Status.CANCELLED, message)


def head_of(record: Record) -> Head:
    """The first line of the operation's message, as a value."""
    reason = record.arguments.get(EMERGENCY, "")
    return Head(record.number, record.title, record.environment, record.requester, reason)
