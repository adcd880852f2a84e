"""Slash commands as Slack delivers them, and a client that posts many at a time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

from sandbox.github.commits import Author
from sandbox.slack import sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.world import World

ANA, OPS = "U0ANA", "C0OPS"
# Ana types what a whole team would.
UNLIMITED = {"access:\n": "access:\n  commands_per_minute: 1000000\n"}


@dataclass(frozen=True)
class Post:
    """A signed request, made beforehand so that signing does not count."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer, and after how many seconds it came."""

    status: int
    body: str
    seconds: float


def branches(world: World, names: Iterable[str]) -> None:
    """Make these branches of the infrastructure's repository, each with a commit of its own."""
    repository = world.github.repository("PermanentOrg/infrastructure")
    for name in names:
        repository.graph.branch(name, "main")
        repository.graph.commit(name, {"README.md": name}, name, Author("Lee Park", "lee@lineside.example", "lee-park"))


def command(text: str, *, trigger: str, secret: str, channel: str = OPS) -> Post:
    """The request for `text` typed by Ana; `trigger` distinguishes it from all others. The signature is valid for five minutes."""
    name, _, words = text.partition(" ")
    fields = {
        "team_id": "T0SANDBOX",
        "team_domain": "lineside",
        "channel_id": channel,
        "channel_name": "ops",
        "user_id": ANA,
        "user_name": "ana",
        "command": name,
        "text": words,
        "api_app_id": "A0SIGNAL",
        "is_enterprise_install": "false",
        "response_url": "http://127.0.0.1:9/hooks/commands/T0SANDBOX/never-used",
        "trigger_id": trigger,
    }
    body, timestamp = urlencode(fields).encode(), str(int(time.time()))
    signed = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": sign(body, timestamp, secret)}
    return Post(body, {"Content-Type": "application/x-www-form-urlencoded", **signed})


async def volley(url: str, posts: Sequence[Post], *, at_once: int) -> list[Answer]:
    """Send all posts, at most `at_once` of them at a time. Raises the errors of aiohttp."""
    answers: list[Answer] = []
    remaining = iter(posts)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_send_all(session, url, remaining, answers))
    return answers


async def rate(url: str, posts: Sequence[Post], *, at_once: int) -> tuple[float, list[Answer]]:
    """Requests per second for all posts together, and the answers."""
    began = time.perf_counter()
    answers = await volley(url, posts, at_once=at_once)
    return len(posts) / (time.perf_counter() - began), answers


async def _send_all(session: aiohttp.ClientSession, url: str, remaining: Iterable[Post], answers: list[Answer]) -> None:
    for post in remaining:
        began = time.perf_counter()
        async with session.post(url, data=post.body, headers=post.headers) as response:
            body = await response.text()
        answers.append(Answer(response.status, body, time.perf_counter() - began))
