"""Answers a command where it was typed, once its operation has a message: with a link to that.

A slash command is answered for the person alone, a message to Signalbox in its thread.

Kept in memory: the process that took a command usually begins its operation. If it ends before, the operation's message is
the only answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import TYPE_CHECKING

from bot.config.targets import queue_of
from bot.slack.answer_thread import Thread
from bot.slack.blocks import replies
from bot.slack.client import Posted
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record, Request

log = logging.getLogger(__name__)
MOST = 1_000  # commands whose operation has not begun; what opened a modal stays among them until others take its place


class CommandAnswers:
    """Where to answer the commands that this process has taken, by the key of their request."""

    def __init__(self) -> None:
        self._places: dict[str, str | Thread] = {}
        self._tasks = set[asyncio.Task[None]]()

    def expect(self, key: str, where: str | Thread) -> None:
        """Note where a command is answered once its operation has begun: at its response URL, or in its thread."""
        self._places[key] = where
        if len(self._places) > MOST:
            del self._places[next(iter(self._places))]

    def answered(self, key: str) -> None:
        """Forget a command that has its answer."""
        self._places.pop(key, None)

    async def say(self, services: Services, where: str | Thread, message: Message) -> None:
        """Answer at a response URL or in a thread. Raises ChatError."""
        await _say(services, where, message)

    async def answer(self, services: Services, request: Request, message: Message) -> None:
        """Answer a request that begins nothing, for the person alone: where it was typed, else in its channel."""
        try:
            if where := self._places.pop(request.key, ""):
                await _say(services, where, message)
                return
        except ChatError as failure:
            log.warning("%s is answered in another place than the command: %s", request.requester, failure)
        try:
            await services.chat.whisper(request.channel, request.requester, message)
        except ChatError as failure:
            log.error("%s gets no answer: %s", request.requester, failure)  # noqa: TRY400  -- no fault of Signalbox

    def began(self, services: Services, key: str, number: int) -> None:
        """Answer the command of this key, whose operation has a message now. Returns at once."""
        if where := self._places.pop(key, ""):
            # In a context of its own, this is no part of the workflow that begins the operation.
            task = asyncio.create_task(_answer(services, where, number), context=contextvars.Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop; what is not answered stays so."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _say(services: Services, where: str | Thread, message: Message) -> None:
    match where:
        case str(url):
            await services.chat.respond(url, message)
        case Thread(public=True):
            await services.chat.post(where.channel, message, thread=where.ts)
        case Thread():
            await services.chat.whisper(where.channel, where.user, message, thread=where.ts)


async def _answer(services: Services, where: str | Thread, number: int) -> None:
    try:
        record = await services.operations.get(number)
        link = await services.chat.permalink(Posted(record.channel, record.message_ts or ""))
        queued = await _is_queued(services, record)
        answer = replies.began(record.number, record.title, link, record.channel, queued=queued)
        await _say(services, where, answer)
    except ChatError as failure:
        log.warning("the requester of operation %s gets no answer where the command was typed: %s", number, failure)
    except Exception:
        log.exception("the answer to the command of operation %s", number)


async def _is_queued(services: Services, record: Record) -> bool:
    ahead = await services.operations.open_in(*queue_of(services.config, record.environment))
    return any(other.number < record.number for other in ahead)
