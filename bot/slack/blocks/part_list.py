"""The list of an environment's stacks or services, with a button for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block, Message

MOST_BUTTONS = 20  # parts with a button; Slack takes 50 blocks in a message


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part: its name, what follows it (mrkdwn), and its button."""

    name: str
    text: str
    button: Block


def listing(title: str, lines: Sequence[PartLine], command: str, *more: Block) -> Message:
    """The parts under a title (plain text), then `more`; `command` is what plans or deploys one that has no button."""
    blocks: list[Block] = [kit.section(f"*{kit.escape(title)}*")]
    for line in lines[:MOST_BUTTONS]:
        blocks += [kit.section(f"{kit.code(line.name)}{line.text}"), kit.actions(f"part-{line.name}", line.button)]
    if hidden := lines[MOST_BUTTONS:]:
        names = ", ".join(kit.code(line.name) for line in hidden)
        blocks.append(kit.section(f"And {names}: {kit.code(command)}"))
    return kit.message(kit.escape(title), [*blocks, *more])
