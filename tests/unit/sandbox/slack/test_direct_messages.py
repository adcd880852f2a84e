"""Direct messages as Slack has them: opened once, read with a scope of their own, seen by one person, notifying them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.unit.sandbox.slack.conftest import MANIFEST

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from sandbox.slack import SlackStandIn


def installed(slack: SlackStandIn, *scopes: str, tab: bool = True) -> None:
    """The app with these scopes beside the usual ones."""
    manifest = copy.deepcopy(MANIFEST)
    manifest["features"]["app_home"]["messages_tab_enabled"] = tab
    manifest["oauth_config"]["scopes"]["bot"] += scopes
    slack.register_commands(manifest)


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


async def test_they_are_opened_once_and_notify_the_person(slack: SlackStandIn, client: AsyncWebClient) -> None:
    installed(slack, "im:write", "im:history")
    channel = (await client.conversations_open(users="U0LEE"))["channel"]["id"]
    assert channel == (await client.conversations_open(users="U0LEE"))["channel"]["id"] == "D0LEE"
    await client.chat_postMessage(channel=channel, text="Your turn")
    assert [(each.person, each.why) for each in slack.workspace.notifications] == [("U0LEE", "direct")]
    messages = (await client.conversations_history(channel=channel))["messages"]
    assert [message["text"] for message in messages] == ["Your turn"]
    about = (await client.conversations_info(channel=channel))["channel"]
    assert (about["is_im"], about["is_group"], about["is_channel"]) == (True, False, False)


@pytest.mark.parametrize(
    ("users", "error"),
    [("U0NOBODY", "user_not_found"), ("U0SIGNAL", "user_not_found"), ("U0ANA,U0LEE", "too_many_users")],
)
async def test_who_has_none(slack: SlackStandIn, client: AsyncWebClient, users: str, error: str) -> None:
    installed(slack, "im:write")
    assert await error_of(client.conversations_open(users=users)) == error
    slack.workspace.users["U0MAX"].deleted = True
    assert await error_of(client.conversations_open(users="U0MAX")) == "user_disabled"


async def test_each_needs_its_scope_and_the_app_its_messages_tab(slack: SlackStandIn, client: AsyncWebClient) -> None:
    installed(slack)
    assert await error_of(client.conversations_open(users="U0LEE")) == "missing_scope"
    installed(slack, "im:write", tab=False)
    channel = (await client.conversations_open(users="U0LEE"))["channel"]["id"]
    assert await error_of(client.chat_postMessage(channel=channel, text="Your turn")) == "messages_tab_disabled"
    assert await error_of(client.conversations_history(channel=channel)) == "missing_scope"


async def test_the_page_shows_them_to_nobody_else(slack: SlackStandIn, client: AsyncWebClient) -> None:
    installed(slack, "im:write")
    async with aiohttp.ClientSession() as session:
        workspace = await (await session.get(f"{slack.url}/page/api/workspace")).json()
        assert {"id": "D0LEE", "person": "U0LEE"} in workspace["direct"]
        assert "D0LEE" not in [channel["id"] for channel in workspace["channels"]]
        await client.chat_postMessage(channel="D0LEE", text="Your turn")
        for person, status in (("U0LEE", 200), ("U0ANA", 404)):
            answer = await session.get(f"{slack.url}/page/api/channels/D0LEE/messages", params={"as": person})
            assert answer.status == status
