"""Commands, clicks and events over signed HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.slack import SlackSettings, SlackStandIn, sign
from sandbox.slack.delivery import ANSWER_WITHIN
from tests.unit.sandbox.slack.listening_app import ListeningApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_client import AsyncWebClient

SECRET = "planted-signing-secret"


@pytest.fixture
async def app() -> AsyncIterator[ListeningApp]:
    listening = ListeningApp(SECRET)
    await listening.start()
    yield listening
    await listening.stop()


@pytest.fixture
def settings(app: ListeningApp) -> SlackSettings:
    return SlackSettings("xoxb-planted-bot-token", SECRET, None, app.url, rate_limits=False)


def test_the_signature_is_slacks_documented_example() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert sign(body, "1531420618", "8f742231b10e8888abcd99yyyzzz85a5") == expected


async def test_a_command_carries_every_documented_field_and_is_signed(slack: SlackStandIn, app: ListeningApp) -> None:
    app.answer = "on it"
    reply = await slack.person("ana").type("#staging", "/deploy staging <main> & more")
    (received,) = app.received
    assert received.signed
    assert received.headers["Content-Type"] == "application/x-www-form-urlencoded"
    fields = received.fields
    assert {name: fields[name] for name in fields if name not in {"response_url", "trigger_id", "token"}} == {
        "team_id": "T0SANDBOX",
        "team_domain": "lineside",
        "channel_id": "C0STAGING",
        "channel_name": "staging",
        "user_id": "U0ANA",
        "user_name": "ana",
        "command": "/deploy",
        "text": "staging <main> & more",
        "api_app_id": "A0SIGNAL",
        "is_enterprise_install": "false",
    }
    assert fields["response_url"].startswith(f"{slack.url}/hooks/commands/T0SANDBOX/")
    assert slack.backend.triggers.take(fields["trigger_id"]) == "U0ANA"
    assert (reply.status, reply.ok, reply.text) == (200, True, "on it")
    assert [ephemeral.text for ephemeral in reply.ephemerals] == ["on it"]
    assert slack.workspace.channel("#staging").messages == []


async def test_a_command_that_escapes_gets_ids_for_names(slack: SlackStandIn, app: ListeningApp) -> None:
    await slack.person("ana").type("#ops", "/mention @lee in #prod and @nobody & <x>")
    assert app.received[0].fields["text"] == "<@U0LEE|lee> in <#C0PROD|prod> and @nobody &amp; &lt;x&gt;"


async def test_an_answer_in_json_is_shown_as_it_asks(slack: SlackStandIn, app: ListeningApp) -> None:
    app.answer = {"response_type": "in_channel", "text": "for all", "blocks": [{"type": "divider"}]}
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert (reply.text, reply.ephemerals) == ("-" * 20, [])
    assert [message.text for message in slack.workspace.channel("#ops").messages] == ["for all"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"text": "x", "colour": "red"}, "invalid_payload"),
        ({"text": "x", "response_type": "secret"}, "invalid_payload"),
        ({"text": "x", "blocks": [{"type": "video"}]}, "invalid_blocks"),
        ({"response_type": "ephemeral"}, "no_text"),
    ],
)
async def test_an_answer_that_slack_would_not_take_is_an_error(
    slack: SlackStandIn, app: ListeningApp, answer: dict[str, Any], error: str
) -> None:
    app.answer = answer
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert (reply.ok, reply.error) == (False, f'/deploy failed with the error "{error}"')
    assert [call.error for call in slack.refused] == [error]


@pytest.mark.parametrize(
    ("status", "rendered"), [(404, "http_client_error"), (500, "http_service_error"), (302, "http_client_error")]
)
async def test_any_other_status_is_shown_as_slack_shows_it(
    slack: SlackStandIn, app: ListeningApp, status: int, rendered: str
) -> None:
    app.status = status
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert (reply.status, reply.error) == (status, f'/deploy failed with the error "{rendered}"')


async def test_an_app_has_three_seconds_then_the_person_sees_a_timeout(
    slack: SlackStandIn, app: ListeningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ANSWER_WITHIN == 3
    monkeypatch.setattr("sandbox.slack.http_delivery.ANSWER_WITHIN", 0.2)
    app.delay = 3_600
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert reply.error == '/deploy failed with the error "operation_timeout"'


async def test_an_app_that_is_not_there_fails_to_dispatch(slack: SlackStandIn, app: ListeningApp) -> None:
    await app.stop()
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert reply.error == '/deploy failed with the error "dispatch_failed"'


async def test_what_is_no_command_of_the_app_is_not_sent(slack: SlackStandIn, app: ListeningApp) -> None:
    ana = slack.person("ana")
    assert (await ana.type("#ops", "/destroy all")).error == "/destroy is not a valid command"
    await ana.type("#ops", "hello")
    ts = slack.workspace.channel("#ops").messages[0].ts
    assert (await ana.type("#ops", "/deploy", thread_ts=ts)).error == "/deploy is not supported in threads"
    slack.workspace.channel("#prod").members.discard("U0GUS")
    assert not (await slack.person("gus").type("#prod", "/deploy")).ok
    await app.wait_for(1)
    assert [item.fields["type"] for item in app.received] == ["event_callback"]


def button(**more: Any) -> list[dict[str, Any]]:
    element = {"type": "button", "action_id": "approve", "value": "12", "text": {"type": "plain_text", "text": "Yes"}}
    return [{"type": "actions", "block_id": "b", "elements": [element | more]}]


async def test_a_click_tells_everything_about_itself(
    slack: SlackStandIn, client: AsyncWebClient, app: ListeningApp
) -> None:
    parent = await client.chat_postMessage(channel="C0OPS", text="parent")
    await client.chat_postMessage(channel="C0OPS", text="Approve?", blocks=button(), thread_ts=parent["ts"])
    message = slack.workspace.channel("#ops").thread(parent["ts"])[1]
    reply = await slack.person("lee").click(message, "Yes")
    assert reply.ok
    payload = app.received[-1].fields
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0LEE", "username": "lee", "name": "lee", "team_id": "T0SANDBOX"}
    assert payload["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": "C0OPS",
        "is_ephemeral": False,
        "thread_ts": parent["ts"],
    }
    assert payload["channel"] == {"id": "C0OPS", "name": "ops"}
    assert payload["message"]["text"] == "Approve?"
    (action,) = payload["actions"]
    assert float(action.pop("action_ts")) > 0
    assert action == {
        "type": "button",
        "action_id": "approve",
        "block_id": "b",
        "value": "12",
        "text": {"type": "plain_text", "text": "Yes"},
    }
    assert payload["state"] == {"values": {}}
    assert slack.backend.triggers.take(payload["trigger_id"]) == "U0LEE"


async def test_a_choice_is_in_the_state_of_the_next_click(
    slack: SlackStandIn, client: AsyncWebClient, app: ListeningApp
) -> None:
    options = [{"text": {"type": "plain_text", "text": item.title()}, "value": item} for item in ("dev", "prod")]
    menu = {"type": "static_select", "action_id": "env", "options": options}
    blocks = [{"type": "actions", "block_id": "m", "elements": [menu]}, *button()]
    await client.chat_postMessage(channel="C0OPS", text="Where?", blocks=blocks)
    message = slack.workspace.channel("#ops").messages[0]
    ana = slack.person("ana")
    await ana.select(message, "env", "Prod")
    assert app.received[-1].fields["actions"][0]["selected_option"]["value"] == "prod"
    await ana.click(message, "approve")
    values = app.received[-1].fields["state"]["values"]
    assert values["m"]["env"] == {"type": "static_select", "selected_option": options[1]}
    await slack.person("lee").click(message, "approve")
    assert app.received[-1].fields["state"]["values"]["m"]["env"]["selected_option"] is None
    with pytest.raises(LookupError, match="staging"):
        await ana.select(message, "env", "staging")


async def test_a_dialog_answered_no_sends_nothing(
    slack: SlackStandIn, client: AsyncWebClient, app: ListeningApp
) -> None:
    words = {name: {"type": "plain_text", "text": name} for name in ("title", "text", "confirm", "deny")}
    await client.chat_postMessage(channel="C0OPS", text="?", blocks=button(confirm=words))
    message = slack.workspace.channel("#ops").messages[0]
    await slack.person("ana").click(message, "Yes", confirm=False)
    assert app.received == []
    await slack.person("ana").click(message, "Yes")
    assert len(app.received) == 1


async def test_a_button_that_is_gone_cannot_be_clicked_but_a_client_that_lags_can(
    slack: SlackStandIn, client: AsyncWebClient, app: ListeningApp
) -> None:
    posted = await client.chat_postMessage(channel="C0OPS", text="?", blocks=button())
    message = slack.workspace.channel("#ops").messages[0]
    before = message.snapshot()
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="decided", blocks=[])
    with pytest.raises(LookupError, match="no button 'Yes'"):
        await slack.person("ana").click(message, "Yes")
    await slack.person("ana").click(before, "Yes")
    assert app.received[-1].fields["message"]["text"] == "decided"


@pytest.mark.parametrize(("status", "rendered"), [(500, "status code 500"), (404, "status code 404")])
async def test_a_click_that_the_app_fails_shows_an_error(
    slack: SlackStandIn, client: AsyncWebClient, app: ListeningApp, status: int, rendered: str
) -> None:
    await client.chat_postMessage(channel="C0OPS", text="?", blocks=button())
    app.status = status
    reply = await slack.person("ana").click(slack.workspace.channel("#ops").messages[0], "Yes")
    assert (reply.ok, reply.status) == (False, status)
    assert rendered in str(reply.error)


async def test_an_event_is_tried_again_until_it_is_taken(slack: SlackStandIn, app: ListeningApp) -> None:
    slack.client.retry_after = (0.0, 0.0, 0.0)
    app.status = 500
    await slack.person("ana").type("#ops", "hello @lee, see #prod & <this>")
    await app.wait_for(3)
    app.status = 200
    await app.wait_for(4)
    assert [item.headers.get("X-Slack-Retry-Num") for item in app.received] == [None, "1", "2", "3"]
    assert len({item.fields["event_id"] for item in app.received}) == 1
    event = app.received[0].fields["event"]
    assert event["text"] == "hello <@U0LEE>, see <#C0PROD|prod> &amp; &lt;this&gt;"
    assert (event["type"], event["channel"], event["user"]) == ("message", "C0OPS", "U0ANA")


async def test_nothing_is_heard_from_channels_without_the_bot(slack: SlackStandIn, app: ListeningApp) -> None:
    await slack.person("ana").type("#random", "psst")
    await slack.person("ana").type("#ops", "hello")
    await app.wait_for(1)
    assert [item.fields["event"]["channel"] for item in app.received] == ["C0OPS"]


async def test_the_request_url_is_verified_by_a_challenge(slack: SlackStandIn, app: ListeningApp) -> None:
    assert not await slack.verify_request_url()
    app.answer = {"challenge": app.received[0].fields["challenge"]}
    assert await slack.verify_request_url()


async def test_raw_bytes_reach_the_app_as_they_are(slack: SlackStandIn, app: ListeningApp) -> None:
    body = b"command=%2Fdeploy"
    status, _ = await slack.post_raw("/slack/events", body, {"X-Slack-Signature": sign(body, "1", SECRET)})
    assert status == 200
    assert not app.received[0].signed


async def test_200_commands_at_once_all_arrive_within_three_seconds(slack: SlackStandIn, app: ListeningApp) -> None:
    ana = slack.person("ana")
    replies = await asyncio.gather(*(ana.type("#ops", f"/deploy {number}") for number in range(200)))
    assert all(reply.ok for reply in replies)
    assert {item.fields["text"] for item in app.received} == {str(number) for number in range(200)}
