"""Block Kit blocks that stay within Slack's limits, and the escaping of foreign text.

Limits: docs.slack.dev/reference/block-kit; the size of a whole message as observed (bolt-js issue 2509: about 13,200
characters, of which each block past the first takes 125).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.slack.blocks import markup
from runners.invisible import named
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Block = dict[str, Any]

MESSAGE_CHARACTERS = 12_500
EACH_BLOCK = 125
MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
SECTION = 3_000
CONTEXT = 2_000
HEADER = 150
TEXT = 3_000  # bytes: chat.update takes about 4,000 of them, and masking may lengthen what is sent
URL = 3_000
BUTTON = 75
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
EMPTY = "_(empty)_"
MORE = "There is more than fits into one message."

_ADDRESS = re.compile(r"https?://[^\s<>|\x00-\x1f]+")


@stored("message")
@dataclass(frozen=True, slots=True)
class Message:
    """A message: `text` sums up `blocks` in a line, for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]


def escape(text: str) -> str:
    """Foreign text with &, < and > escaped, which alone are special to Slack; a sealed mention of our own stays.

    Invisible characters are named, and nothing opens a code block, which would include the text after it.
    """
    return markup.outside(text, _escape)


def _escape(text: str) -> str:
    return named(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("```", "'''")


def code(text: str, limit: int = 120) -> str:
    """Foreign text as inline code; a backtick inside would end it, so it becomes an apostrophe."""
    plain = one_line(markup.plain(text)).replace("`", "'")
    return f"`{escape(middle_cut(plain, limit))}`" if plain else EMPTY


def preformatted(text: str, limit: int = 2_800) -> str:
    """The last lines of foreign text, as a code block of at most `limit` characters."""
    harmless = escape(text).strip("\n")
    return f"```\n{tail_cut(harmless, limit)}\n```"


def with_context(before: Sequence[str], text: str, after: Sequence[str]) -> str:
    """A line of a log, marked, between the lines before and after it."""
    return "\n".join([*before, f"> {text}", *after])


def link(text: str, url: str) -> str:
    """Foreign text as a link; only the text if the URL is not plain http(s)."""
    words = _escape(one_line(text))
    return markup.sealed(f"{_escape(url)}|{words.replace('|', '/') or 'link'}") if is_url(url) else words


def user(user_id: str) -> str:
    """A mention of a person by id; any other actor by its name."""
    return markup.sealed(f"@{user_id}") if re.fullmatch("[UW][A-Z0-9]+", user_id) else escape(user_id)


def with_people(text: str) -> str:
    """Plain text of the audit log in mrkdwn, where "by U0ANA" mentions that person; an id that was cut stays as it is."""
    return re.sub(r"\bby ([UW][A-Z0-9]{2,})(?![\w…])", lambda by: f"by {user(by[1])}", escape(text))


def group(group_id: str) -> str:
    """A mention of a user group by id; any other text as it is."""
    return markup.sealed(f"!subteam^{group_id}") if re.fullmatch("S[A-Z0-9]+", group_id) else escape(group_id)


def channel(channel_id: str) -> str:
    """A link to a channel by id; any other text as it is."""
    return markup.sealed(f"#{channel_id}") if re.fullmatch("[CDG][A-Z0-9]+", channel_id) else escape(channel_id)


def moment(at: float) -> str:
    """A Unix time, displayed in each reader's own time zone."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return markup.sealed(f"!date^{int(at)}^{{date_short_pretty}} {{time}}|{fallback}")


def time_of_day(at: float) -> str:
    """The time of a Unix time to the second, displayed in each reader's own time zone."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")
    return markup.sealed(f"!date^{int(at)}^{{time_secs}}|{fallback}")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis at the end of a cut text; never half an entity."""
    if len(text) <= limit:
        return text
    first = text[: limit - 1]
    entity = first.rfind("&")
    return (first[:entity] if entity > len(first) - 5 and ";" not in first[entity:] else first) + "…"


def middle_cut(text: str, limit: int) -> str:
    """At most `limit` (3 or more) characters without the middle: an id or a path is recognized by both ends."""
    if len(text) <= limit:
        return text
    half = (limit - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def tail_cut(text: str, limit: int) -> str:
    """The last whole lines that fit into `limit` (3 or more) characters, or the end of one; never half an entity."""
    if len(text) <= limit:
        return text
    last = text[-(limit - 2) :]
    _, newline, whole_lines = last.partition("\n")
    return "…\n" + (whole_lines if newline else re.sub("^[a-z#0-9]{0,4};", "", last))


def section(text: str) -> Block:
    """A paragraph of mrkdwn."""
    whole = text if text.strip() else EMPTY
    fitting = _cut_mrkdwn(whole, SECTION)
    if fitting.count("```") % 2:  # the cut is inside a code block, which would include the rest of the message
        fitting = _cut_mrkdwn(whole, SECTION - 4) + "\n```"
    return {"type": "section", "text": {"type": "mrkdwn", "text": fitting}}


def sections(items: Iterable[str]) -> list[Block]:
    """Items of mrkdwn, each on lines of its own, in as few sections as possible; no item is split."""
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
    elements = [{"type": "mrkdwn", "text": _cut_mrkdwn(text, CONTEXT)} for text in texts if text.strip()]
    return {"type": "context", "elements": elements[:10] or [{"type": "mrkdwn", "text": EMPTY}]}


def confirm(title: str, text: str, ok: str, *, style: str | None = None) -> Block:
    """The dialog of a button; `style` of its confirming button: primary, danger or None."""
    dialog: Block = {
        "title": _plain(title, CONFIRM_TITLE),
        "text": {"type": "mrkdwn", "text": _cut_mrkdwn(text, CONFIRM_TEXT) if text.strip() else EMPTY},
        "confirm": _plain(ok, CONFIRM_BUTTON),
        "deny": {"type": "plain_text", "text": "Not now"},
    }
    return {**dialog, "style": style} if style else dialog


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


def link_button(text: str, action_id: str, url: str) -> Block:
    """A button that opens a plain http(s) address; Slack reports the click all the same."""
    return {"type": "button", "text": {**_plain(text, BUTTON), "emoji": True}, "action_id": action_id, "url": url}


def actions(block_id: str, *buttons: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}


def message(text: str, blocks: Iterable[Block], *, foot: Sequence[Block] = (), more: str = MORE) -> Message:
    """A message of `blocks` and, under them, `foot`, which is always complete.

    Blocks beyond Slack's limits are dropped from the end, and the line `more` takes their place.
    """
    body, foot = list(blocks), list(foot)
    if _size([*body, *foot]) > MESSAGE_CHARACTERS or len(body) + len(foot) > MESSAGE_BLOCKS:
        foot = [context(f"_{more}_"), *foot]
        while body and (_size([*body, *foot]) > MESSAGE_CHARACTERS or len(body) + len(foot) > MESSAGE_BLOCKS):
            body.pop()
    return Message(cut_bytes(one_line(text), TEXT) or MORE, (*body, *foot))


def with_small_print(message: Message, text: str) -> Message:
    """The message with this text added to the small print at its end, if it fits."""
    *body, last = message.blocks
    if last["type"] == "context" and len(last["elements"]) < 10:
        longer = [context(*(element["text"] for element in last["elements"]), text)]
    else:
        longer = [last, context(text)]
    blocks = (*body, *longer)
    fits = _size(blocks) <= MESSAGE_CHARACTERS and len(blocks) <= MESSAGE_BLOCKS
    return Message(message.text, blocks) if fits else message


def with_note(message: Message, text: str) -> Message:
    """The message with this text (mrkdwn) below its first line, if it fits."""
    first, *rest = message.blocks
    blocks = (first, section(text), *rest)
    fits = _size(blocks) <= MESSAGE_CHARACTERS and len(blocks) <= MESSAGE_BLOCKS
    return Message(message.text, blocks) if fits else with_small_print(message, text)


def cut_bytes(text: str, limit: int) -> str:
    """Mrkdwn of at most `limit` bytes in UTF-8; never half a character, entity, link, mention or time."""
    if len(text.encode(errors="replace")) <= limit:
        return text
    whole = text.encode(errors="replace")[: limit - len("…".encode())].decode(errors="ignore")
    return _cut_mrkdwn(whole + "…", len(whole))


def _cut_mrkdwn(text: str, limit: int) -> str:
    """Mrkdwn cut to `limit` characters; never half a link, mention or time."""
    first = cut(text, limit)
    opened = first.rfind("<")
    return f"{first[:opened]}…" if opened > first.rfind(">") else first


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": cut(one_line(markup.plain(text)), limit) or "…"}


def one_line(text: str) -> str:
    """Foreign text with single spaces in place of line breaks and runs of blanks."""
    return " ".join(named(" ".join(text.split())).split())


def is_url(url: str) -> bool:
    """Whether it is a plain http or https URL that Slack takes."""
    return len(url) <= URL and _ADDRESS.fullmatch(url) is not None and named(url) == url


def _size(blocks: Iterable[Block]) -> int:
    return sum(characters_in(block) + EACH_BLOCK for block in blocks)


def characters_in(value: Any) -> int:
    """The characters of all texts in a block, or in parts of a block."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(characters_in(item) for key, item in value.items() if key != "type")
        case list() | tuple():
            return sum(characters_in(item) for item in value)
        case _:
            return 0
