"""conversations.*: the channels, their members, and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import channels
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_2, TIER_3, TIER_4

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.messages import Message

KINDS = {"public_channel", "private_channel", "mpim", "im"}


def _channel_json(channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.private,
        "is_group": channel.private and not channel.direct,
        "is_im": bool(channel.direct),
        "is_mpim": False,
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_general": False,
        "is_member": seed.BOT_USER_ID in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
        "context_team_id": seed.TEAM_ID,
    }


def _list(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    kinds = given.get("types", ["public_channel"])
    if not set(kinds) <= KINDS:
        raise ApiError("invalid_types")
    for kind, scope in (("private_channel", "groups:read"), ("mpim", "mpim:read"), ("im", "im:read")):
        if kind in kinds and not backend.registration.may(scope):
            raise ApiError("missing_scope", needed=scope, provided=",".join(sorted(backend.registration.scopes or ())))
    every = [channel for channel in backend.workspace.channels.values() if _listed(channel, kinds, given)]
    page, cursor = channels.page(every, given, default=100, most=1000)
    return {"channels": [_channel_json(channel) for channel in page], "response_metadata": cursor}


def _listed(channel: Channel, kinds: list[str], given: dict[str, Any]) -> bool:
    if channel.archived and given.get("exclude_archived", False):
        return False
    if channel.direct:
        return "im" in kinds
    if channel.private:
        return "private_channel" in kinds and seed.BOT_USER_ID in channel.members
    return "public_channel" in kinds


def _info(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    return {"channel": _channel_json(channels.find(backend, given["channel"]))}


def _members(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.find(backend, given["channel"])
    page, cursor = channels.page(sorted(channel.members), given, default=100, most=1000)
    return {"members": page, "response_metadata": cursor}


def _join(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.find(backend, given["channel"])
    if channel.archived:
        raise ApiError("is_archived")
    already = seed.BOT_USER_ID in channel.members
    channel.members.add(seed.BOT_USER_ID)
    return {"channel": _channel_json(channel), **({"warning": "already_in_channel"} if already else {})}


def _open(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    """Opens the direct messages with one person; the app opens none of several people."""
    people = [backend.workspace.users.get(name) for name in given["users"].split(",")]
    if len(people) > 1:
        raise ApiError("too_many_users")
    user = people[0]
    if user is None or user.is_bot:
        raise ApiError("user_not_found")
    if user.deleted:
        raise ApiError("user_disabled")
    return {"channel": {"id": backend.workspace.open_direct(user).id}}


def _between(messages: list[Message], given: dict[str, Any]) -> list[Message]:
    try:
        oldest = float(given.get("oldest", 0))
        latest = float(given.get("latest", "inf"))
    except ValueError:
        raise ApiError("invalid_ts_oldest") from None
    if given.get("inclusive", False):
        return [message for message in messages if oldest <= float(message.ts) <= latest]
    return [message for message in messages if oldest < float(message.ts) < latest]


def _history(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.joined(backend, given["channel"])
    if channel.direct and not backend.registration.may("im:history"):
        provided = ",".join(sorted(backend.registration.scopes or ()))
        raise ApiError("missing_scope", needed="im:history", provided=provided)
    newest_first = _between(channel.timeline, given)[::-1]
    return _page_of_messages(backend, newest_first, given, default=100)


def _replies(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel = channels.joined(backend, given["channel"])
    message = channel.find(given["ts"])
    if message is None:
        raise ApiError("thread_not_found")
    parent, *replies = channel.thread(message.thread_ts or message.ts)
    return _page_of_messages(backend, [parent, *_between(replies, given)], given, default=999)


def _page_of_messages(
    backend: Backend, messages: list[Message], given: dict[str, Any], *, default: int
) -> dict[str, Any]:
    page, cursor = channels.page(messages, given, default=default, most=999)
    with_metadata = given.get("include_all_metadata", False)
    return {
        "messages": [channels.message_json(backend, message, with_metadata=with_metadata) for message in page],
        "has_more": bool(cursor["next_cursor"]),
        "response_metadata": cursor,
    }


_PAGES = {"cursor": "str", "limit": "int"}
_CHANNEL = {"channel": "str"}
_MESSAGES = {
    **_CHANNEL,
    **_PAGES,
    "oldest": "str",
    "latest": "str",
    "inclusive": "bool",
    "include_all_metadata": "bool",
}
_LIST = {**_PAGES, "types": "list", "exclude_archived": "bool"}
_INFO = {**_CHANNEL, "include_num_members": "bool", "include_locale": "bool"}

METHODS = (
    Method("conversations.list", _list, "channels:read", TIER_2, _LIST),
    Method("conversations.info", _info, "channels:read", TIER_3, _INFO, ("channel",)),
    Method("conversations.members", _members, "channels:read", TIER_4, {**_CHANNEL, **_PAGES}, ("channel",)),
    Method("conversations.join", _join, "channels:join", TIER_3, _CHANNEL, ("channel",), takes_json=True),
    Method("conversations.open", _open, "im:write", TIER_3, {"users": "str"}, ("users",), takes_json=True),
    Method("conversations.history", _history, "channels:history", TIER_3, _MESSAGES, ("channel",)),
    Method(
        "conversations.replies", _replies, "channels:history", TIER_3, {**_MESSAGES, "ts": "str"}, ("channel", "ts")
    ),
)
