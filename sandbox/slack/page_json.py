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
        "people": [
            {"id": user.id, "name": user.name, "real_name": user.real_name, "title": user.title} for user in people
        ],
        "channels": [
            {"id": channel.id, "name": channel.name, "topic": channel.topic, "purpose": channel.purpose}
            for channel in backend.workspace.channels.values()
            if not channel.direct
        ],
        "direct": [{"id": backend.workspace.open_direct(user).id, "person": user.id} for user in people],
        "usergroups": [
            {"id": usergroup.id, "handle": usergroup.handle, "name": usergroup.name}
            for usergroup in backend.workspace.usergroups.values()
        ],
        "commands": [
            {"command": command.command, "usage_hint": command.usage_hint, "description": command.description}
            for command in backend.registration.commands.values()
        ],
        "shortcuts": [
            {"callback_id": shortcut.callback_id, "name": shortcut.name, "of_message": shortcut.of_message}
            for shortcut in backend.registration.shortcuts.values()
        ],
        "bot": {"id": seed.BOT_USER_ID, "name": seed.BOT_NAME},
    }


def message(backend: Backend, posted: Message) -> dict[str, Any]:
    """One message. A bot's progress message with blocks is not marked as edited, as in Slack."""
    replies = backend.workspace.channels[posted.channel].replies(posted.ts)
    fields: dict[str, Any] = {
        "ts": posted.ts,
        "channel": posted.channel,
        "user": posted.user,
        "username": backend.workspace.user_name(posted.user) or posted.user,
        "text": posted.text,
        "blocks": posted.blocks,
        "reply_count": len(replies),
        "edited": posted.edited and not posted.blocks,
        "ephemeral": posted.ephemeral_for is not None,
        "files": [file(each) for each in posted.files],
        "reactions": [{"name": name, "count": len(users), "users": users} for name, users in posted.reactions.items()],
    }
    if posted.bot_id:
        fields["bot_id"] = posted.bot_id
    if posted.broadcast:
        fields["broadcast"] = True
    if posted.notifications:
        fields["notified"] = [{"user": each.person, "why": each.why} for each in posted.notifications]
    if posted.thread_ts:
        fields["thread_ts"] = posted.thread_ts
    if replies:
        fields["latest_reply"] = replies[-1].ts
    return fields


def file(attached: File) -> dict[str, Any]:
    """One file of a message."""
    fields = {
        "id": attached.id,
        "name": attached.name,
        "title": attached.title,
        "size": attached.size,
        "mimetype": attached.mimetype,
        "url": f"/files/{attached.id}/{quote(attached.name)}",
    }
    return fields if attached.preview is None else fields | {"preview": attached.preview}


def view(opened: View | None) -> dict[str, Any] | None:
    """A view as Slack gives it, or null."""
    return None if opened is None else opened.json
