"""Block Kit builders that cannot exceed Slack's limits, and the escaping of foreign text.

Limits: docs.slack.dev/reference/block-kit; the size of a whole message as observed (bolt-js issue 2509).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Block = dict[str, Any]

MESSAGE_CHARACTERS = 12_000
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
SECTION = 3_000
CONTEXT = 2_000
HEADER = 150
TEXT = 3_000
TABLE_ROWS = 100
TABLE_CELL = 200
BUTTON = 75
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30


@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text` says in one line what `blocks` show (notifications and screen readers read it)."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A table cell that leads somewhere. `url` must be http or https, else only the text is shown."""

    text: str
    url: str


Cell = str | Link


def escape(text: str) -> str:
    """Foreign text made harmless: exactly &, < and > are special to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_but_people(text: str) -> str:
    """Escaped, but mentions of people and groups stay; for answers that only one person sees."""
    return re.sub(r"&lt;(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)&gt;", r"<\1>", escape(text))


def without_mentions(text: str) -> str:
    """For places where Slack shows plain text only: people and groups by their ids."""
    return re.sub(r"<(?:@|!subteam\^)([A-Z0-9]+)>", r"\1", text)


def code(text: str, limit: int = 120) -> str:
    """Foreign text as inline code; a backtick inside would end it, so it becomes an apostrophe."""
    plain = " ".join(text.split()).replace("`", "'")
    return f"`{escape(middle_cut(plain, limit))}`" if plain else "_(empty)_"


def preformatted(text: str, limit: int = 2_800) -> str:
    """The last lines of foreign text as a code block of at most `limit` characters."""
    harmless = escape(text.replace("```", "'''").strip("\n"))
    return f"```\n{tail_cut(harmless, limit)}\n```"


def link(text: str, url: str) -> str:
    """Foreign text that leads to `url`; only the text where the address is not plain http(s)."""
    safe = url.startswith(("https://", "http://")) and not set(url) & set("<>|\n ")
    return f"<{url}|{escape(' '.join(text.split())).replace('|', '/')}>" if safe else escape(text)


def user(user_id: str) -> str:
    """A mention of a person by id; "Signalbox" for what it does by itself."""
    return f"<@{user_id}>" if user_id.isalnum() and user_id[:1] in "UW" else escape(user_id)


def moment(at: float) -> str:
    """A Unix time shown in each reader's own time zone."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{fallback}>"


def duration(seconds: float) -> str:
    """Seconds in words: 8 s, 2 min 5 s, 1 h 4 min."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending in an ellipsis when something is missing; never half an entity."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    entity = kept.rfind("&")
    return (kept[:entity] if entity > len(kept) - 5 and ";" not in kept[entity:] else kept) + "…"


def middle_cut(text: str, limit: int) -> str:
    """At most `limit` characters, the middle left out: both ends of an id or a path tell more than one."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def tail_cut(text: str, limit: int) -> str:
    """The last whole lines that fit into `limit` characters."""
    if len(text) <= limit:
        return text
    kept = text[-(limit - 2) :]
    _, newline, whole_lines = kept.partition("\n")
    return "…\n" + (whole_lines if newline else kept)


def section(text: str) -> Block:
    """A paragraph of mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION)}}


def header(text: str) -> Block:
    """A heading in plain text."""
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, HEADER), "emoji": True}}


def context(*texts: str) -> Block:
    """Small print: up to ten pieces of mrkdwn beside each other."""
    elements = [{"type": "mrkdwn", "text": cut(text, CONTEXT)} for text in texts if text]
    return {"type": "context", "elements": elements[:10]}


def divider() -> Block:
    """A line across."""
    return {"type": "divider"}


def confirm(title: str, text: str, ok: str) -> Block:
    """The question a button asks before it counts."""
    return {
        "title": {"type": "plain_text", "text": cut(title, CONFIRM_TITLE)},
        "text": {"type": "mrkdwn", "text": cut(text, CONFIRM_TEXT)},
        "confirm": {"type": "plain_text", "text": cut(ok, CONFIRM_BUTTON)},
        "deny": {"type": "plain_text", "text": "Not now"},
    }


def button(text: str, action_id: str, value: str, *, style: str | None = None, ask: Block | None = None) -> Block:
    """A button. `value` is an opaque id, never a fact to act on; `style` primary, danger or None."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": cut(text, BUTTON), "emoji": True},
        "action_id": action_id,
        "value": value,
    }
    extras = {"style": style, "confirm": ask}
    return {**made, **{key: extra for key, extra in extras.items() if extra is not None}}


def actions(block_id: str, *buttons: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = ()) -> Block:
    """A table with a heading row; `right` are the columns of numbers. Rows past Slack's limit are counted in the last."""
    body = list(rows)
    # A column that says nothing in any row only takes room.
    kept = [index for index in range(len(head)) if not body or any(row[index] for row in body)]
    head, body = [head[index] for index in kept], [[row[index] for index in kept] for row in body]
    right = [place for place, index in enumerate(kept) if index in right]
    if len(body) > TABLE_ROWS - 1:
        hidden = len(body) - (TABLE_ROWS - 2)
        body = [*body[: TABLE_ROWS - 2], [f"… {hidden} more", *[""] * (len(head) - 1)]]
    return {
        "type": "table",
        "column_settings": [{"align": "right" if index in right else "left"} for index in range(len(head))],
        "rows": [[_cell(title, bold=True) for title in head], *([_cell(cell) for cell in row] for row in body)],
    }


def message(text: str, blocks: Iterable[Block]) -> Message:
    """Put a message together; blocks that would make Slack refuse it are left out from the end, and that is said."""
    kept: list[Block] = []
    size = 0
    for block in blocks:
        size += _characters(block)
        if len(kept) >= MESSAGE_BLOCKS - 1 or size > MESSAGE_CHARACTERS:
            kept.append(context("_More than fits into one message: the rest is in the thread._"))
            break
        kept.append(block)
    return Message(cut(text, TEXT), tuple(kept))


def _cell(cell: Cell, *, bold: bool = False) -> Block:
    if isinstance(cell, Link) and cell.url.startswith(("https://", "http://")):
        element: Block = {"type": "link", "url": cell.url, "text": cut(cell.text, TABLE_CELL)}
    else:
        words = cell.text if isinstance(cell, Link) else cell
        # An empty cell is refused; rich text is shown as it is, so nothing needs escaping here.
        element = {"type": "text", "text": cut(words, TABLE_CELL) or " "}
    if bold:
        element["style"] = {"bold": True}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [element]}]}


def _characters(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict():
            return sum(_characters(item) for key, item in value.items() if key not in ("type", "action_id", "block_id"))
        case list() | tuple():
            return sum(_characters(item) for item in value)
        case _:
            return 0
