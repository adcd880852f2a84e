"""Redacts what is sent to Slack: only the texts that people read, so that no id, type, style or value ever changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
# What only programs read.
OPAQUE = frozenset({"metadata", "private_metadata"})
# Characters. The least that was not exceeded before is at most the limit that Slack sets there.
_LIMITS = (75, 300, 2000, 3000, 4000)
_LIMITS_OF_PLAIN_TEXT = (24, 30, 75, 100, 150, 200, 300, 2000, 3000)
NO_ADDRESS = "https://redacted.invalid/"  # RFC 2606 reserves the name


def redacted(content: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """A method's arguments, a message, a view or a block with its texts redacted, and addresses that hold a secret replaced."""
    limits = _LIMITS_OF_PLAIN_TEXT if content.get("type") == "plain_text" else _LIMITS
    return {key: value if key in OPAQUE else _field(key, value, redact, limits) for key, value in content.items()}


def _field(key: str, value: Any, redact: Callable[[str], str], limits: Sequence[int]) -> Any:
    match value:
        case dict():
            return redacted(value, redact)
        case list() | tuple():
            return [_field(key, entry, redact, limits) for entry in value]
        case str() if key in ADDRESSES:
            return value if redact(value) == value else NO_ADDRESS
        case str() if key in TEXTS:
            return _within_limit(redact(value), len(value), limits)
        case _:
            return value


def _within_limit(text: str, before: int, limits: Sequence[int]) -> str:
    """Slack refuses a message with a text over its limit, which "[redacted]" for a short secret may take it to."""
    limit = next((limit for limit in limits if limit >= before), before)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
