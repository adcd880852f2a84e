"""Builds what Slack sends to an app."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.methods.channels import message_json

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.messages import Message
    from sandbox.slack.registration import Command
    from sandbox.slack.views import View
    from sandbox.slack.workspace import User

# What an app that still checks it finds in `token`; Slack has deprecated it in favour of signatures.
VERIFICATION_TOKEN = "deprecated-verification-token"  # noqa: S105 - no secret: Slack sends it in every payload


def command_fields(backend: Backend, user: User, channel: Channel, command: Command, text: str) -> dict[str, str]:
    """The form of a slash command."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": seed.TEAM_ID,
        "team_domain": seed.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command.command,
        "text": text,
        "api_app_id": seed.APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url(backend, "commands", backend.response_urls.give(user.id, channel.id)),
        "trigger_id": backend.triggers.give(user.id),
    }


def response_url(backend: Backend, kind: str, key: str) -> str:
    """The address that takes what the app says later."""
    return f"{backend.base_url}/hooks/{kind}/{seed.TEAM_ID}/{key}"


def _person(user: User) -> dict[str, str]:
    return {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id}


def _interaction(kind: str, user: User) -> dict[str, Any]:
    return {
        "type": kind,
        "user": _person(user),
        "api_app_id": seed.APP_ID,
        "token": VERIFICATION_TOKEN,
        "team": {"id": seed.TEAM_ID, "domain": seed.TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(
    backend: Backend, user: User, message: Message, action: dict[str, Any], values: dict[str, Any]
) -> dict[str, Any]:
    """block_actions for an element of a message."""
    ephemeral = message.ephemeral_for is not None
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": ephemeral,
    }
    if message.thread_ts is not None:
        container["thread_ts"] = message.thread_ts
    key = backend.response_urls.give(
        user.id, message.channel, message_ts=message.ts, ephemeral=ephemeral, thread_ts=message.thread_ts
    )
    payload = _interaction("block_actions", user) | {
        "container": container,
        "trigger_id": backend.triggers.give(user.id),
        "channel": {"id": message.channel, "name": backend.workspace.channels[message.channel].name},
        "state": {"values": values},
        "response_url": response_url(backend, "actions", key),
        "actions": [action],
    }
    return payload if ephemeral else payload | {"message": message_json(backend, message)}


def message_shortcut(backend: Backend, user: User, message: Message, callback_id: str) -> dict[str, Any]:
    """message_action: a shortcut in the menu of a message."""
    key = backend.response_urls.give(user.id, message.channel, thread_ts=message.thread_ts)
    return _interaction("message_action", user) | {
        "action_ts": backend.workspace.new_ts(),
        "callback_id": callback_id,
        "trigger_id": backend.triggers.give(user.id),
        "response_url": response_url(backend, "app-actions", key),
        "message_ts": message.ts,
        "message": message_json(backend, message),
        "channel": {"id": message.channel, "name": backend.workspace.channels[message.channel].name},
    }


def global_shortcut(backend: Backend, user: User, callback_id: str) -> dict[str, Any]:
    """shortcut: one that is chosen anywhere in Slack, so without a channel and a response URL; the person has no `name`."""
    return _interaction("shortcut", user) | {
        "user": {"id": user.id, "username": user.name, "team_id": user.team_id},
        "action_ts": backend.workspace.new_ts(),
        "callback_id": callback_id,
        "trigger_id": backend.triggers.give(user.id),
    }


def view_action(backend: Backend, user: User, view: View, action: dict[str, Any]) -> dict[str, Any]:
    """block_actions for an element of a modal or the Home tab."""
    return _interaction("block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": backend.triggers.give(user.id),
        "view": view.json,
        "actions": [action],
    }


def view_submission(backend: Backend, user: User, view: View) -> dict[str, Any]:
    """A modal's Submit."""
    return _interaction("view_submission", user) | {
        "trigger_id": backend.triggers.give(user.id),
        "view": view.json,
        "response_urls": [],
    }


def view_closed(user: User, view: View, *, is_cleared: bool) -> dict[str, Any]:
    """A modal put away without submitting."""
    return _interaction("view_closed", user) | {"view": view.json, "is_cleared": is_cleared}


def event(backend: Backend, inner: dict[str, Any]) -> dict[str, Any]:
    """The envelope of the Events API around one event."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": seed.TEAM_ID,
        "api_app_id": seed.APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{secrets.token_hex(6).upper()}",
        "event_time": int(backend.clock.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": seed.TEAM_ID,
                "user_id": seed.BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def home_opened(backend: Backend, user: User, view: View | None) -> dict[str, Any]:
    """app_home_opened, with the view that is there already."""
    inner: dict[str, Any] = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": f"D0{user.id.removeprefix('U0')}",
        "tab": "home",
        "event_ts": backend.workspace.new_ts(),
    }
    return event(backend, inner if view is None else inner | {"view": view.json})


def message_event(backend: Backend, message: Message) -> dict[str, Any]:
    """message.channels, message.groups or message.im: somebody wrote in a channel where the bot is."""
    channel = backend.workspace.channels[message.channel]
    inner = message_json(backend, message) | {
        "channel": message.channel,
        "channel_type": "im" if channel.direct else "group" if channel.private else "channel",
        "event_ts": message.ts,
    }
    return event(backend, inner)


def mention_event(backend: Backend, message: Message) -> dict[str, Any]:
    """app_mention: somebody mentioned the bot in a channel where it is (docs.slack.dev/reference/events/app_mention)."""
    inner = message_json(backend, message) | {"type": "app_mention", "channel": message.channel, "event_ts": message.ts}
    return event(backend, inner)
