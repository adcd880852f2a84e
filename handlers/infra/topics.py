"""/infra: topics that are read only; help, how things stand and who did what are here, others in files of their own."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from typing import TYPE_CHECKING, Any

from bot.access import arguments
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Command, HomeTab, Invocation, Topic
from bot.slack.blocks import replies
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from handlers.infra import overview
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.audit import StoredEntry

log = logging.getLogger(__name__)
NAME = "/infra"
SOON = 2.0  # seconds; Slack waits for three
_working: set[asyncio.Task[None]] = set()
USAGE = "/infra help | status | audit [how many]"
MOST_WORDS = 4
MOST_LINES = 30
DIGEST = re.compile(r"\b[0-9a-f]{40,64}\b")
UNSAID = ("url", "status")
# What stands before a detail's value where its name alone would not read well.
IN_WORDS = {
    "binding": "of ",
    "approval": "of ",
    "outcome": "",
    "why": "",
    "changes": "",
    "done": "",
    "how": "",
    "by": "by ",
    "what": "",
    "workflow": "",
    "ref": "",
}


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Hand the words over to their topic; what it reads is answered to the person alone."""
    words = arguments.split(invocation.text, USAGE, most=MOST_WORDS) or ["help"]
    topics = {topic.name: topic for topic in invocation.registry.topics}
    if words[0] not in topics:
        raise UserError(
            f"I do not know {arguments.quoted(words[0])}{arguments.nearest(words[0], topics)} Usage: {USAGE}"
        )
    topic, rest = topics[words[0]], words[1:]
    if len(rest) > topic.most:
        raise UserError(f"That is more than {topic.name} takes. Usage: {topic.usage}")
    await requests.check_may_use(services, invocation.user, f"/infra {topic.name}")
    await services.audit.record(Entry(invocation.user, f"/infra {topic.name}"))
    return await _soon_or_later(services, invocation, topic.handle(services, invocation, rest))


async def _soon_or_later(
    services: Services, invocation: Invocation, work: Coroutine[Any, Any, Message | None]
) -> Message | None:
    """The answer, where it comes in time for Slack; else a word now, and the answer when it is there."""
    task = asyncio.create_task(_worded(work))
    done, _ = await asyncio.wait({task}, timeout=SOON)
    if done:
        return task.result()
    later = asyncio.create_task(_answer_later(services, invocation, task))
    _working.add(later)  # the loop itself would let it be collected
    later.add_done_callback(_working.discard)
    return replies.done(":mag: Looking; this takes a moment. The answer follows here.")


async def _worded(work: Coroutine[Any, Any, Message | None]) -> Message | None:
    try:
        return await work
    except RunnerError as error:
        raise UserError(str(error)) from error


async def _answer_later(services: Services, invocation: Invocation, task: asyncio.Task[Message | None]) -> None:
    try:
        answer = await task
    except UserError as error:
        answer = replies.refusal(str(error))
    except Exception:
        error_id = secrets.token_hex(4)
        log.exception("error %s", error_id)
        answer = replies.apology(error_id)
    try:
        if answer:
            await services.chat.respond(invocation.response_url, answer)
    except ChatError as failure:
        log.warning("the person could not be told: %s", failure)


async def help_page(_: Services, invocation: Invocation, __: Sequence[str]) -> Message:
    """Every command and topic."""
    commands = [(command.usage, command.summary) for command in invocation.registry.commands if command.name != NAME]
    topics = [(topic.usage, topic.summary) for topic in invocation.registry.topics]
    return replies.help_page([*commands, *topics])


async def status(services: Services, _: Invocation, __: Sequence[str]) -> Message:
    """How the environments stand, and the last operations."""
    return await overview.status(services)


async def audit(services: Services, _: Invocation, rest: Sequence[str]) -> Message:
    """The newest lines of the trail."""
    return replies.audit_page([_row(line) for line in await services.audit.read(newest=_how_many(rest))])


def _how_many(rest: Sequence[str]) -> int:
    if not rest:
        return 10
    if not rest[0].isascii() or not rest[0].isdigit() or not 1 <= int(rest[0]) <= MOST_LINES:
        raise UserError(f"{arguments.quoted(rest[0])} is no number from 1 to {MOST_LINES}. Usage: {USAGE}")
    return int(rest[0])


def _row(line: StoredEntry) -> tuple[float, str, str, str]:
    entry = line.entry
    where = f"in {entry.environment}" if entry.environment else ""
    number = f"#{entry.operation}" if entry.operation else ""
    what = " ".join(part for part in (number, entry.action, where) if part)
    return line.at, entry.actor, what, _in_words(entry.detail)[:200]


def _in_words(detail: Mapping[str, object]) -> str:
    """An entry's details as the end of a sentence; addresses are left to the export, and digests are short."""
    parts = []
    for name, value in detail.items():
        if not value or name in UNSAID:
            continue
        value_text = DIGEST.sub(lambda digest: digest[0][:12], str(value))
        parts.append(f"{IN_WORDS.get(name, f'{name} ')}{value_text}")
    return f"({', '.join(parts)})" if parts else ""


TOPICS = (
    Topic("help", "", "What can be asked of Signalbox.", help_page, most=0),
    Topic("status", "", "How the environments stand, and the last operations.", status, most=0),
    Topic("audit", "[how many]", "Who did what: the newest lines of the trail.", audit),
)
COMMANDS = (Command(NAME, USAGE, "help | status | audit", "How things stand, and who did what.", handle),)
HOMES = (HomeTab(overview.publish_home),)
