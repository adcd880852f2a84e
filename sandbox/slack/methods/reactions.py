"""reactions.*: an emoji under a message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import channels
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_2, TIER_3

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.messages import Message

_EMOJI = re.compile(r"[a-z0-9_+'-]+(?:::skin-tone-[2-6])?")


def _target(backend: Backend, given: dict[str, Any]) -> tuple[Channel, Message]:
    channel = channels.joined(backend, given["channel"])
    message = channel.find(given["timestamp"])
    if message is None:
        raise ApiError("message_not_found")
    if not _EMOJI.fullmatch(given["name"]):
        raise ApiError("invalid_name")
    return channel, message


def _add(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel, message = _target(backend, given)
    users = message.reactions.setdefault(given["name"], [])
    if seed.BOT_USER_ID in users:
        raise ApiError("already_reacted")
    users.append(seed.BOT_USER_ID)
    channel.changed(message)
    return {}


def _remove(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    channel, message = _target(backend, given)
    users = message.reactions.get(given["name"], [])
    if seed.BOT_USER_ID not in users:
        raise ApiError("no_reaction")
    users.remove(seed.BOT_USER_ID)
    if not users:
        del message.reactions[given["name"]]
    channel.changed(message)
    return {}


_ARGUMENTS = {"channel": "str", "timestamp": "str", "name": "str"}
_REQUIRED = ("channel", "timestamp", "name")

METHODS = (
    Method("reactions.add", _add, "reactions:write", TIER_3, _ARGUMENTS, _REQUIRED, takes_json=True),
    Method("reactions.remove", _remove, "reactions:write", TIER_2, _ARGUMENTS, _REQUIRED, takes_json=True),
)
