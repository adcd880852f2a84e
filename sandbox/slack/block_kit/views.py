"""View objects: modals and Home tabs."""

from __future__ import annotations

from typing import Any

from sandbox.slack.block_kit import blocks, objects
from sandbox.slack.block_kit.rules import array, boolean, by_type, fault, shape, string

MOST_BLOCKS = 100
_IDENTITY = {"private_metadata": string(3000, least=0), "callback_id": string(255), "external_id": string(255, least=0)}


def _inputs_need_submit(view: dict[str, Any], pointer: str, faults: list[str]) -> None:
    inside = view.get("blocks")
    if "submit" in view or not isinstance(inside, list):
        return
    if any(isinstance(block, dict) and block.get("type") == "input" for block in inside):
        fault(faults, "missing required field: submit", pointer)


_BLOCKS = {"blocks": array(blocks.IN_VIEW, MOST_BLOCKS, least=0)}
_MODAL_BLOCKS = {"blocks": array(blocks.IN_MODAL, MOST_BLOCKS, least=0)}
MODAL = shape(
    {**_MODAL_BLOCKS, "title": objects.plain(24)},
    {
        **_IDENTITY,
        "submit": objects.plain(24),
        "close": objects.plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
    _inputs_need_submit,
)
HOME = shape(_BLOCKS, _IDENTITY)

MODAL_VIEW = by_type({"modal": MODAL})
HOME_VIEW = by_type({"home": HOME})
