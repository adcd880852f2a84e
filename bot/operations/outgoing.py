"""The stored form of what Slack has not taken yet: an operation's message, a message or a file for its thread."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks.kit import Message

if TYPE_CHECKING:
    from bot.services import Services

# The names in the outbox of an operation's message, and the beginnings of those of a thread's message and file, of a notice
# (notices.py), of a notice that the channel displays too, and of one that is a direct message.
MESSAGE, THREAD, FILE = "message", "thread ", "file "
NOTICE, BROADCAST, DIRECT = "notice ", "broadcast ", "direct "
REPORT = "report "  # the beginning of the name of a notice in `slack.channel`


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file for a thread; `title` is what people read above it."""

    filename: str
    title: str
    content: str


def of_message(services: Services, message: Message) -> bytes:
    """A message, redacted."""
    content = services.chat.redacted({"text": message.text, "blocks": list(message.blocks)})
    return json.dumps(content).encode()


def message_of(content: bytes) -> Message:
    """The message that `of_message` stored."""
    read = json.loads(content)
    return Message(read["text"], tuple(read["blocks"]))


def of_file(services: Services, file: TextFile) -> bytes:
    """A text file, redacted."""
    return json.dumps([file.filename, services.redact(file.title), services.redact(file.content)]).encode()


def file_of(content: bytes) -> TextFile:
    """The file that `of_file` stored."""
    return TextFile(*json.loads(content))
