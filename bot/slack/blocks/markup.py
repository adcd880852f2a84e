"""Mentions, links and times that the bot makes itself: sealed where they are made, opened where a message is sent.

In Slack's mrkdwn "<@U0ANA>" notifies a person, also within foreign text. What the bot makes is therefore "<SEAL@U0ANA>" until the
gate (bot/slack/redacted.py) sends it. A seal is an HMAC of what stands behind it, so a seal that foreign text repeats opens nothing
else. The gate escapes every other angle bracket: a view that forgets to escape a branch name notifies nobody and links nowhere.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import TYPE_CHECKING

from runners.invisible import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LENGTH = 8  # characters of the seal, 48 bits; a guess takes a place in a message each
_KEY_BYTES = 32
_PRESENTED = re.compile(rf"<([A-Za-z0-9_-]{{{_LENGTH}}})([^<>]*)>")
_SLACKS_OWN = re.compile(r"<([@#!][^<>\n]+|https?://[^<>\n]+)>")

_keys: tuple[bytes, ...] = (secrets.token_bytes(_KEY_BYTES),)


def use_keys(keys: Sequence[bytes]) -> None:
    """Seal with these keys, so that stored messages keep their mentions after a restart. The first one seals, all verify.

    Until then the key is random.
    """
    global _keys  # noqa: PLW0603  -- views are pure functions, and each of them would need it as an argument
    _keys = tuple(keys)


def sealed(inner: str) -> str:
    """What Slack is to find between angle brackets: "@U0ANA", "https://github.com|GitHub". It holds none itself."""
    return f"<{_seal(_keys[0], inner)}{inner}>"


def outside(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is not sealed."""
    return _changed(text, change, sealed)


def redacted(text: str, redact: Callable[[str], str]) -> str:
    """The text without secrets. What is sealed is redacted by itself and sealed again, so that a link stays one."""
    if redact(text) == text:
        return text
    return redact(_changed(text, str, lambda inner: sealed(redact(inner))))


def opened(text: str) -> str:
    """Mrkdwn as Slack gets it: with the sealed mentions, links and times, and no other."""
    return _changed(text, _harmless, lambda inner: f"<{inner}>")


def plain(text: str) -> str:
    """The text where Slack reads no mrkdwn: ids in place of mentions, labels in place of links and times."""
    return named(_changed(text, str, _label))


def received(text: str) -> str:
    """The mrkdwn of a message of our own that Slack returned: it has what the gate let through. Sealed again."""
    return _SLACKS_OWN.sub(lambda match: sealed(match[1]), text)


def _changed(text: str, outer: Callable[[str], str], inner: Callable[[str], str]) -> str:
    """The text with `outer` of what is not sealed, and `inner` of what each seal covers in place of the whole."""
    if "<" not in text:  # as most texts
        return outer(text)
    parts, position = [], 0
    for match in _PRESENTED.finditer(text):
        if _verifies(match[1], match[2]):
            parts += [outer(text[position : match.start()]), inner(match[2])]
            position = match.end()
    return "".join([*parts, outer(text[position:])])


def _verifies(seal: str, inner: str) -> bool:
    return any(hmac.compare_digest(_seal(key, inner), seal) for key in _keys)


def _seal(key: bytes, inner: str) -> str:
    digest = hmac.digest(key, inner.encode("utf-8", "surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(digest)[:_LENGTH].decode("ascii")


def _harmless(text: str) -> str:
    return named(text).replace("<", "&lt;").replace(">", "&gt;")


def _label(inner: str) -> str:
    target, _, label = inner.partition("|")
    return label or re.sub(r"^(?:@|!subteam\^)", "", target)
