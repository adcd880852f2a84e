"""Finds the channel and message that a call means, and gives them in Slack's shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.files import File
    from sandbox.slack.messages import Message


def find(backend: Backend, name: str, *, by_name: bool = False) -> Channel:
    """The channel of a call; only chat.postMessage takes names. A private one is unknown to an app that is not in it.

    Raises:
        ApiError: channel_not_found.
    """
    channel = backend.workspace.channels.get(name)
    if channel is None and by_name:
        channel = backend.workspace.channels.get(backend.workspace.channel_id(name.lstrip("#")) or "")
    if channel is None or (channel.private and seed.BOT_USER_ID not in channel.members):
        raise ApiError("channel_not_found")
    return channel


def joined(backend: Backend, name: str, *, by_name: bool = False) -> Channel:
    """The channel of a call for which the bot must be a member.

    Raises:
        ApiError: channel_not_found, not_in_channel.
    """
    channel = find(backend, name, by_name=by_name)
    if seed.BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def own_message(channel: Channel, ts: str, error: str) -> Message:
    """A message of the bot's.

    Raises:
        ApiError: message_not_found, or `error` when somebody else wrote it.
    """
    message = channel.find(ts)
    if message is None:
        raise ApiError("message_not_found")
    if message.bot_id != seed.BOT_ID:
        raise ApiError(error)
    return message


def message_json(backend: Backend, message: Message, *, with_metadata: bool = True) -> dict[str, Any]:
    """A message as Slack gives it to apps."""
    fields: dict[str, Any] = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    fields["team"] = seed.TEAM_ID
    if message.bot_id:
        fields |= {"bot_id": message.bot_id, "app_id": seed.APP_ID}
    if message.blocks:
        fields["blocks"] = message.blocks
    if message.edited_ts:
        fields["edited"] = {"user": message.bot_id or message.user, "ts": message.edited_ts}
    if message.files:
        fields["files"] = [file_json(backend, file) for file in message.files]
    if message.metadata is not None and with_metadata:
        fields["metadata"] = message.metadata
    if message.broadcast:  # docs.slack.dev/reference/events/message/thread_broadcast
        parent = backend.workspace.channels[message.channel].find(message.thread_ts or "")
        fields |= {"subtype": "thread_broadcast"} | ({"root": {"ts": parent.ts, "text": parent.text}} if parent else {})
    if message.ephemeral_for:
        return fields | {"is_ephemeral": True}
    return fields | _thread_json(backend, message)


def _thread_json(backend: Backend, message: Message) -> dict[str, Any]:
    replies = backend.workspace.channels[message.channel].replies(message.ts)
    if not replies:
        return {"thread_ts": message.thread_ts} if message.thread_ts else {}
    authors = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": authors,
        "reply_users_count": len(authors),
        "latest_reply": replies[-1].ts,
    }


def file_json(backend: Backend, file: File) -> dict[str, Any]:
    """A file as Slack gives it to apps."""
    url = f"{backend.base_url}/files/{file.id}/{file.name}"
    fields = {"id": file.id, "name": file.name, "title": file.title, "size": file.size, "mimetype": file.mimetype}
    fields |= {"user": seed.BOT_USER_ID, "url_private": url, "url_private_download": url, "mode": "hosted"}
    if file.preview is not None:
        fields |= {"preview": file.preview, "mode": "snippet"}
    return fields


def page(items: list[Any], arguments: dict[str, Any], *, default: int, most: int) -> tuple[list[Any], dict[str, Any]]:
    """One page of a list by `limit` and `cursor`, and the `response_metadata` that leads on.

    Raises:
        ApiError: invalid_limit, invalid_cursor.
    """
    limit = arguments.get("limit", default)
    if not 1 <= limit <= most:
        raise ApiError("invalid_limit")
    cursor = arguments.get("cursor", "")
    start = 0
    if cursor:
        number = cursor.removeprefix("next:")
        if not cursor.startswith("next:") or not number.isascii() or not number.isdigit() or int(number) > len(items):
            raise ApiError("invalid_cursor")
        start = int(number)
    more = start + limit < len(items)
    return items[start : start + limit], {"next_cursor": f"next:{start + limit}" if more else ""}
