"""What a message may take: height on a phone, and words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.slack.redacted import opened
from sandbox.slack import Workspace
from sandbox.slack.rendering import message_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.gallery.pictures import Size
    from tests.gallery.samples import Sample

SCREEN = 600  # CSS pixels: what a phone shows of a message at once
WARNING = 80  # more for an asking message with a warning, whose buttons are on the first screen all the same
WORDS = 120
WORKSPACE = Workspace()


def text_of(sample: Sample) -> str:
    """What a person reads in it."""
    sent = opened({"text": sample.message.text, "blocks": list(sample.message.blocks)})
    return message_text(sent["text"], sent["blocks"], [], WORKSPACE)


def words_of(sample: Sample) -> int:
    """How many words that are."""
    return len(re.findall(r"\w[\w.'/-]*", text_of(sample)))


def over_budget(samples: Sequence[Sample], sizes: Mapping[str, Size]) -> list[str]:
    """A line for each message that is too tall, has its buttons too far down, or too many words."""
    faults = []
    for sample in samples:
        size = sizes[sample.name]
        most = SCREEN + (WARNING if re.search(":(?:warning|lock):", text_of(sample)) else 0)
        if sample.asks and size.height > most:
            faults.append(f"{sample.name} asks, and is {size.height} px tall (at most {most})")
        if size.buttons > SCREEN:
            faults.append(f"{sample.name} has a button at {size.buttons} px (at most {SCREEN})")
        if words_of(sample) > WORDS:
            faults.append(f"{sample.name} has {words_of(sample)} words (at most {WORDS})")
    return faults
