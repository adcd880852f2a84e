"""Channels by name: a restart asks Slack only in the background, and an id that Slack does not know is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.redaction import Redactor
from bot.slack.client import Chat
from bot.slack.web_api import ChatError, make_client
from bot.store.channels import Channels, channels
from tests.unit.bot.slack.test_client import STAGING, TOKEN, message_of, slack

if TYPE_CHECKING:
    from bot.store.database import Store
    from sandbox.slack import SlackStandIn

__all__ = ["slack"]  # a fixture


def started(slack: SlackStandIn, store: Store) -> Chat:
    """The chat of a process that starts now."""
    return Chat(make_client(TOKEN, f"{slack.url}/api/"), Redactor([]), channels=Channels(store))


def asked(slack: SlackStandIn) -> list[str]:
    return [call.method for call in slack.calls if call.phase == "before"]


async def confirmed(chat: Chat) -> None:
    if chat._confirming:
        await chat._confirming


async def test_after_a_restart_the_id_is_known_before_slack_is_asked(slack: SlackStandIn, store: Store) -> None:
    assert await started(slack, store).channel_id("#staging") == STAGING
    again, before = started(slack, store), len(slack.calls)
    assert await again.channel_id("#staging") == STAGING
    assert len(slack.calls) == before
    await confirmed(again)
    assert await again.channel_id("#staging") == STAGING


async def test_a_channel_that_took_the_name_of_another_is_found_after_a_moment(
    slack: SlackStandIn, store: Store
) -> None:
    await Channels(store).put({"#staging": "C0PROD"})  # which had that name before
    chat = started(slack, store)
    assert await chat.channel_id("#staging") == "C0PROD"
    await confirmed(chat)
    assert await chat.channel_id("#staging") == STAGING
    assert await Channels(store).get("#staging") == STAGING


async def test_an_id_that_slack_does_not_know_is_replaced_within_the_call(slack: SlackStandIn, store: Store) -> None:
    await Channels(store).put({"#staging": "C0GONE", "#nowhere": "C0GONEALSO"})
    chat = started(slack, store)
    at = await chat.post(await chat.channel_id("#staging"), message_of("one"))
    assert at.channel == STAGING
    await confirmed(chat)  # which stores the new id beside the call
    assert await Channels(store).get("#staging") == STAGING
    with pytest.raises(ChatError, match="channel_not_found"):
        await chat.post(await chat.channel_id("#nowhere"), message_of("two"))
    assert await Channels(store).get("#nowhere") is None
    await confirmed(chat)


async def test_an_id_that_somebody_wrote_into_the_database_is_not_used(slack: SlackStandIn, store: Store) -> None:
    assert await started(slack, store).channel_id("#staging") == STAGING
    forged = sa.update(channels).values(channel="C0PROD")
    await store.run(lambda connection: connection.execute(forged))
    assert await started(slack, store).channel_id("#staging") == STAGING


async def test_without_the_database_slack_is_asked(slack: SlackStandIn, store: Store) -> None:
    store.lost = "away"
    assert await started(slack, store).channel_id("#staging") == STAGING
    store.lost = ""
