"""The gate to Slack: redacts the texts that people read, and lets through only mentions and links that the bot made.

No id, type, style or value ever changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.slack.blocks import markup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# The fields of Block Kit, of views and of messages that hold a text for people; each may also hold a text object.
TEXTS = frozenset(
    {
        "alt_text", "author_name", "caption", "close", "confirm", "deny", "description", "details", "fallback", "hint",
        "initial_value", "label", "output", "placeholder", "provider_name", "pretext", "submit", "subtitle", "text", "title",
    }
)  # fmt: skip
# A cut or changed address leads anywhere; these are replaced as a whole.
ADDRESSES = frozenset(
    {"author_icon", "image_url", "provider_icon_url", "thumbnail_url", "title_url", "url", "video_url"}
)
# The types of objects whose "text" Slack reads as markup. A message's own "text", in an object without a type, is one too.
_MARKUP = frozenset({None, "mrkdwn", "markdown"})
# What only programs read.
OPAQUE = frozenset({"metadata", "private_metadata"})
# Characters. The least that was not exceeded before is at most the limit that Slack sets there.
_LIMITS = (75, 300, 2000, 3000, 4000)
_LIMITS_OF_PLAIN_TEXT = (24, 30, 75, 100, 150, 200, 300, 2000, 3000)
NO_ADDRESS = "https://redacted.invalid/"  # RFC 2606 reserves the name


def redacted(content: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """A method's arguments, a message, a view or a block with its texts redacted, and addresses that hold a secret replaced."""
    return _changed(content, lambda text, _: markup.redacted(text, redact), lambda address: redact(address) == address)


def opened(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same as Slack gets it: our own markup opened, every other angle bracket escaped, nothing linked by Slack itself.

    `verbatim` keeps Slack from linking addresses, "#channels" and "@here" (docs.slack.dev, text object).
    """
    sent = _changed(content, _opened, lambda _: True)
    return {key: part if key in OPAQUE else _verbatim(part) for key, part in sent.items()}


def received(content: Mapping[str, Any]) -> dict[str, Any]:
    """A message of our own as Slack returned it, with its markup sealed again, so that it can be sent again."""
    return _changed(content, _received, lambda _: True, limited=False)


def _received(text: str, is_markup: bool) -> str:  # noqa: FBT001  -- passed as a function
    return markup.received(text) if is_markup else text


def _opened(text: str, is_markup: bool) -> str:  # noqa: FBT001  -- passed as a function
    return markup.opened(text) if is_markup else markup.plain(text)


def _changed(
    content: Mapping[str, Any],
    change: Callable[[str, bool], str],
    keeps_address: Callable[[str], bool],
    *,
    limited: bool = True,
) -> dict[str, Any]:
    kind = content.get("type")
    limits = _LIMITS_OF_PLAIN_TEXT if kind == "plain_text" else _LIMITS

    def changed(key: str, value: Any) -> Any:
        match value:
            case dict():
                return _changed(value, change, keeps_address, limited=limited)
            case list() | tuple():
                return [changed(key, entry) for entry in value]
            case str() if key in ADDRESSES:
                return value if keeps_address(value) else NO_ADDRESS
            case str() if key in TEXTS:
                text = change(value, kind in _MARKUP)
                return _within_limit(text, len(value), limits) if limited else text
            case _:
                return value

    return {key: value if key in OPAQUE else changed(key, value) for key, value in content.items()}


def _verbatim(value: Any) -> Any:
    match value:
        case dict():
            whole = {key: part if key in OPAQUE else _verbatim(part) for key, part in value.items()}
            return whole | ({"verbatim": True} if value.get("type") == "mrkdwn" else {})
        case list() | tuple():
            return [_verbatim(part) for part in value]
        case _:
            return value


def _within_limit(text: str, before: int, limits: Sequence[int]) -> str:
    """Slack refuses a message with a text over its limit, which "[redacted]" for a short secret may take it to."""
    limit = next((limit for limit in limits if limit >= before), before)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
