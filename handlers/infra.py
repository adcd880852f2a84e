"""/infra: help, how things stand, who did what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot import requests, words
from bot.audit import Entry
from bot.blocks import replies
from bot.commands import Command, HomeTab, Invocation
from bot.errors import UserError
from handlers import overview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.audit import Line
    from bot.blocks.kit import Message
    from bot.services import Services

USAGE = "/infra help | status | audit [how many]"
TOPICS = ("help", "status", "audit")
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
    """Answer only to the person, reading only."""
    said = words.split(invocation.text, USAGE, most=2) or ["help"]
    topic, rest = said[0], said[1:]
    if topic not in TOPICS:
        raise UserError(f"I do not know {words.shown(topic)}{words.nearest(topic, TOPICS)} Usage: {USAGE}")
    await requests.check_may_use(services, invocation.user, f"/infra {topic}")
    await services.audit.record(Entry(invocation.user, f"/infra {topic}"))
    if topic == "status":
        return await overview.status(services)
    if topic == "audit":
        return replies.audit_page([_row(line) for line in await services.audit.read(newest=_how_many(rest))])
    return replies.help_page(services.help_lines)


def _how_many(rest: list[str]) -> int:
    if not rest:
        return 10
    if not rest[0].isascii() or not rest[0].isdigit() or not 1 <= int(rest[0]) <= MOST_LINES:
        raise UserError(f"{words.shown(rest[0])} is no number from 1 to {MOST_LINES}. Usage: {USAGE}")
    return int(rest[0])


def _row(line: Line) -> tuple[float, str, str, str]:
    entry = line.entry
    where = f"in {entry.environment}" if entry.environment else ""
    number = f"#{entry.operation}" if entry.operation else ""
    what = " ".join(part for part in (number, entry.action, where) if part)
    return line.at, entry.actor, what, _in_words(entry.detail)[:200]


def _in_words(detail: Mapping[str, object]) -> str:
    """An entry's details as the end of a sentence; addresses are left to the export, and digests are short."""
    said = []
    for name, value in detail.items():
        if not value or name in UNSAID:
            continue
        shown = DIGEST.sub(lambda found: found[0][:12], str(value))
        said.append(f"{IN_WORDS.get(name, f'{name} ')}{shown}")
    return f"({', '.join(said)})" if said else ""


COMMANDS = (Command("/infra", USAGE, "help | status | audit", "How things stand, and who did what.", handle),)
HOMES = (HomeTab(overview.publish_home),)
