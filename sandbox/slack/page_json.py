"""Messages and views in the shapes that the chat page reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sandbox.slack import people_seed as seed

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.files import File
    from sandbox.slack.messages import Message
    from sandbox.slack.views import View


def workspace(backend: Backend) -> dict[str, Any]:
    """Everything that stays the same while the page is open."""
    people = [user for user in backend.workspace.users.values() if not user.is_bot and not user.deleted]
    return {
        "team": {"id": seed.TEAM_ID, "name": seed.TEAM_NAME, "domain": seed.TEAM_DOMAIN},
        "people": [{"id": one.id, "name": one.name, "real_name": one.real_name, "title": one.title} for one in people],
        "channels": [
            {"id": channel.id, "name": channel.name, "topic": channel.topic, "purpose": channel.purpose}
            for channel in backend.workspace.channels.values()
        ],
        "usergroups": [
            {"id": usergroup.id, "handle": usergroup.handle, "name": usergroup.name}
            for usergroup in backend.workspace.usergroups.values()
        ],
        "commands": [
            {"command": command.command, "usage_hint": command.usage_hint, "description": command.description}
            for command in backend.registration.commands.values()
        ],
        "bot": {"id": seed.BOT_USER_ID, "name": seed.BOT_NAME},
    }


def message(backend: Backend, one: Message) -> dict[str, Any]:
    """One message. A bot's progress message with blocks is not marked as edited, as in Slack."""
    replies = backend.workspace.channels[one.channel].replies(one.ts)
    found: dict[str, Any] = {
        "ts": one.ts,
        "channel": one.channel,
        "user": one.user,
        "username": backend.workspace.user_name(one.user) or one.user,
        "text": one.text,
        "blocks": one.blocks,
        "reply_count": len(replies),
        "edited": one.edited and not one.blocks,
        "ephemeral": one.ephemeral_for is not None,
        "files": [file(each) for each in one.files],
        "reactions": [{"name": name, "count": len(users), "users": users} for name, users in one.reactions.items()],
    }
    if one.bot_id:
        found["bot_id"] = one.bot_id
    if one.thread_ts:
        found["thread_ts"] = one.thread_ts
    if replies:
        found["latest_reply"] = replies[-1].ts
    return found


def file(one: File) -> dict[str, Any]:
    """One file of a message."""
    found = {
        "id": one.id,
        "name": one.name,
        "title": one.title,
        "size": one.size,
        "mimetype": one.mimetype,
        "url": f"/files/{one.id}/{quote(one.name)}",
    }
    return found if one.preview is None else found | {"preview": one.preview}


def view(one: View | None) -> dict[str, Any] | None:
    """A view as Slack gives it, or null."""
    return None if one is None else one.json
