"""The trail as /infra audit shows it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import UserError
from bot.operations.registry import Registry, Topic
from bot.slack.blocks import replies
from bot.store.audit import Entry
from handlers.infra import topics as infra_topics
from runners.errors import UnavailableError
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import typed

if TYPE_CHECKING:
    from bot.operations.registry import Invocation
    from bot.slack.blocks.kit import Message
    from tests.unit.handlers.conftest import Desk


async def test_the_trail_reads_as_sentences_with_short_digests(desk: Desk) -> None:
    await desk.audit.record(
        Entry("U0LEE", "approved", "staging", 2, {"binding": "0123456789abcdef" * 4, "outcome": "approved"})
    )
    await desk.audit.record(
        Entry(
            "signalbox", "apply started", "staging", 2, {"commit": "abc1234", "plan": "d" * 12, "changes": "1 to add"}
        )
    )
    await desk.audit.record(
        Entry(
            "signalbox", "ended", "staging", 2, {"status": "succeeded", "outcome": "applied", "url": "https://x.test"}
        )
    )
    answer = await infra_topics.handle(desk.services, typed("audit 4"))
    assert answer is not None
    text = read(answer)
    assert "@lee #2 approved in staging (approved)" in text
    assert "#2 apply started in staging (commit abc1234, plan dddddddddddd, 1 to add)" in text
    assert "#2 ended in staging (applied)" in text
    assert "=" not in text


def probing(work: Any) -> Invocation:
    """A topic that only this test knows, as typed."""
    return typed("probe", registry=Registry(topics=(Topic("probe", "", "", work, most=0),)))


async def test_what_takes_longer_than_slack_waits_is_answered_when_it_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(infra_topics, "ANSWER_TIMEOUT", 0.01)
    go = asyncio.Event()

    async def slow(*_: Any) -> Message:
        await go.wait()
        return replies.done("found")

    answer = await infra_topics.handle(desk.services, probing(slow))
    assert answer is not None
    assert "The answer follows here" in read(answer)
    go.set()
    await asyncio.gather(*infra_topics._pending_answers)
    assert [read(message) for message in desk.chat.told] == ["found"]


@pytest.mark.parametrize("late", [False, True])
async def test_what_a_runner_cannot_do_is_said_in_its_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    monkeypatch.setattr(infra_topics, "ANSWER_TIMEOUT", 0.01 if late else 5.0)

    async def fails(*_: Any) -> Message:
        await asyncio.sleep(0.1)
        raise UnavailableError("looking up images", "AWS cannot be reached")

    if late:
        await infra_topics.handle(desk.services, probing(fails))
        await asyncio.gather(*infra_topics._pending_answers)
        assert "AWS cannot be reached" in read(desk.chat.told[-1])
    else:
        with pytest.raises(UserError, match="AWS cannot be reached"):
            await infra_topics.handle(desk.services, probing(fails))
