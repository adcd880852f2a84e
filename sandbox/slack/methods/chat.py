"""chat.*: posting, changing and deleting messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import channels
from sandbox.slack.methods.registry import Method
from sandbox.slack.posting import LONGEST_UPDATE, draft
from sandbox.slack.rate_limits import GENEROUS, POSTING, TIER_3, TIER_4

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel


def _post(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = _postable(backend, given["channel"])
    if channel.direct and not backend.registration.messages_tab:
        raise ApiError("messages_tab_disabled")
    checked = draft(given)
    message = backend.workspace.post(
        channel,
        seed.BOT_USER_ID,
        checked.text,
        blocks=checked.blocks,
        thread_ts=_thread(channel, given),
        metadata=checked.metadata,
        bot_id=seed.BOT_ID,
        broadcast=_broadcast(given),
    )
    return {"channel": channel.id, "ts": message.ts, "message": channels.message_json(backend, message)}


def _postable(backend: Backend, name: str) -> Channel:
    granted = backend.registration.scopes
    if granted is not None and "chat:write.public" in granted:
        channel = channels.find(backend, name, by_name=True)
    else:
        channel = channels.joined(backend, name, by_name=True)
    if channel.archived:
        raise ApiError("is_archived")
    return channel


def _thread(channel: Channel, given: dict[str, Any]) -> str | None:
    """The parent that a message goes under; a reply's ts is refused, Slack would hide the message there."""
    ts: str | None = given.get("thread_ts")
    if ts is None:
        return None
    parent = channel.find(ts)
    if parent is None:
        raise ApiError("thread_not_found")
    if parent.thread_ts not in {None, parent.ts}:
        raise ApiError("invalid_thread_ts")
    return ts


def _broadcast(given: dict[str, Any]) -> bool:
    """Whether a reply is also displayed in the channel; without a thread, Slack ignores the wish, and this refuses it."""
    broadcast = bool(given.get("reply_broadcast"))
    if broadcast and given.get("thread_ts") is None:
        raise ApiError("invalid_arguments")
    return broadcast


def _whisper(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.joined(backend, given["channel"])
    if channel.archived:
        raise ApiError("is_archived")
    if given["user"] not in channel.members:
        raise ApiError("user_not_in_channel")
    checked = draft(given)
    thread_ts = _thread(channel, given)
    message = backend.workspace.whisper(
        channel, given["user"], checked.text, blocks=checked.blocks, thread_ts=thread_ts
    )
    return {"message_ts": message.ts}


def _update(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.joined(backend, given["channel"])
    if channel.archived:
        raise ApiError("is_inactive")
    message = channels.own_message(channel, given["ts"], "cant_update_message")
    arguments = given if "blocks" in given else {**given, "blocks": message.blocks or None}
    if "text" not in given and "blocks" not in given:
        raise ApiError("no_text")
    checked = draft(arguments, longest=LONGEST_UPDATE)
    message.replace(
        ts=backend.workspace.new_ts(),
        text=checked.text if "text" in given else message.text,
        blocks=checked.blocks or [],
        metadata=checked.metadata if "metadata" in given else message.metadata,
    )
    channel.changed(message)
    answer = channels.message_json(backend, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": answer}


def _delete(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.joined(backend, given["channel"])
    message = channels.own_message(channel, given["ts"], "cant_delete_message")
    channel.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def _permalink(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.find(backend, given["channel"])
    message = channel.find(given["message_ts"])
    if message is None:
        raise ApiError("message_not_found")
    link = f"https://{seed.TEAM_DOMAIN}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts not in {None, message.ts}:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


_CONTENT = {"channel": "str", "text": "str", "blocks": "raw", "metadata": "raw"}
_POST = {
    **_CONTENT,
    "thread_ts": "str",
    "reply_broadcast": "bool",
    "unfurl_links": "bool",
    "unfurl_media": "bool",
    "mrkdwn": "bool",
}
_WHISPER = {"channel": "str", "user": "str", "text": "str", "blocks": "raw", "thread_ts": "str"}

METHODS = (
    Method("chat.postMessage", _post, "chat:write", POSTING, _POST, ("channel",), takes_json=True),
    Method("chat.postEphemeral", _whisper, "chat:write", TIER_4, _WHISPER, ("channel", "user"), takes_json=True),
    Method("chat.update", _update, "chat:write", TIER_3, {**_CONTENT, "ts": "str"}, ("channel", "ts"), takes_json=True),
    Method(
        "chat.delete",
        _delete,
        "chat:write",
        TIER_3,
        {"channel": "str", "ts": "str"},
        ("channel", "ts"),
        takes_json=True,
    ),
    Method(
        "chat.getPermalink",
        _permalink,
        None,
        GENEROUS,
        {"channel": "str", "message_ts": "str"},
        ("channel", "message_ts"),
    ),
)
