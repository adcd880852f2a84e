"""Slack's newer blocks, for workspaces that have them (`slack.blocks`); elsewhere the older ones say the same.

docs.slack.dev/reference/block-kit/blocks: container-block, data-table-block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.slack.blocks import kit, markup
from bot.slack.blocks.kit import Message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bot.slack.blocks.kit import Block

CONTAINER, DATA_TABLE = "container", "data_table"
TITLE, CHILDREN = 150, 10  # of a container: characters of its title, and blocks in it
PAGE = 10  # rows that a data table displays at once
CAPTION = 150
FOLDED = 4_000  # characters in a container; the rest of the message needs room as well


def folded(title: str, blocks: Sequence[Block]) -> list[Block]:
    """What is read after a click. Where Slack cannot fold it is left out, so it has to be in the thread as well."""
    fitting, size = [], 0
    for block in blocks[:CHILDREN]:
        size += kit.characters_in(block)
        if size > FOLDED:
            break
        fitting.append(block)
    if not fitting:
        return []
    heading = {"type": "plain_text", "text": kit.cut(kit.one_line(title), TITLE) or "Details"}
    fold = {"is_collapsible": True, "default_collapsed": True, "width": "full"}
    return [{"type": CONTAINER, "title": heading, "child_blocks": fitting, **fold}]


def adapted(message: Message, available: Collection[str]) -> Message:
    """The message with those of the newer blocks that are available."""
    return Message(message.text, tuple(_adapted(message, available)))


def _adapted(message: Message, available: Collection[str]) -> Iterator[Block]:
    for block in message.blocks:
        match block["type"]:
            case "container" if CONTAINER not in available:
                pass
            case "table" if DATA_TABLE in available and len(block["rows"]) > 1:
                yield _data_table(block, message.text)
            case _:
                yield block


def _data_table(table: Block, caption: str) -> Block:
    """A table that pages and sorts. Its headings are plain text."""
    head, *body = table["rows"]
    headings = [{"type": "raw_text", "text": _words(cell) or " "} for cell in head]
    return {
        "type": DATA_TABLE,
        "caption": kit.cut(kit.one_line(markup.plain(caption)), CAPTION),
        "page_size": min(PAGE, len(body)),
        "rows": [headings, *body],
    }


def _words(cell: Any) -> str:
    match cell:
        case {"text": str(text)}:
            return text
        case dict():
            return "".join(map(_words, cell.get("elements", ())))
        case _:
            return ""
