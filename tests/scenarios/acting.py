"""What scenarios have in common: acting, reading, and looking at what the bot has stored."""

from __future__ import annotations

import copy
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from sandbox import waiting
from sandbox.stories._acting import clicks, expect, gets_notice, rejects, shows, types

if TYPE_CHECKING:
    from sandbox.github.repository import Repository
    from sandbox.slack import Message, View
    from sandbox.world import World

__all__ = [
    "answered",
    "asked_of_github",
    "clicks",
    "decisions",
    "expect",
    "forged",
    "gets_notice",
    "infrastructure",
    "operations_in",
    "rejects",
    "shows",
    "thread_of",
    "types",
]
# The bot looks for runs of these at intervals, no matter who started them.
FOLLOWED = tuple(f"/actions/workflows/{name}.yml" for name in ("build-images", "deploy-dev", "deploy-prod"))


def infrastructure(world: World) -> Repository:
    """The repository with workflows, playbooks and Terraform code."""
    return world.github.repository("PermanentOrg/infrastructure")


async def answered(world: World, name: str, message: Message, button: str) -> str:
    """A person presses a button; the bot's answer to them alone, in a message or in a window, which they close."""
    person = world.person(name)
    heard = len(person.ephemerals)
    await person.click(message, button)
    await waiting.until(lambda: len(person.ephemerals) > heard or _is_notice(person.view), 10)
    if person.view is None:
        return person.ephemerals[-1].rendered
    rendered = person.view.rendered
    await person.close(person.view)
    return rendered


def _is_notice(view: View | None) -> bool:
    return view is not None and "submit" not in view.body and "One moment" not in view.rendered


def thread_of(world: World, message: Message) -> str:
    """Everything in a message's thread, as people read it."""
    return "\n".join(reply.rendered for reply in world.channel(message.channel).replies(message.ts))


def decisions(message: Message) -> list[str]:
    """The buttons that would decide something about it: Approve and Reject."""
    return [text for text in message.buttons if text.startswith(("Approve", "Reject"))]


def operations_in(world: World) -> list[tuple[int, str, str]]:
    """Every operation that was ever begun, as (number, title, status)."""
    with closing(sqlite3.connect(f"file:{world.files}/var/signalbox.sqlite?mode=ro", uri=True)) as database:
        return database.execute("SELECT number, title, status FROM signalbox_operations ORDER BY number").fetchall()


def forged(message: Message, **fields: str) -> Message:
    """The message as a client shows it who has changed these fields of its first button (value, action_id)."""
    changed = message.snapshot()
    changed.blocks = copy.deepcopy(changed.blocks)
    row = next(block for block in changed.blocks if block["type"] == "actions")
    row["elements"][0].update(fields)
    return changed


def asked_of_github(world: World) -> list[str]:
    """What was asked of GitHub because somebody did something: without the look for runs that nobody asked for here."""
    return [
        f"{request.method} {request.path}"
        for request in world.github.requests
        if not any(f"{workflow}/runs" in request.path for workflow in FOLLOWED)
    ]
