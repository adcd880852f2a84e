"""Slack's mrkdwn: how a person reads it, and what a person's typing becomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANGLE = re.compile(r"<([@#!][^<>\n]+|[a-zA-Z][a-zA-Z0-9+.-]*:[^<>\n]+)>")
_BROADCAST = re.compile(r"<!(channel|here|everyone)(?:\|[^<>]*)?>")
_TYPED_USER = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9._-]*[a-z0-9]|[a-z0-9])")
_TYPED_CHANNEL = re.compile(r"(?<![\w#])#([a-z0-9][a-z0-9_-]*)")
_TYPED_LINK = re.compile(r"\bhttps?://[^\s<>|]+")


class Names(Protocol):
    """Who and what ids stand for."""

    def user_name(self, user_id: str) -> str | None:
        """The handle of a user, without @."""

    def channel_name(self, channel_id: str) -> str | None:
        """The name of a channel, without #."""

    def usergroup_handle(self, usergroup_id: str) -> str | None:
        """The handle of a user group, without @."""

    def user_id(self, name: str) -> str | None:
        """The id of the person with this handle."""

    def channel_id(self, name: str) -> str | None:
        """The id of the channel with this name."""


def escape(text: str) -> str:
    """Foreign text made safe, by Slack's rule: exactly `&`, `<` and `>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """The reverse of `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def readable(text: str, names: Names) -> str:
    """Mrkdwn with mentions, links and entities as a person sees them; `*` and backticks are left in."""
    parts: list[str] = []
    position = 0
    for match in _ANGLE.finditer(text):
        parts.extend((unescape(text[position : match.start()]), _resolved(match[1], names)))
        position = match.end()
    parts.append(unescape(text[position:]))
    return "".join(parts)


def _resolved(inside: str, names: Names) -> str:
    target, _, label = inside.partition("|")
    label = unescape(label)
    match target[0]:
        case "@":
            return f"@{names.user_name(target[1:]) or label or target[1:]}"
        case "#":
            return f"#{names.channel_name(target[1:]) or label or target[1:]}"
        case "!":
            return _special(target[1:], label, names)
        case _:
            return label or unescape(target)


def _special(word: str, label: str, names: Names) -> str:
    kind, *arguments = word.split("^")
    if kind == "subteam" and arguments:
        return f"@{names.usergroup_handle(arguments[0]) or label.lstrip('@') or arguments[0]}"
    if kind in {"channel", "here", "everyone"}:
        return f"@{kind}"
    return label or f"<!{word}>"


def typed(text: str, names: Names) -> str:
    """What Slack stores when a person types `text` as a message: escaped, with mentions and links resolved."""
    stored = _TYPED_LINK.sub(lambda match: f"<{match[0]}>", escape(text))
    stored = re.sub(r"(?<![\w@])@(channel|here|everyone)\b", r"<!\1>", stored)
    return mention(stored, names)


def mention(text: str, names: Names, *, with_names: bool = False) -> str:
    """`@ana` and `#ops` turned into `<@U…>` and `<#C…>` where such a person or channel exists."""

    def user(match: re.Match[str]) -> str:
        user_id = names.user_id(match[1])
        return match[0] if user_id is None else f"<@{user_id}|{match[1]}>" if with_names else f"<@{user_id}>"

    def channel(match: re.Match[str]) -> str:
        channel_id = names.channel_id(match[1])
        return match[0] if channel_id is None else f"<#{channel_id}|{match[1]}>"

    return _TYPED_CHANNEL.sub(channel, _TYPED_USER.sub(user, text))


def command_text(text: str, names: Names, *, should_escape: bool) -> str:
    """The text of a slash command as Slack sends it, by the command's `should_escape` setting."""
    if not should_escape:
        return text
    linked = _TYPED_LINK.sub(lambda match: f"<{match[0]}>", escape(text))
    return mention(linked, names, with_names=True)


def broadcasts(text: str, blocks: list[dict[str, Any]]) -> tuple[str, ...]:
    """Which of channel, here and everyone a message would notify, in the order they appear."""
    mentions = _BROADCAST.findall(text)
    for kind, content in _notifying(blocks):
        mentions.extend([content] if kind == "broadcast" else _BROADCAST.findall(content))
    return tuple(mentions)


def _notifying(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for entry in value:
            yield from _notifying(entry)
    elif isinstance(value, dict):
        kind = value.get("type")
        if kind == "broadcast":
            yield "broadcast", str(value.get("range"))
        elif kind in {"mrkdwn", "markdown"}:
            yield "text", str(value.get("text"))
        else:
            yield from _notifying(list(value.values()))
