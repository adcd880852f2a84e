"""/infra: finds the topic and answers; its own topics are help, status and audit, and features register others."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bot.access import arguments, policy
from bot.config.targets import find_target
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Command, HomeTab, Invocation, Topic
from bot.slack.answers import answer_of
from bot.slack.blocks import kit, replies
from bot.slack.web_api import ChatError
from bot.store.audit import Entry
from handlers.infra import entry_lines, overview
from handlers.infra.help_views import ITSELF
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.observations import Wanted

log = logging.getLogger(__name__)
NAME, HELP = "/infra", "help"
LOOKING = ":mag: Looking; this takes a moment. The answer follows here."
ANSWER_TIMEOUT = 2.0  # seconds; Slack waits for three
_pending_answers: set[asyncio.Task[None]] = set()
USAGE = "/infra help | status [environment] | audit [how many]"
MOST_ARGUMENTS = 5
MOST_LINES = 30
MOST_READ = 500  # newest entries in which those are searched for that somebody may see who does not see all


async def handle(services: Services, invocation: Invocation) -> Message | None:
    """Pass the arguments to their topic; only the person gets the answer."""
    topics = {topic.name: topic for topic in invocation.registry.topics}
    typed = _words(topics, invocation.text) or [HELP]
    wanted = topics[typed[0]].target if typed[0] in topics else ""
    target = find_target(services.config, wanted) if wanted else None
    if typed[0] != HELP:  # everybody may ask what they may do
        await requests.check_may_use(services, invocation.user, f"/infra {typed[0]}", "see", target)
    if typed[0] not in topics:
        raise UserError(
            f"I do not know {arguments.quoted(typed[0])}{arguments.nearest(typed[0], topics)} Usage: {USAGE}"
        )
    topic, rest = topics[typed[0]], typed[1:]
    if len(rest) > topic.most and not topic.free_text:
        raise UserError(f"That is more than {topic.name} takes. Usage: {topic.usage}")
    detail = {"what": " ".join(rest), "channel": invocation.channel}
    await services.audit.record(Entry(invocation.user, f"/infra {topic.name}", detail=detail))
    return await _answer_now_or_later(services, invocation, topic.handle(services, invocation, rest))


def _words(topics: Mapping[str, Topic], text: str) -> list[str]:
    """The words of the command; those after a topic with free text are any."""
    named = next((topics[word] for word in text.split()[:1] if word in topics), None)
    if named and named.free_text:
        return arguments.free_words(text, named.usage)
    return arguments.split(text, USAGE, most=MOST_ARGUMENTS, people=True)


async def _answer_now_or_later(
    services: Services, invocation: Invocation, work: Coroutine[Any, Any, Message | None]
) -> Message | None:
    """The answer, if it is ready in time for Slack; else a notice, and the answer later."""
    task = asyncio.create_task(_with_user_errors(work))
    done, _ = await asyncio.wait({task}, timeout=ANSWER_TIMEOUT)
    if done:
        return task.result()
    _afterwards(_answer_later(services, invocation, task))
    return replies.done(LOOKING)


def _afterwards(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _pending_answers.add(task)  # the event loop itself holds only a weak reference
    task.add_done_callback(_pending_answers.discard)


def answer_afterwards(services: Services, invocation: Invocation, work: Coroutine[Any, Any, Message | None]) -> Message:
    """Work that asks AWS or GitHub: a notice at once, and the answer when it is ready."""
    task = asyncio.create_task(_with_user_errors(work))
    _afterwards(_answer_later(services, invocation, task))
    return replies.done(LOOKING)


async def _with_user_errors(work: Coroutine[Any, Any, Message | None]) -> Message | None:
    try:
        return await work
    except RunnerError as error:
        raise UserError(str(error)) from error


async def _answer_later(services: Services, invocation: Invocation, task: asyncio.Task[Message | None]) -> None:
    if answer := await answer_of(lambda: task):
        await _respond(services, invocation, answer)


async def _respond(services: Services, invocation: Invocation, answer: Message) -> None:
    try:
        await services.command_answers.say(services, invocation.thread or invocation.response_url, answer)
    except ChatError as failure:
        log.warning("the person could not be told: %s", failure)


async def status(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The environments and the last operations, as far as the person may see them; later with what AWS and GitHub say now."""
    first, wanted = await overview.status(services, invocation.user, words)
    if not services.observations.is_fresh(wanted):
        _afterwards(_fill_in(services, invocation, words, first, wanted))
    return first


async def _fill_in(
    services: Services, invocation: Invocation, words: Sequence[str], first: Message, wanted: Wanted
) -> None:
    await services.observations.refresh(wanted)
    reading = kit.context(overview.READING)

    async def complete() -> Message | None:
        second, _ = await overview.status(services, invocation.user, words)
        before, after = ([block for block in answer.blocks if block != reading] for answer in (first, second))
        return second if before != after else None

    if answer := await answer_of(complete):
        await _respond(services, invocation, answer)


async def audit(services: Services, invocation: Invocation, rest: Sequence[str]) -> Message:
    """The newest entries of the audit log, as far as the person may see them."""
    wanted = _how_many(rest)
    person = await services.directory.person(invocation.user)
    newest = MOST_READ if not policy.sees(services.config, person, "") else wanted
    entries = await services.audit.read(newest=newest)
    visible = [stored for stored in entries if policy.sees(services.config, person, stored.entry.environment)]
    return replies.audit_page([entry_lines.row(stored) for stored in visible[:wanted]])


def _how_many(rest: Sequence[str]) -> int:
    if not rest:
        return 10
    if not rest[0].isascii() or not rest[0].isdigit() or not 1 <= int(rest[0]) <= MOST_LINES:
        raise UserError(f"{arguments.quoted(rest[0])} is no number from 1 to {MOST_LINES}. Usage: {USAGE}")
    return int(rest[0])


TOPICS = (
    Topic("status", "[environment]", "What runs, how healthy it is, what is under way.", status),
    Topic("audit", "[how many]", "Who did what: the newest entries of the audit log.", audit, task=ITSELF),
)
COMMANDS = (Command(NAME, USAGE, "help | status | audit", "How things stand, and who did what.", handle),)
HOMES = (HomeTab(overview.publish_home),)
