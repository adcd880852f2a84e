"""Comments: what people write in an operation's thread is recorded with it in the audit log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.access import policy
from bot.operations.thread_replies import ThreadListener, ThreadReply
from bot.slack.blocks import kit
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from bot.store.audit import Entry

if TYPE_CHECKING:
    from bot.services import Services

log = logging.getLogger(__name__)
COMMENTED = "commented"  # the action of the audit log's entry
MOST, LONGEST = 50, 500  # comments of an operation, and characters of each; the thread itself has all


async def record(services: Services, reply: ThreadReply) -> None:
    """Record the reply once, if it is in the thread of an operation that its author may see."""
    operation = await services.history.of_message(reply.channel, reply.thread_ts)
    if operation is None:
        return
    author = await services.directory.person(reply.user)
    if not policy.sees(services.config, author, operation.environment):
        return
    detail = {"text": kit.cut(reply.text, LONGEST), "ts": reply.ts, "url": await _address(services, reply)}
    entry = Entry(reply.user, COMMENTED, operation.environment, operation.number, detail)
    await services.audit.record_once(entry, by="ts", most=MOST)


async def _address(services: Services, reply: ThreadReply) -> str:
    try:
        return await services.chat.permalink(Posted(reply.channel, reply.ts))
    except ChatError as error:
        log.warning("the address of a comment in %s: %s", reply.channel, error)
        return ""


THREAD_LISTENERS = (ThreadListener(record),)
