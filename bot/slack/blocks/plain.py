"""The same message in simpler forms, for when Slack refuses its blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.slack.blocks import kit
from bot.slack.blocks.kit import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bot.slack.blocks.kit import Block

SECTIONS = 3  # of text, in a message with buttons
BARE = 3_500  # bytes of a message without blocks
ROWS = 10  # of buttons
SIMPLER = "_Slack refused the usual layout of this message, so this is its text._"
CUT = "_The rest does not fit. Nothing can be approved here: what it is about is not complete._"
NO_BUTTONS = (
    "_Slack refused the buttons of this message too. What waits for a decision changes nothing, and expires. "
    "Ask whoever runs Signalbox for the reason in its log, then run the command again._"
)


def simpler_forms(message: Message, approve: str) -> Iterator[Message]:
    """The text of all blocks with plain buttons, then the text alone.

    The button with the action `approve` is only offered where all that the message says is beside it.
    """
    texts = [text for block in message.blocks for text in texts_of(block)] or [message.text]
    rows = [row for block in message.blocks if (row := _plain_buttons(block))]
    pieces, complete = _pieces("\n".join(texts))
    if not complete:
        rows = [allowed for row in rows if (allowed := [button for button in row if button["action_id"] != approve])]
    notes = kit.context(SIMPLER, *([] if complete else [CUT]))
    buttons = [{"type": "actions", "elements": row} for row in rows[:ROWS]]
    yield Message(message.text, (*map(kit.section, pieces), *buttons, notes))
    note = NO_BUTTONS if rows else SIMPLER
    yield Message(f"{kit.cut_bytes(chr(10).join(texts), BARE - len(note.encode()))}\n{note}", ())


def simpler_view(view: Block) -> Block:
    """A window with its inputs as they are, and the text of everything else above them."""
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    texts = [text for block in view["blocks"] if block["type"] != "input" for text in texts_of(block)]
    pieces, _ = _pieces("\n".join(texts))
    return {**view, "blocks": [*map(kit.section, pieces), *inputs]}


def not_displayed(view: Block) -> Block:
    """The window in place of one that Slack refuses in every form; it has nothing to submit."""
    text = "Slack refuses this window; nothing was done. Ask whoever runs Signalbox for the reason in its log."
    return {"type": "modal", "title": view["title"], "close": view["close"], "blocks": [kit.section(text)]}


def texts_of(block: Mapping[str, Any]) -> list[str]:
    """What a block says, in mrkdwn, line by line; what a button's dialog asks belongs to it."""
    match block.get("type"):
        case "container":
            return [_inline(block["title"]), *(line for child in block["child_blocks"] for line in texts_of(child))]
        case "table" | "data_table":
            return [" | ".join(_inline(cell).strip() for cell in row) for row in block["rows"]]
        case "actions":
            return [question for element in block["elements"] for question in _question(element)]
        case "section":
            parts = [block.get("text"), *block.get("fields", ())]
            accessory = block.get("accessory") or {}
            return [*(_inline(part) for part in parts if part), *_question(accessory)]
        case "context":
            return [" · ".join(_inline(element) for element in block["elements"])]
        case _:
            return [text for text in [_inline(block)] if text.strip()]


def _inline(value: Any) -> str:
    """The text of an object, in mrkdwn on one line or as it was broken."""
    match value:
        case {"type": "mrkdwn" | "markdown", "text": str(text)}:
            return text
        case {"type": "link", "url": str(url)}:
            return kit.link(str(value.get("text") or url), url)
        case {"type": "user", "user_id": str(user)}:
            return kit.user(user)
        case {"text": str(text)}:
            return kit.escape(text)
        case {"alt_text": str(text)}:
            return kit.escape(text)
        case dict():
            return "".join(_inline(value[name]) for name in ("title", "text", "elements") if name in value)
        case list() | tuple():
            return "".join(map(_inline, value))
        case _:
            return ""


def _question(element: Mapping[str, Any]) -> list[str]:
    if element.get("type") != "button" or "confirm" not in element:
        return []
    return [f"“{_inline(element['text'])}” asks: {_inline(element['confirm'].get('text', {}))}"]


def _plain_buttons(block: Mapping[str, Any]) -> list[Block]:
    """The buttons of a block with what makes them work; a button that asks before it counts still does."""
    candidates = [*(block.get("elements") or ()), block.get("accessory") or {}]
    buttons = [element for element in candidates if element.get("type") == "button"]
    return [_plain_button(button) for button in buttons]


def _plain_button(button: Mapping[str, Any]) -> Block:
    words = str(button["text"]["text"])
    ask = kit.confirm("Are you sure?", f"{kit.escape(words)}?", "Yes") if "confirm" in button else None
    made = kit.button(words, button["action_id"], str(button.get("value", "")), ask=ask)
    return made if made["value"] else {name: part for name, part in made.items() if name != "value"}


def _pieces(text: str) -> tuple[list[str], bool]:
    """The text in pieces that each fit into a section, cut between lines; and whether that is all of it."""
    pieces: list[str] = []
    for line in text.split("\n"):
        if pieces and len(pieces[-1]) + 1 + len(line) <= kit.SECTION:
            pieces[-1] += f"\n{line}"
        else:
            pieces.append(line)
    longest = max(map(len, pieces))
    return [piece for piece in pieces[:SECTIONS] if piece.strip()], len(pieces) <= SECTIONS and longest <= kit.SECTION
