"""Slack's mrkdwn: how a person reads it, and what a person's typing becomes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANGLE = re.compile(r"<([@#!][^<>\n]+|[a-zA-Z][a-zA-Z0-9+.-]*:[^<>\n]+)>")
_BROADCAST = re.compile(r"<!(channel|here|everyone)(?:\|[^<>]*)?>")
_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]+)|!subteam\^(S[A-Z0-9]+))(?:\|[^<>]*)?>")
_LINK = re.compile(r"<([a-zA-Z][a-zA-Z0-9+.-]*:[^<>|\n]+)(?:\|[^<>]*)?>")
# Slack links addresses, and domains of well-known endings, wherever they stand.
_BARE_LINK = re.compile(
    r"\b(?:https?://[^\s<>|]+|mailto:[^\s<>|]+|(?:[a-z0-9-]+\.)+(?:com|org|net|io|dev)\b)", re.IGNORECASE
)
_BARE_CHANNEL = re.compile(r"(?<![\w#&])#[a-z0-9][a-z0-9_-]*")
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
    for kind, content, _ in _markup(blocks):
        mentions.extend([content] if kind == "broadcast" else _BROADCAST.findall(content) if kind == "text" else [])
    return tuple(mentions)


def notified(text: str, blocks: list[dict[str, Any]]) -> frozenset[str]:
    """Everybody whom a message would notify: ids of people and of user groups; channel, here and everyone.

    docs.slack.dev/messaging/formatting-message-text, "Mentioning users", "Mentioning groups", "Special mentions".
    """
    ids = set(broadcasts(text, blocks))
    for kind, content, _ in [("text", text, False), *_markup(blocks)]:
        ids |= {content} if kind in {"user", "usergroup"} else set()
        ids |= {first or second for first, second in _MENTION.findall(content)} if kind == "text" else set()
    return frozenset(ids)


def links(text: str, blocks: list[dict[str, Any]]) -> frozenset[str]:
    """Where a message links: what is marked up as a link, and, unless `verbatim` is set, what Slack links itself.

    docs.slack.dev/messaging/formatting-message-text, "Automatic parsing": addresses, and names of channels. The
    message's `text` counts only without blocks, which replace it.
    """
    targets = set()
    for kind, content, verbatim in [*_markup(blocks)] if blocks else [("text", text, False)]:
        if kind == "link":
            targets.add(content)
        elif kind == "text":
            targets |= {unescape(url) for url in _LINK.findall(content)}
            bare = "" if verbatim else _ANGLE.sub(" ", content)
            targets |= {unescape(url) for url in _BARE_LINK.findall(bare)} | set(_BARE_CHANNEL.findall(bare))
    return frozenset(targets)


def _markup(value: Any) -> Iterator[tuple[str, str, bool]]:
    """What Slack reads of blocks: texts in mrkdwn, whether they are verbatim, and elements that mention or link."""
    if isinstance(value, list):
        for entry in value:
            yield from _markup(entry)
    elif isinstance(value, dict):
        match value.get("type"):
            case "broadcast":
                yield "broadcast", str(value.get("range")), True
            case "user":
                yield "user", str(value.get("user_id")), True
            case "usergroup":
                yield "usergroup", str(value.get("usergroup_id")), True
            case "link":
                yield "link", str(value.get("url")), True
            case "mrkdwn" | "markdown":
                yield "text", str(value.get("text")), value.get("verbatim") is True
            case _:
                yield from _markup(list(value.values()))
