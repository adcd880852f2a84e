"""Block Kit builders that cannot exceed Slack's limits, and the escaping of foreign text.

Limits: docs.slack.dev/reference/block-kit; the size of a whole message as observed (bolt-js issue 2509: about 13,200
characters, of which each block past the first takes 125).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

Block = dict[str, Any]

MESSAGE_CHARACTERS = 12_500
EACH_BLOCK = 125
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
SECTION = 3_000
CONTEXT = 2_000
HEADER = 150
TEXT = 3_000
TABLE_ROWS = 100
TABLE_CELL = 200
TABLE_CHARACTERS = 6_000  # Slack takes 10,000; the rest of the message needs room as well
URL = 3_000
BUTTON = 75
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
EMPTY = "_(empty)_"
MORE = "There is more than fits into one message."

# Control characters other than tab and line feed, and those that turn the direction of writing around: with these
# a commit message could make what is read differ from what is there.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"https?://[^\s<>|\x00-\x1f]+")


@stored("message")
@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text` says in one line what `blocks` show (notifications and screen readers read it)."""

    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A table cell that leads somewhere, with plain words before and after it.

    `url` must be http or https, else only the text is shown.
    """

    text: str
    url: str
    after: str = ""
    before: str = ""


Cell = str | Link


def escape(text: str) -> str:
    """Foreign text made harmless: exactly &, < and > are special to Slack.

    What nobody can see is left out, and nothing opens a code block, which would swallow what follows.
    """
    return _seen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")


def escape_but_people(text: str) -> str:
    """Escaped, but mentions of people and groups stay; for answers that only one person sees."""
    return re.sub(r"&lt;(@[UW][A-Z0-9]+|!subteam\^S[A-Z0-9]+)&gt;", r"<\1>", escape(text))


def without_mentions(text: str) -> str:
    """For places where Slack shows plain text only: people and groups by their ids."""
    return re.sub(r"<(?:@|!subteam\^)([A-Z0-9]+)>", r"\1", text)


def code(text: str, limit: int = 120) -> str:
    """Foreign text as inline code; a backtick inside would end it, so it becomes an apostrophe."""
    plain = _one_line(text).replace("`", "'")
    return f"`{escape(middle_cut(plain, limit))}`" if plain else EMPTY


def preformatted(text: str, limit: int = 2_800) -> str:
    """The last lines of foreign text as a code block of at most `limit` characters."""
    harmless = escape(text).strip("\n")
    return f"```\n{tail_cut(harmless, limit)}\n```"


def with_context(before: Sequence[str], text: str, after: Sequence[str]) -> str:
    """A line of a log with what stands around it, and a mark before the line that counts."""
    return "\n".join([*before, f"> {text}", *after])


def link(text: str, url: str) -> str:
    """Foreign text that leads to `url`; only the text where the address is not plain http(s)."""
    words = escape(_one_line(text))
    return f"<{escape(url)}|{words.replace('|', '/') or 'link'}>" if _is_address(url) else words


def user(user_id: str) -> str:
    """A mention of a person by id; any other actor's name as it is."""
    return f"<@{user_id}>" if re.fullmatch("[UW][A-Z0-9]+", user_id) else escape(user_id)


def moment(at: float) -> str:
    """A Unix time shown in each reader's own time zone."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{fallback}>"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending in an ellipsis when something is missing; never half an entity."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    entity = kept.rfind("&")
    return (kept[:entity] if entity > len(kept) - 5 and ";" not in kept[entity:] else kept) + "…"


def middle_cut(text: str, limit: int) -> str:
    """At most `limit` (3 or more) characters, the middle left out: both ends of an id or a path tell more than one."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def tail_cut(text: str, limit: int) -> str:
    """The last whole lines that fit into `limit` (3 or more) characters, or the end of one; never half an entity."""
    if len(text) <= limit:
        return text
    kept = text[-(limit - 2) :]
    _, newline, whole_lines = kept.partition("\n")
    return "…\n" + (whole_lines if newline else re.sub("^[a-z#0-9]{0,4};", "", kept))


def section(text: str) -> Block:
    """A paragraph of mrkdwn."""
    whole = text if text.strip() else EMPTY
    kept = _cut_marked(whole, SECTION)
    if kept.count("```") % 2:  # the cut fell into a code block, which would run on to the end of the message
        kept = _cut_marked(whole, SECTION - 4) + "\n```"
    return {"type": "section", "text": {"type": "mrkdwn", "text": kept}}


def sections(items: Iterable[str]) -> list[Block]:
    """Items of mrkdwn, each on lines of its own, in as few sections as hold them whole."""
    packed: list[str] = []
    for item in items:
        if packed and len(packed[-1]) + 1 + len(item) <= SECTION:
            packed[-1] += f"\n{item}"
        else:
            packed.append(item)
    return [section(text) for text in packed]


def header(text: str) -> Block:
    """A heading in plain text."""
    return {"type": "header", "text": {**_plain(text, HEADER), "emoji": True}}


def context(*texts: str) -> Block:
    """Small print: up to ten pieces of mrkdwn beside each other."""
    elements = [{"type": "mrkdwn", "text": _cut_marked(text, CONTEXT)} for text in texts if text.strip()]
    return {"type": "context", "elements": elements[:10] or [{"type": "mrkdwn", "text": EMPTY}]}


