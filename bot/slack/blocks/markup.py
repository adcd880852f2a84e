"""Mentions, links and times that the bot makes itself: sealed where they are made, opened where a message is sent.

In Slack's mrkdwn "<@U0ANA>" notifies a person, also within foreign text. What the bot makes is therefore "<SEAL@U0ANA>" until the
gate (bot/slack/redacted.py) sends it. Foreign text cannot know the seal, so the gate escapes every other angle bracket:
a view that forgets to escape a branch name notifies nobody and links nowhere.
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

_LENGTH = 8  # characters of the seal, 48 bits; a guess takes a message each
_SLACKS_OWN = re.compile(r"<([@#!][^<>\n]+|https?://[^<>\n]+)>")


class _Seals:
    """The seal of this process, and the expression that finds what has it, or a seal of an older key."""

    def __init__(self, secrets_: Sequence[bytes]) -> None:
        texts = [base64.urlsafe_b64encode(secret)[:_LENGTH].decode() for secret in secrets_]
        any_of_them = "|".join(map(re.escape, texts))
        self.text = texts[0]
        self.pattern = re.compile(f"<(?:{any_of_them})([^<>]*)>")
        self.stray = re.compile(any_of_them)


_current = _Seals([secrets.token_bytes(_LENGTH)])


def use_keys(keys: Sequence[bytes]) -> None:
    """Derive the seals from keys, so that stored messages keep their mentions after a restart. The first one seals.

    Until then the seal is random.
    """
    global _current  # noqa: PLW0603  -- views are pure functions, and each of them would need it as an argument
    _current = _Seals([hmac.digest(key, b"seal", "sha256") for key in keys])


def sealed(inner: str) -> str:
    """What Slack is to find between angle brackets: "@U0ANA", "https://github.com|GitHub". It holds none itself."""
    return f"<{_current.text}{inner}>"


def outside(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed that is not sealed."""
    parts, position = [], 0
    for match in _current.pattern.finditer(text):
        parts += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, change(text[position:])])


def opened(text: str) -> str:
    """Mrkdwn as Slack gets it: with the sealed mentions, links and times, and no other."""
    harmless = outside(text, lambda part: named(part).replace("<", "&lt;").replace(">", "&gt;"))
    return _current.stray.sub("", _current.pattern.sub(r"<\1>", harmless))


def plain(text: str) -> str:
    """The text where Slack reads no mrkdwn: ids in place of mentions, labels in place of links and times."""
    return named(_current.stray.sub("", _current.pattern.sub(lambda match: _label(match[1]), text)))


def received(text: str) -> str:
    """The mrkdwn of a message of our own that Slack returned: it has what the gate let through. Sealed again."""
    return _SLACKS_OWN.sub(lambda match: sealed(match[1]), text)


def _label(inner: str) -> str:
    target, _, label = inner.partition("|")
    return label or re.sub(r"^(?:@|!subteam\^)", "", target)
