"""Response URLs: five uses, thirty minutes, new messages and changed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.slack import payloads

if TYPE_CHECKING:
    from sandbox.slack import Message, SlackStandIn


def url_of_command(slack: SlackStandIn) -> AsyncWebhookClient:
    key = slack.backend.response_urls.give("U0ANA", "C0OPS")
    return AsyncWebhookClient(payloads.response_url(slack.backend, "commands", key))


def url_of_click(slack: SlackStandIn, message: Message) -> AsyncWebhookClient:
    user = slack.workspace.user("ana")
    return AsyncWebhookClient(payloads.message_action(slack.backend, user, message, {}, {})["response_url"])


def posted(slack: SlackStandIn) -> Message:
    channel = slack.workspace.channel("#ops")
    return slack.workspace.post(channel, "U0SIGNAL", "before", bot_id="B0SIGNAL")


async def test_what_is_said_is_for_the_person_alone_unless_it_says_otherwise(slack: SlackStandIn) -> None:
    url = url_of_command(slack)
    response = await url.send(text="psst")
    assert (response.status_code, response.body) == (200, "ok")
    await url.send(text="all", response_type="in_channel")
    assert [ephemeral.text for ephemeral in slack.person("ana").ephemerals] == ["psst"]
    assert [message.text for message in slack.workspace.channel("#ops").messages] == ["all"]


async def test_five_uses_and_no_more(slack: SlackStandIn) -> None:
    url = url_of_command(slack)
    for number in range(5):
        assert (await url.send(text=str(number))).status_code == 200
    response = await url.send(text="6")
    assert response.status_code == 404
    assert "used_url" in response.body
    assert len(slack.person("ana").ephemerals) == 5


async def test_thirty_minutes_and_no_longer(slack: SlackStandIn) -> None:
    url = url_of_command(slack)
    slack.clock.advance(29 * 60)
    assert (await url.send(text="x")).status_code == 200
    slack.clock.advance(61)
    response = await url.send(text="x")
    assert (response.status_code, "expired_url" in response.body) == (404, True)


async def test_an_address_nobody_gave_is_refused(slack: SlackStandIn) -> None:
    response = await AsyncWebhookClient(f"{slack.url}/hooks/actions/T0SANDBOX/x").send(text="x")
    assert (response.status_code, "invalid_url" in response.body) == (404, True)


async def test_the_clicked_message_can_be_replaced_and_deleted(slack: SlackStandIn) -> None:
    message = posted(slack)
    url = url_of_click(slack, message)
    await url.send(text="after", replace_original=True)
    assert (message.text, message.edited) == ("after", True)
    await url.send(text="more")
    assert message.text == "after"
    assert [ephemeral.text for ephemeral in slack.person("ana").ephemerals] == ["more"]
    await url.send(delete_original=True)
    assert slack.workspace.channel("#ops").messages == []


async def test_an_ephemeral_message_can_be_replaced_and_deleted(slack: SlackStandIn) -> None:
    message = slack.workspace.whisper(slack.workspace.channel("#ops"), "U0ANA", "before")
    url = url_of_click(slack, message)
    await url.send(text="after", replace_original=True)
    assert [ephemeral.text for ephemeral in slack.person("ana").ephemerals] == ["after"]
    await url.send(delete_original=True)
    assert slack.person("ana").ephemerals == []


async def test_a_command_has_no_original_to_replace(slack: SlackStandIn) -> None:
    response = await url_of_command(slack).send(text="x", replace_original=True)
    assert (response.status_code, "message_not_found" in response.body) == (404, True)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "no_text"),
    ({"text": "x", "colour": "red"}, "invalid_payload"),
    ({"text": "x", "blocks": [{"type": "video"}]}, "invalid_blocks"),
]


@pytest.mark.parametrize(("body", "error"), BAD)
async def test_a_bad_body_is_refused(slack: SlackStandIn, body: dict[str, Any], error: str) -> None:
    response = await url_of_command(slack).send_dict(body)
    assert (response.status_code, error in response.body) == (400, True)
    assert [call.error for call in slack.refused] == [error]
    assert slack.person("ana").ephemerals == []
