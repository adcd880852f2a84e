"""Block Kit as Slack enforces it: limits, required fields, nothing unknown.

Sources: Slack's reference for blocks, elements, composition objects and views; the limit of a whole message and of
a table's cells as apps met them in practice.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from sandbox.slack.block_kit import whole
from sandbox.slack.block_kit.blocks import IN_MESSAGE
from sandbox.slack.block_kit.rules import array
from sandbox.slack.block_kit.views import HOME_VIEW, MODAL_VIEW
from sandbox.slack.errors import ApiError, refused

MOST_BLOCKS = 50
LARGEST_VIEW = 250_000
_MESSAGE = array(IN_MESSAGE, MOST_BLOCKS, least=0)


def check_message(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of a message, with the ids filled in that were left out.

    Raises:
        ApiError: invalid_blocks with JSON pointers, msg_blocks_too_long.
    """
    faults: list[str] = []
    _MESSAGE(blocks, "/blocks", faults)
    if not faults:
        whole.unique_ids(blocks, "/blocks", faults)
        whole.one_focus(blocks, "/blocks", faults)
        whole.message_totals(blocks, "/blocks", faults)
    if faults:
        raise refused("invalid_blocks", faults)
    if whole.too_long(blocks):
        raise ApiError("msg_blocks_too_long")
    return _with_ids(blocks)


def check_view(view: Any, kind: str) -> dict[str, Any]:
    """A view of this kind (modal or home), with block ids filled in.

    Raises:
        ApiError: invalid_arguments with JSON pointers, view_too_large.
    """
    faults: list[str] = []
    (HOME_VIEW if kind == "home" else MODAL_VIEW)(view, "/view", faults)
    if not faults:
        whole.unique_ids(view["blocks"], "/view/blocks", faults)
        whole.one_focus(view["blocks"], "/view/blocks", faults)
    if faults:
        raise refused("invalid_arguments", faults)
    if len(json.dumps(view)) > LARGEST_VIEW:
        raise ApiError("view_too_large")
    return {**view, "blocks": _with_ids(view["blocks"])}


def _with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_with_action_ids(block if "block_id" in block else {**block, "block_id": _id()}) for block in blocks]


def _with_action_ids(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] in whole.ROWS:
        return {**block, "elements": [_with_action_id(element) for element in block["elements"]]}
    for place in ("accessory", "element"):
        if place in block:
            return {**block, place: _with_action_id(block[place])}
    return block


def _with_action_id(element: dict[str, Any]) -> dict[str, Any]:
    if element["type"] == "image" or "action_id" in element:
        return element
    return {**element, "action_id": _id()}


def _id() -> str:
    return secrets.token_urlsafe(4)
