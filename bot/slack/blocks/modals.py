"""Modals and their inputs: text, a choice, several choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.slack.blocks.kit import Block, Message

    Options = Sequence[tuple[str, str]]  # value and label

# Slack's limits, in characters and in options.
LABEL, OPTION, OPTIONS, ALERT = 2_000, 75, 100, 200
SAYING = ("section", "context", "header")


def modal(callback_id: str, blocks: Sequence[Block], *, metadata: str, title: str, submit: str, close: str) -> Block:
    """A modal; `metadata` comes back with the submission; the other texts are displayed."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain(close),
        "blocks": list(blocks),
    }


def loading(title: str) -> Block:
    """A modal before its content is known: it has no input and nothing to submit."""
    return notice(title, kit.Message("", (kit.section(":hourglass_flowing_sand: One moment…"),)))


def notice(title: str, message: Message) -> Block:
    """A modal that only says something: the message without what can be pressed in it."""
    blocks = [block for block in message.blocks if block["type"] in SAYING]
    return {"type": "modal", "title": _plain(title), "close": _plain("Close"), "blocks": blocks}


def alert(words: str, level: str = "warning") -> Block:
    """A sentence that stands out (mrkdwn); only modals have it (docs.slack.dev/reference/block-kit/blocks/alert-block)."""
    return {"type": "alert", "text": {"type": "mrkdwn", "text": kit.cut(words, ALERT)}, "level": level}


def text(
    name: str,
    label: str,
    *,
    longest: int,
    shortest: int | None = None,
    lines: bool = False,
    hint: str = "",
    optional: bool = False,
    written: str = "",
) -> Block:
    """An input for text of so many characters, whose value is submitted as `name`; with `lines` a box of several lines.

    `written` is in it already.
    """
    element: Block = {"type": "plain_text_input", "max_length": longest}
    element |= {"initial_value": written} if written else {}
    element |= {"min_length": shortest} if shortest is not None else {}
    element |= {"multiline": True} if lines else {}
    return _input(name, label, element, hint=hint, optional=optional)


def one_of(
    name: str, label: str, options: Options, *, chosen: str = "", hint: str = "", optional: bool = False
) -> Block:
    """An input for a choice among the first hundred `options`; the option with the value `chosen` is preselected."""
    element: Block = {"type": "static_select", "options": _options(options)}
    first = [option for option in element["options"] if option["value"] == chosen]
    element |= {"initial_option": first[0]} if first else {}
    return _input(name, label, element, hint=hint, optional=optional)


def some_of(name: str, label: str, options: Options, *, chosen: Collection[str] = ()) -> Block:
    """An input for any of the first hundred `options`, or none; options with a value in `chosen` are preselected."""
    element: Block = {"type": "multi_static_select", "options": _options(options)}
    first = [option for option in element["options"] if option["value"] in chosen]
    return _input(name, label, element | ({"initial_options": first} if first else {}), optional=True)


def _input(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    block: Block = {"type": "input", "block_id": name, "label": _plain(kit.cut(label, LABEL))}
    block |= {"element": {**element, "action_id": name}}
    block |= {"hint": _plain(hint)} if hint else {}
    return block | ({"optional": True} if optional else {})


def _options(options: Options) -> list[Block]:
    return [{"text": _plain(kit.cut(words, OPTION)), "value": value} for value, words in options[:OPTIONS]]


def _plain(words: str) -> Block:
    return {"type": "plain_text", "text": words}
