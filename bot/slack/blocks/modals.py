"""Modals and what they ask for: a line of text, one of several, some of several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.slack.blocks.kit import Block

    Options = Sequence[tuple[str, str]]  # value and what is shown

# Slack's limits, in characters and in options.
LABEL, OPTION, OPTIONS = 2_000, 75, 100


def modal(callback_id: str, blocks: Sequence[Block], *, kept: str, title: str, submit: str, close: str) -> Block:
    """A modal; `kept` comes back with the answer, the other words are on it."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": kept,
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain(close),
        "blocks": list(blocks),
    }


def text(
    name: str,
    label: str,
    *,
    longest: int,
    shortest: int | None = None,
    lines: bool = False,
    hint: str = "",
    optional: bool = False,
) -> Block:
    """Asks for text of so many characters, which is the answer's value `name`; with `lines` in a box of several."""
    asked: Block = {"type": "plain_text_input", "max_length": longest}
    asked |= {"min_length": shortest} if shortest is not None else {}
    asked |= {"multiline": True} if lines else {}
    return _input(name, label, asked, hint=hint, optional=optional)


def one_of(name: str, label: str, options: Options, *, chosen: str = "") -> Block:
    """Asks for one of `options`, the first hundred; the one with the value `chosen` is chosen at first."""
    asked: Block = {"type": "static_select", "options": _options(options)}
    first = [option for option in asked["options"] if option["value"] == chosen]
    return _input(name, label, asked | ({"initial_option": first[0]} if first else {}))


def some_of(name: str, label: str, options: Options, *, chosen: Collection[str] = ()) -> Block:
    """Asks for any of `options`, the first hundred, or for none; those with a value in `chosen` are chosen at first."""
    asked: Block = {"type": "multi_static_select", "options": _options(options)}
    first = [option for option in asked["options"] if option["value"] in chosen]
    return _input(name, label, asked | ({"initial_options": first} if first else {}), optional=True)


def _input(name: str, label: str, asked: Block, *, hint: str = "", optional: bool = False) -> Block:
    block: Block = {"type": "input", "block_id": name, "label": _plain(kit.cut(label, LABEL))}
    block |= {"element": {**asked, "action_id": name}}
    block |= {"hint": _plain(hint)} if hint else {}
    return block | ({"optional": True} if optional else {})


def _options(options: Options) -> list[Block]:
    return [{"text": _plain(kit.cut(words, OPTION)), "value": value} for value, words in options[:OPTIONS]]


def _plain(words: str) -> Block:
    return {"type": "plain_text", "text": words}
