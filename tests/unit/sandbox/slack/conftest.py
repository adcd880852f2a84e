"""A started stand-in, and a Web API client as the bot has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackSettings, SlackStandIn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOT_TOKEN = "xoxb-planted-bot-token"
APP_TOKEN = "xapp-planted-app-token"
SECRET = "planted-signing-secret"

MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Signalbox"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "Signalbox"},
        "slash_commands": [
            {"command": "/deploy", "description": "Deploy", "usage_hint": "<env> [ref]"},
            {"command": "/mention", "description": "Who", "should_escape": True},
        ],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "commands",
                "chat:write",
                "channels:read",
                "channels:history",
                "channels:join",
                "users:read",
                "usergroups:read",
                "files:write",
                "reactions:write",
            ]
        }
    },
    "settings": {
        "interactivity": {"is_enabled": True},
        "event_subscriptions": {"bot_events": ["app_home_opened", "message.channels"]},
    },
}


@pytest.fixture
def settings() -> SlackSettings:
    return SlackSettings(BOT_TOKEN, SECRET, APP_TOKEN, None, rate_limits=False)


@pytest.fixture
async def slack(settings: SlackSettings) -> AsyncIterator[SlackStandIn]:
    stand_in = SlackStandIn(settings)
    stand_in.register_commands(MANIFEST)
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest.fixture
def client(slack: SlackStandIn) -> AsyncWebClient:
    return AsyncWebClient(token=BOT_TOKEN, base_url=f"{slack.url}/api/")
