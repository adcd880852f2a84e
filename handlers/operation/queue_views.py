"""The queues as an answer to one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.slack.blocks.common import EMOJI

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record


@dataclass(frozen=True, slots=True)
class Line:
    """An operation of a queue, the address of its message (may be empty), and who can free the queue (mrkdwn)."""

    record: Record
    url: str
    freed_by: str


def listing(queues: Sequence[Sequence[Line]], name: str, *, more: int) -> Message:
    """The queues, each with its operations in order; `name` is the environment that was asked for, or empty."""
    title = f"The queue of {name}" if name else "What runs and what waits"
    if not queues:
        text = f"Nothing runs and nothing waits{f' in {kit.escape(name)}' if name else ''}."
        return kit.message(text, [kit.section(text)])
    items = [f"*{kit.escape(queue[0].record.environment)}*\n" + "\n".join(map(_line, queue)) for queue in queues]
    foot = [kit.context("Cancel one with /infra cancel and its number.", *([f"{more} more."] if more else []))]
    return kit.message(title, [kit.header(title), *map(kit.section, items)], foot=foot)


def _line(line: Line) -> str:
    record = line.record
    number = kit.link(f"#{record.number}", line.url)
    doing = kit.escape(record.activity) or record.status.value
    freed = f"; {line.freed_by}" if line.freed_by else ""
    requested = f"requested by {kit.user(record.requester)} {kit.moment(record.created_at)}"
    return f"{EMOJI[record.status.value]} {number} {kit.escape(record.title)}: {doing}, {requested}{freed}"
