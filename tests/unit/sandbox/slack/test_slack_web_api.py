"""The Web API as slack_sdk and raw HTTP see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack import ApiCall, ApiError

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox.slack import SlackStandIn

BOT_TOKEN = "xoxb-planted-bot-token"
APP_TOKEN = "xapp-planted-app-token"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


async def raw(slack: SlackStandIn, method: str, **request: Any) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.post(f"{slack.url}/api/{method}", **request) as response:
        assert response.status == 200
        result: dict[str, Any] = await response.json()
        return result


async def error_of(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as error:
        await call
    result: dict[str, Any] = error.value.response.data
    return result


def bearer(token: str = BOT_TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_auth_test_says_who_the_bot_is(client: AsyncWebClient) -> None:
    result = await client.auth_test()
    assert (result["team_id"], result["user_id"], result["bot_id"]) == ("T0SANDBOX", "U0SIGNAL", "B0SIGNAL")
    assert "chat:write" in result.headers["X-OAuth-Scopes"]


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        ({}, "not_authed"),
        ({"headers": bearer("xoxb-other")}, "invalid_auth"),
        ({"headers": bearer(APP_TOKEN)}, "not_allowed_token_type"),
        ({"data": {"token": "xoxb-other"}}, "invalid_auth"),
        ({"json": {"token": BOT_TOKEN}}, "not_authed"),
        ({"data": b"{", "headers": {**bearer(), "Content-Type": "application/json"}}, "invalid_json"),
        ({"json": [], "headers": bearer()}, "json_not_object"),
        ({"data": b"<a/>", "headers": {**bearer(), "Content-Type": "text/xml"}}, "invalid_post_type"),
    ],
)
async def test_a_call_with_a_bad_token_or_body_is_refused(
    slack: SlackStandIn, request_body: dict[str, Any], expected: str
) -> None:
    result = await raw(slack, "auth.test", **request_body)
    assert (result["ok"], result["error"]) == (False, expected)


async def test_the_token_may_be_a_form_field(slack: SlackStandIn) -> None:
    assert (await raw(slack, "auth.test", data={"token": BOT_TOKEN}))["ok"]


async def test_an_unknown_method_is_refused(slack: SlackStandIn) -> None:
    result = await raw(slack, "chat.shout", headers=bearer())
    assert result["error"] == "unknown_method"
    assert [call.method for call in slack.refused] == ["chat.shout"]


async def test_an_unknown_argument_is_refused(slack: SlackStandIn) -> None:
    body = {"channel": "C0OPS", "text": "x", "colour": "red"}
    result = await raw(slack, "chat.postMessage", headers=bearer(), json=body)
    assert result["error"] == "invalid_arguments"
    assert result["response_metadata"]["messages"] == ["[ERROR] unknown argument: colour"]


async def test_a_missing_argument_is_refused(slack: SlackStandIn) -> None:
    result = await raw(slack, "chat.postMessage", headers=bearer(), json={"text": "x"})
    assert result["errors"] == ["missing required field: channel"]


async def test_another_workspace_is_refused(slack: SlackStandIn) -> None:
    result = await raw(slack, "auth.test", headers=bearer(), json={"team_id": "T0OTHER"})
    assert result["error"] == "team_access_not_granted"


async def test_a_json_body_is_ignored_where_slack_takes_forms_alone(slack: SlackStandIn) -> None:
    result = await raw(slack, "users.info", headers=bearer(), json={"user": "U0ANA"})
    assert result["error"] == "invalid_arguments"
    assert (await raw(slack, "users.info", headers=bearer(), data={"user": "U0ANA"}))["ok"]


async def test_blocks_and_metadata_may_be_json_in_a_form(slack: SlackStandIn) -> None:
    metadata = {"event_type": "operation", "event_payload": {"number": 12}}
    form = {"channel": "C0OPS", "text": "x", "blocks": json.dumps([SECTION]), "metadata": json.dumps(metadata)}
    result = await raw(slack, "chat.postMessage", headers=bearer(), data=form)
    assert result["message"]["metadata"] == metadata
    assert result["message"]["blocks"][0]["text"]["text"] == "hello"


async def test_a_scope_that_was_not_granted_is_missing(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.register_commands({"oauth_config": {"scopes": {"bot": ["commands", "users:read"]}}})
    result = await error_of(client.chat_postMessage(channel="C0OPS", text="x"))
    assert (result["error"], result["needed"], result["provided"]) == (
        "missing_scope",
        "chat:write",
        "commands,users:read",
    )


async def test_a_message_is_posted_changed_and_deleted(slack: SlackStandIn, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="#ops", text="one", blocks=[SECTION])
    channel = slack.workspace.channel("#ops")
    message = channel.messages[0]
    assert (posted["channel"], posted["ts"]) == ("C0OPS", message.ts)
    await client.chat_update(channel="C0OPS", ts=message.ts, text="two")
    assert (message.text, message.rendered, message.edited) == ("two", "hello", True)
    await client.chat_update(channel="C0OPS", ts=message.ts, text="three", blocks=[])
    assert message.rendered == "three"
    await client.chat_delete(channel="C0OPS", ts=message.ts)
    assert channel.messages == []
    assert message.deleted


BAD_POSTS: list[tuple[dict[str, Any], str]] = [
    ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
    ({"channel": "C0RANDOM", "text": "x"}, "not_in_channel"),
    ({"channel": "C0OPS", "text": ""}, "no_text"),
    ({"channel": "C0OPS", "text": " \n"}, "no_text"),
    ({"channel": "C0OPS", "text": "x" * 40_001}, "msg_too_long"),
    ({"channel": "C0OPS", "text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ({"channel": "C0OPS", "text": "x", "blocks": "no json"}, "invalid_blocks_format"),
    ({"channel": "C0OPS", "text": "x", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
    ({"channel": "C0OPS", "text": "x", "blocks": [{"type": "video"}]}, "invalid_blocks"),
    ({"channel": "C0OPS", "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_format"),
    (
        {"channel": "C0OPS", "text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "x" * 8000}}},
        "metadata_too_large",
    ),
]


@pytest.mark.parametrize(("arguments", "expected"), BAD_POSTS)
async def test_a_bad_post_is_refused_and_nothing_is_said(
    slack: SlackStandIn, client: AsyncWebClient, arguments: dict[str, Any], expected: str
) -> None:
    result = await error_of(client.api_call("chat.postMessage", json=arguments))
    assert result["error"] == expected
    assert [channel.messages for channel in slack.workspace.channels.values() if channel.messages] == []
    assert [call.error for call in slack.refused] == [expected]


async def test_only_its_own_messages_can_be_changed_or_deleted(slack: SlackStandIn, client: AsyncWebClient) -> None:
    await slack.person("ana").type("#ops", "mine")
    ts = slack.workspace.channel("#ops").messages[0].ts
    assert (await error_of(client.chat_update(channel="C0OPS", ts=ts, text="x")))["error"] == "cant_update_message"
    assert (await error_of(client.chat_delete(channel="C0OPS", ts=ts)))["error"] == "cant_delete_message"
    assert (await error_of(client.chat_update(channel="C0OPS", ts="1.0", text="x")))["error"] == "message_not_found"
    posted = await client.chat_postMessage(channel="C0OPS", text="x")
    too_long = client.chat_update(channel="C0OPS", ts=posted["ts"], text="x" * 4001)
    assert (await error_of(too_long))["error"] == "msg_too_long"


async def test_a_reply_goes_into_the_thread_and_not_under_another_reply(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    parent = await client.chat_postMessage(channel="C0OPS", text="parent")
    reply = await client.chat_postMessage(channel="C0OPS", text="reply", thread_ts=parent["ts"])
    channel = slack.workspace.channel("C0OPS")
    assert [message.text for message in channel.messages] == ["parent"]
    assert [item.text for item in channel.thread(parent["ts"])] == ["parent", "reply"]
    under = client.chat_postMessage(channel="C0OPS", text="x", thread_ts=reply["ts"])
    assert (await error_of(under))["error"] == "invalid_thread_ts"
    replies = await client.conversations_replies(channel="C0OPS", ts=parent["ts"])
    assert [item["text"] for item in replies["messages"]] == ["parent", "reply"]
    assert replies["messages"][0]["reply_count"] == 1


async def test_metadata_is_given_back_on_request_only(client: AsyncWebClient) -> None:
    metadata = {"event_type": "operation", "event_payload": {"number": 12}}
    posted = await client.chat_postMessage(channel="C0OPS", text="x", metadata=metadata)
    plain = await client.conversations_history(channel="C0OPS")
    assert "metadata" not in plain["messages"][0]
    whole = await client.conversations_history(channel="C0OPS", include_all_metadata=True)
    assert whole["messages"][0]["metadata"] == metadata
    await client.chat_update(channel="C0OPS", ts=posted["ts"], text="y")
    stored = await client.conversations_history(channel="C0OPS", include_all_metadata=True)
    assert stored["messages"][0]["metadata"] == metadata


async def test_history_is_newest_first_in_pages_and_from_oldest(client: AsyncWebClient) -> None:
    sent = [(await client.chat_postMessage(channel="C0OPS", text=str(number)))["ts"] for number in range(5)]
    first = await client.conversations_history(channel="C0OPS", limit=2)
    assert [item["ts"] for item in first["messages"]] == [sent[4], sent[3]]
    assert first["has_more"]
    observed = [item["ts"] async for page in first for item in page["messages"]]
    assert observed == sent[::-1]
    since = await client.conversations_history(channel="C0OPS", oldest=sent[2])
    assert [item["ts"] for item in since["messages"]] == [sent[4], sent[3]]
    inclusive = await client.conversations_history(channel="C0OPS", oldest=sent[2], inclusive=True)
    assert len(inclusive["messages"]) == 3


async def test_a_cursor_nobody_gave_is_refused(client: AsyncWebClient) -> None:
    assert (await error_of(client.conversations_list(cursor="dGVhbQ==")))["error"] == "invalid_cursor"
    assert (await error_of(client.conversations_list(limit=0)))["error"] == "invalid_limit"


async def test_channels_are_listed_in_pages_and_can_be_joined(slack: SlackStandIn, client: AsyncWebClient) -> None:
    names = [item["name"] async for page in await client.conversations_list(limit=2) for item in page["channels"]]
    assert names == ["ops", "dev", "staging", "prod", "random"]
    assert not (await client.conversations_info(channel="C0RANDOM"))["channel"]["is_member"]
    assert (await error_of(client.conversations_history(channel="C0RANDOM")))["error"] == "not_in_channel"
    await client.conversations_join(channel="C0RANDOM")
    assert (await client.conversations_info(channel="C0RANDOM"))["channel"]["is_member"]
    assert "U0SIGNAL" in (await client.conversations_members(channel="C0RANDOM"))["members"]
    await client.chat_postMessage(channel="C0RANDOM", text="x")
    assert len(slack.workspace.channel("#random").messages) == 1


async def test_private_channels_need_their_own_scope(client: AsyncWebClient) -> None:
    result = await error_of(client.conversations_list(types="public_channel,private_channel"))
    assert (result["error"], result["needed"]) == ("missing_scope", "groups:read")


async def test_people_and_groups_are_told_apart(slack: SlackStandIn, client: AsyncWebClient) -> None:
    assert (await client.users_info(user="U0GUS"))["user"]["is_restricted"]
    assert not (await client.users_info(user="U0ANA"))["user"]["is_restricted"]
    slack.workspace.user("max").deleted = True
    assert (await client.users_info(user="U0MAX"))["user"]["deleted"]
    assert (await error_of(client.users_info(user="U0NOBODY")))["error"] == "user_not_found"
    groups = (await client.usergroups_list(include_users=True))["usergroups"]
    assert {group["handle"]: group["users"] for group in groups} == {
        "infra": ["U0ANA", "U0LEE", "U0MAX"],
        "leads": ["U0LEE", "U0MAX"],
    }
    assert (await client.usergroups_users_list(usergroup="S0LEADS"))["users"] == ["U0LEE", "U0MAX"]
    assert (await error_of(client.usergroups_users_list(usergroup="S0X")))["error"] == "no_such_subteam"


async def test_an_ephemeral_message_reaches_one_person_and_cannot_be_updated(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    sent = await client.chat_postEphemeral(channel="C0OPS", user="U0ANA", text="psst")
    assert [ephemeral.text for ephemeral in slack.person("ana").ephemerals] == ["psst"]
    assert slack.person("lee").ephemerals == []
    assert slack.workspace.channel("#ops").messages == []
    update = client.chat_update(channel="C0OPS", ts=sent["message_ts"], text="x")
    assert (await error_of(update))["error"] == "message_not_found"
    slack.workspace.channel("#ops").members.discard("U0GUS")
    to_gus = client.chat_postEphemeral(channel="C0OPS", user="U0GUS", text="x")
    assert (await error_of(to_gus))["error"] == "user_not_in_channel"


async def test_reactions_come_once_and_go(slack: SlackStandIn, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0OPS", text="x"))["ts"]
    await client.reactions_add(channel="C0OPS", timestamp=ts, name="eyes")
    again = client.reactions_add(channel="C0OPS", timestamp=ts, name="eyes")
    assert (await error_of(again))["error"] == "already_reacted"
    await client.reactions_remove(channel="C0OPS", timestamp=ts, name="eyes")
    assert slack.workspace.channel("#ops").messages[0].reactions == {}


async def test_a_permalink_leads_to_the_message(client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0OPS", text="x"))["ts"]
    result = await client.chat_getPermalink(channel="C0OPS", message_ts=ts)
    assert result["permalink"] == f"https://lineside.slack.com/archives/C0OPS/p{ts.replace('.', '')}"


async def test_hooks_see_a_call_before_and_after_it_takes_effect(slack: SlackStandIn, client: AsyncWebClient) -> None:
    observed: list[tuple[str, int, bool]] = []

    async def watch(call: ApiCall) -> None:
        observed.append((call.phase, len(slack.workspace.channel("#ops").messages), call.answer is not None))

    slack.on_call.append(watch)
    await client.chat_postMessage(channel="C0OPS", text="x")
    assert observed == [("before", 0, False), ("after", 1, True)]


async def test_a_hook_can_make_slack_fail(slack: SlackStandIn, client: AsyncWebClient) -> None:
    async def fail(call: ApiCall) -> None:
        if call.phase == "before":
            raise ApiError("internal_error")

    slack.on_call.append(fail)
    assert (await error_of(client.chat_postMessage(channel="C0OPS", text="x")))["error"] == "internal_error"
    assert slack.workspace.channel("#ops").messages == []


async def test_every_call_is_on_record(slack: SlackStandIn, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS", text="x")
    call = slack.calls[-1]
    assert (call.method, call.arguments["text"], call.error) == ("chat.postMessage", "x", None)
    assert call.answer is not None
    assert call.answer["channel"] == "C0OPS"
    assert not slack.refused
