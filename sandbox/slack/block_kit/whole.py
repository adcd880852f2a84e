"""What must hold between the blocks of one message or view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack.block_kit.blocks import MARKDOWN_CHARACTERS, TABLE_CHARACTERS
from sandbox.slack.block_kit.rules import fault

if TYPE_CHECKING:
    from collections.abc import Iterator

# slackapi/bolt-js issue 2509: one markdown block passes up to 13,297 characters, and 125 fewer with a divider beside it.
ROWS = ("actions", "context_actions")
LARGEST_MESSAGE = 13_200
EACH_FURTHER_BLOCK = 125


def unique_ids(blocks: list[dict[str, Any]], pointer: str, faults: list[str]) -> None:
    """No block_id twice, and no action_id twice within one block."""
    ids: set[str] = set()
    for number, block in enumerate(blocks):
        _new_id("block_id", block, ids, f"{pointer}/{number}", faults)
        if block["type"] in ROWS:
            within: set[str] = set()
            for place, element in enumerate(block["elements"]):
                _new_id("action_id", element, within, f"{pointer}/{number}/elements/{place}", faults)


def _new_id(field: str, value: dict[str, Any], ids: set[str], pointer: str, faults: list[str]) -> None:
    """Add an id to those seen before it, or note that it is one of them; it may be left out."""
    identifier = value.get(field)
    if identifier in ids:
        fault(faults, f'`{field}` "{identifier}" already exists', f"{pointer}/{field}")
    elif identifier is not None:
        ids.add(identifier)


def one_focus(blocks: list[dict[str, Any]], pointer: str, faults: list[str]) -> None:
    """At most one element that takes the focus."""
    taking = [
        number for number, block in enumerate(blocks) for element in _elements(block) if element.get("focus_on_load")
    ]
    for number in taking[1:]:
        fault(faults, "only one element may have focus_on_load", f"{pointer}/{number}")


def _elements(block: dict[str, Any]) -> list[dict[str, Any]]:
    inside = block["elements"] if block["type"] in ROWS else [block.get("accessory"), block.get("element")]
    return [element for element in inside if element is not None]


def message_totals(blocks: list[dict[str, Any]], pointer: str, faults: list[str]) -> None:
    """One table at most, and the characters of all table cells and of all markdown together."""
    tables = [number for number, block in enumerate(blocks) if block["type"] in ("table", "data_table")]
    for number in tables[1:]:
        fault(faults, "only_one_table_allowed", f"{pointer}/{number}")
    if sum(_length(blocks[number]["rows"]) for number in tables) > TABLE_CHARACTERS:
        fault(faults, f"must be less than {TABLE_CHARACTERS + 1} characters", f"{pointer}/{tables[0]}/rows")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_CHARACTERS:
        fault(faults, f"must be less than {MARKDOWN_CHARACTERS + 1} characters", pointer)


def too_long(blocks: list[dict[str, Any]]) -> bool:
    """Whether Slack would refuse the message as a whole: measured on its texts, since Slack names no measure."""
    return _length(blocks) + EACH_FURTHER_BLOCK * (len(blocks) - 1) > LARGEST_MESSAGE


def _length(value: Any) -> int:
    return sum(len(text) for text in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for entry in value:
            yield from _strings(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key != "type":
                yield from _strings(entry)
