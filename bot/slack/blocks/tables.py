"""Tables of a message, within Slack's limits (docs.slack.dev/reference/block-kit/blocks/table-block)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from bot.slack.blocks.kit import Block

ROWS = 100
CELL = 200
CHARACTERS = 6_000  # Slack takes 10,000; the rest of the message needs room as well


@dataclass(frozen=True, slots=True)
class Link:
    """A table cell with a link, and plain text before and after it.

    The URL must be http or https, else the cell has the text without a link.
    """

    text: str
    url: str
    after: str = ""
    before: str = ""


Cell = str | Link


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = ()) -> Block:
    """A table with a heading row; `right` are the columns of numbers. Rows that do not fit are counted in the last."""
    body = list(rows)
    # A column that is empty in every row only takes room.
    columns = [index for index in range(len(head)) if not body or any(row[index] for row in body)]
    displayed = [head, *body[: ROWS - 1]]
    lines = _fitting([[_cell(row[index], bold=row is head) for index in columns] for row in displayed])
    if len(lines) <= len(body):
        lines[-1] = [_cell(f"… {len(body) - len(lines) + 2} more"), *(_cell("") for _ in columns[1:])]
    return {
        "type": "table",
        "column_settings": [{"align": "right" if index in right else "left"} for index in columns],
        "rows": lines,
    }


def _fitting(lines: list[list[Block]]) -> list[list[Block]]:
    size = 0
    fitting: list[list[Block]] = []
    for line in lines:
        size += kit.characters_in(line)
        if size > CHARACTERS and len(fitting) > 1:
            break
        fitting.append(line)
    return fitting


def _cell(cell: Cell, *, bold: bool = False) -> Block:
    # Slack refuses an empty cell. Rich text is displayed literally, so nothing needs escaping here.
    words = kit.cut(kit.one_line(cell.text if isinstance(cell, Link) else cell), CELL) or " "
    element: Block = {"type": "text", "text": words}
    if isinstance(cell, Link) and kit.is_url(cell.url):
        element = {"type": "link", "url": cell.url, "text": words}
    if bold:
        element["style"] = {"bold": True}
    elements = [element]
    if isinstance(cell, Link) and cell.before:
        elements.insert(0, {"type": "text", "text": kit.cut(kit.one_line(cell.before), CELL) + " "})
    if isinstance(cell, Link) and cell.after:
        elements.append({"type": "text", "text": " " + kit.cut(kit.one_line(cell.after), CELL)})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}