def divider() -> Block:
    """A line across."""
    return {"type": "divider"}


def confirm(title: str, text: str, ok: str, *, style: str | None = None) -> Block:
    """The question a button asks before it counts; `style` of the button that says yes: primary, danger or None."""
    asked: Block = {
        "title": _plain(title, CONFIRM_TITLE),
        "text": {"type": "mrkdwn", "text": _cut_marked(text, CONFIRM_TEXT) if text.strip() else EMPTY},
        "confirm": _plain(ok, CONFIRM_BUTTON),
        "deny": {"type": "plain_text", "text": "Not now"},
    }
    return {**asked, "style": style} if style else asked


def button(text: str, action_id: str, value: str, *, style: str | None = None, ask: Block | None = None) -> Block:
    """A button. `value` is an opaque id, never a fact to act on; `style` primary, danger or None."""
    made: Block = {
        "type": "button",
        "text": {**_plain(text, BUTTON), "emoji": True},
        "action_id": action_id,
        "value": value,
    }
    extras = {"style": style, "confirm": ask}
    return {**made, **{key: extra for key, extra in extras.items() if extra is not None}}


def actions(block_id: str, *buttons: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], *, right: Collection[int] = ()) -> Block:
    """A table with a heading row; `right` are the columns of numbers. Rows that do not fit are counted in the last."""
    body = list(rows)
    # A column that says nothing in any row only takes room.
    kept = [index for index in range(len(head)) if not body or any(row[index] for row in body)]
    shown = [head, *body[: TABLE_ROWS - 1]]
    lines = _fitting([[_cell(row[index], bold=row is head) for index in kept] for row in shown])
    if len(lines) <= len(body):
        lines[-1] = [_cell(f"… {len(body) - len(lines) + 2} more"), *(_cell("") for _ in kept[1:])]
    return {
        "type": "table",
        "column_settings": [{"align": "right" if index in right else "left"} for index in kept],
        "rows": lines,
    }


def message(text: str, blocks: Iterable[Block], *, foot: Sequence[Block] = (), more: str = MORE) -> Message:
    """Put a message together: `blocks`, and under them `foot`, which is always there.

    Blocks that would make Slack refuse it are left out from the end, and `more` says so.
    """
    body, foot = list(blocks), list(foot)
    if _size([*body, *foot]) > MESSAGE_CHARACTERS or len(body) + len(foot) > MESSAGE_BLOCKS:
        foot = [context(f"_{more}_"), *foot]
        while body and (_size([*body, *foot]) > MESSAGE_CHARACTERS or len(body) + len(foot) > MESSAGE_BLOCKS):
            body.pop()
    return Message(_cut_marked(_one_line(text), TEXT) or MORE, (*body, *foot))


def with_small_print(message: Message, text: str) -> Message:
    """The message with one piece more in the small print at its end; without it where there is no room."""
    *body, last = message.blocks
    if last["type"] == "context" and len(last["elements"]) < 10:
        longer = [context(*(one["text"] for one in last["elements"]), text)]
    else:
        longer = [last, context(text)]
    blocks = (*body, *longer)
    fits = _size(blocks) <= MESSAGE_CHARACTERS and len(blocks) <= MESSAGE_BLOCKS
    return Message(message.text, blocks) if fits else message


def _cut_marked(text: str, limit: int) -> str:
    """Mrkdwn cut to `limit`; never half a link, mention or time."""
    kept = cut(text, limit)
    opened = kept.rfind("<")
    return f"{kept[:opened]}…" if opened > kept.rfind(">") else kept


def _fitting(lines: list[list[Block]]) -> list[list[Block]]:
    size = 0
    fitting: list[list[Block]] = []
    for line in lines:
        size += _characters(line)
        if size > TABLE_CHARACTERS and len(fitting) > 1:
            break
        fitting.append(line)
    return fitting


def _cell(cell: Cell, *, bold: bool = False) -> Block:
    # An empty cell is refused; rich text is shown as it is, so nothing needs escaping here.
    words = cut(_one_line(cell.text if isinstance(cell, Link) else cell), TABLE_CELL) or " "
    element: Block = {"type": "text", "text": words}
    if isinstance(cell, Link) and _is_address(cell.url):
        element = {"type": "link", "url": cell.url, "text": words}
    if bold:
        element["style"] = {"bold": True}
    elements = [element]
    if isinstance(cell, Link) and cell.before:
        elements.insert(0, {"type": "text", "text": cut(_one_line(cell.before), TABLE_CELL) + " "})
    if isinstance(cell, Link) and cell.after:
        elements.append({"type": "text", "text": " " + cut(_one_line(cell.after), TABLE_CELL)})
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut(_one_line(text), limit) or "…"}


def _seen(text: str) -> str:
    return _UNSEEN.sub("", text)


def _one_line(text: str) -> str:
    return " ".join(_seen(" ".join(text.split())).split())


def _is_address(url: str) -> bool:
    return len(url) <= URL and _ADDRESS.fullmatch(url) is not None


def _size(blocks: Iterable[Block]) -> int:
    return sum(_characters(block) + EACH_BLOCK for block in blocks)


def _characters(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict():
            return sum(_characters(item) for key, item in value.items() if key != "type")
        case list() | tuple():
            return sum(_characters(item) for item in value)
        case _:
            return 0
