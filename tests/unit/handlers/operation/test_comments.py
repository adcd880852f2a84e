"""Comments in the threads of operations are recorded with them, once each, and only of people who may see them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.config import read
from bot.operations.thread_replies import ThreadReply
from bot.store.operations import Request
from handlers.operation import comments
from tests.unit.handlers.conftest import FILE, typed

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

REPLY = ThreadReply("U0LEE", "C0STAGING", "1.0", "2.0", "Why now? <b> & `x`")


@pytest.fixture
async def commented(desk: Desk) -> Desk:
    """Operation 1 has a message in #staging."""
    await desk.operations.create(Request("key", "plan", "staging", "U0ANA", "Plan for staging", "C0STAGING", {}))
    await desk.operations.set_message(1, "C0STAGING", "1.0")
    return desk


async def texts(desk: Desk) -> list[tuple[str, str]]:
    """Who commented what, oldest first."""
    entries = [line.entry for line in reversed(await desk.audit.read(newest=999))]
    assert {(each.action, each.operation, each.environment) for each in entries} <= {("commented", 1, "staging")}
    return [(each.actor, str(each.detail["text"])) for each in entries]


async def test_a_comment_is_recorded_once_with_its_link(commented: Desk) -> None:
    await asyncio.gather(*(comments.record(commented.services, REPLY) for _ in range(5)))
    assert await texts(commented) == [("U0LEE", REPLY.text)]
    (line,) = await commented.audit.read(newest=9)
    assert line.entry.detail["url"] == "https://slack.test/C0STAGING/2.0"


@pytest.mark.parametrize("other", [{"thread_ts": "9.9"}, {"channel": "C0DEV"}, {"channel": "", "thread_ts": ""}])
async def test_threads_of_other_messages_are_left_alone(commented: Desk, other: dict[str, str]) -> None:
    await comments.record(commented.services, replace(REPLY, **other))
    assert await texts(commented) == []


async def test_of_people_who_may_not_see_the_environment_nothing_is_recorded(commented: Desk) -> None:
    commented.config = read(FILE.replace('operators: ["usergroup:S0INFRA"]', "operators: [U0ANA]"))
    for user in ("U0GUS", "U0BOT", "B0APP"):
        await comments.record(commented.services, replace(REPLY, user=user))
    await comments.record(commented.services, replace(REPLY, user="U0ANA"))
    assert await texts(commented) == [("U0ANA", REPLY.text)]


async def test_a_flood_is_bounded(commented: Desk) -> None:
    for number in range(comments.MOST + 5):
        await comments.record(commented.services, replace(REPLY, ts=f"{number}.5", text=f"{number} {'y' * 3_000}"))
    recorded = await texts(commented)
    assert len(recorded) == comments.MOST
    assert all(len(text) <= comments.LONGEST for _, text in recorded)


async def test_the_story_and_the_history_have_them(commented: Desk) -> None:
    await comments.record(commented.services, REPLY)
    (topic,) = [each for each in typed("").registry.topics if each.name == "show"]
    story = str(await topic.handle(commented.services, typed("show 1"), ["1"]))
    assert "*commented* by" in story
    assert "(Why now? &lt;b&gt; &amp; `x`)" in story
    assert "https://slack.test/C0STAGING/2.0|open" in story
    (topic,) = [each for each in typed("").registry.topics if each.name == "history"]
    listed = str(await topic.handle(commented.services, typed("history comments"), ["comments"]))
    assert "Why now?" in listed
