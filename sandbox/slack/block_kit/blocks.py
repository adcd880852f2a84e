"""Blocks, and which of them a message, a modal or a Home tab may have."""

from __future__ import annotations

from typing import Any

from sandbox.slack.block_kit import elements, objects
from sandbox.slack.block_kit.objects import IDENTIFIER
from sandbox.slack.block_kit.rich_text import RICH_TEXT
from sandbox.slack.block_kit.rules import (
    among,
    array,
    boolean,
    by_type,
    either,
    fault,
    integer,
    shape,
    string,
    untyped,
    url,
)

_BLOCK = {"block_id": IDENTIFIER}
# A text object takes 3,000 characters; in a context block it is cut to 2,000.
_CONTEXT_TEXT = 2000
TABLE_CHARACTERS = 10_000
MARKDOWN_CHARACTERS = 12_000


def _config_needs_dispatch(value: dict[str, Any], pointer: str, faults: list[str]) -> None:
    element = value.get("element")
    configured = isinstance(element, dict) and "dispatch_action_config" in element
    if configured and value.get("dispatch_action") is not True:
        fault(faults, "dispatch_action_config needs dispatch_action", f"{pointer}/element")


def _even_rows(value: dict[str, Any], pointer: str, faults: list[str]) -> None:
    rows = value.get("rows")
    if isinstance(rows, list) and all(isinstance(row, list) for row in rows) and len({len(row) for row in rows}) > 1:
        fault(faults, "all rows must have the same number of cells", f"{pointer}/rows")


SECTION = shape(
    {},
    {
        **_BLOCK,
        "text": objects.text(3000),
        "fields": array(objects.text(2000), 10),
        "accessory": by_type(elements.IN_SECTION),
        "expand": boolean,
    },
    either("text", "fields", exactly_one=False),
)
HEADER = shape({"text": objects.plain(150)}, {**_BLOCK, "level": integer(1, 4)})
DIVIDER = shape({}, _BLOCK)
CONTEXT = shape(
    {"elements": array(by_type({"image": elements.IMAGE, **objects.texts(_CONTEXT_TEXT)}), 10)},
    _BLOCK,
)
ACTIONS = shape({"elements": array(by_type(elements.IN_ACTIONS), 25)}, _BLOCK)
INPUT = shape(
    {"label": objects.plain(2000), "element": by_type(elements.IN_INPUT)},
    {**_BLOCK, "hint": objects.plain(2000), "optional": boolean, "dispatch_action": boolean},
    _config_needs_dispatch,
)
IMAGE = shape(
    {"alt_text": string(2000)},
    {**_BLOCK, **objects.PICTURE, "title": objects.plain(2000)},
    objects.ONE_PICTURE,
)
CONTEXT_ACTIONS = shape({"elements": array(by_type(elements.IN_CONTEXT_ACTIONS), 5)}, _BLOCK)


def _secure(value: Any, pointer: str, faults: list[str]) -> None:
    url(value, pointer, faults)
    if isinstance(value, str) and not value.startswith("https://"):
        fault(faults, "must be https", pointer)


# Slack also wants the scope links.embed:write and the video's domain among the app's unfurl domains.
VIDEO = shape(
    {"alt_text": string(2000), "title": objects.plain(199), "thumbnail_url": url, "video_url": _secure},
    {
        **_BLOCK,
        "title_url": _secure,
        "description": objects.plain(199),
        "author_name": string(49),
        "provider_name": string(255),
        "provider_icon_url": url,
    },
)
MARKDOWN = shape({"text": string(MARKDOWN_CHARACTERS)}, _BLOCK)

_CELL = by_type(
    {
        "raw_text": shape({"text": string(TABLE_CHARACTERS)}, {}),
        "rich_text": RICH_TEXT,
    }
)


def _column(value: Any, pointer: str, faults: list[str]) -> None:
    if value is not None:
        _COLUMN(value, pointer, faults)


_COLUMN = untyped({}, {"align": among("left", "center", "right"), "is_wrapped": boolean})

TABLE = shape(
    {"rows": array(array(_CELL, 20), 100)},
    {**_BLOCK, "column_settings": array(_column, 20)},
    _even_rows,
)

_ANYWHERE = {
    "section": SECTION,
    "header": HEADER,
    "divider": DIVIDER,
    "context": CONTEXT,
    "actions": ACTIONS,
    "input": INPUT,
    "image": IMAGE,
    "rich_text": RICH_TEXT,
    "video": VIDEO,
}

# docs.slack.dev/reference/block-kit/blocks/alert-block; its 200 characters, and that only modals take it: slackapi/java-slack-sdk 1624.
ALERT = shape({"text": objects.text(200)}, {**_BLOCK, "level": among("default", "info", "warning", "error", "success")})


def _foldable(value: dict[str, Any], pointer: str, faults: list[str]) -> None:
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        fault(faults, "default_collapsed needs is_collapsible", pointer)
    if value.get("is_collapsible") and value.get("has_header_divider"):
        fault(faults, "has_header_divider cannot be set when is_collapsible is true", pointer)


# docs.slack.dev/reference/block-kit/blocks/container-block. Children that people can act on are left out here.
_FOLDED = ("context", "divider", "header", "image", "rich_text", "section", "video")
CONTAINER = shape(
    {"child_blocks": array(by_type({**{kind: _ANYWHERE[kind] for kind in _FOLDED}, "table": TABLE}), 10)},
    {
        **_BLOCK,
        "title": objects.plain(150),
        "rich_text_title": RICH_TEXT,
        "subtitle": objects.text(150),
        "width": among("narrow", "standard", "wide", "full"),
        "icon": elements.IMAGE,
        "is_collapsible": boolean,
        "default_collapsed": boolean,
        "has_header_divider": boolean,
    },
    either("title", "rich_text_title", exactly_one=False),
    _foldable,
)


def _number(value: Any, pointer: str, faults: list[str]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        fault(faults, "must be a valid number", pointer)


# docs.slack.dev/reference/block-kit/blocks/data-table-block: a heading and 1 to 100 rows.
_HEADING = by_type({"raw_text": shape({"text": string(TABLE_CHARACTERS)}, {})})
_DATA_CELL = by_type(
    {
        "raw_text": shape({"text": string(TABLE_CHARACTERS)}, {}),
        "raw_number": shape({"value": _number}, {"text": string(TABLE_CHARACTERS)}),
        "rich_text": RICH_TEXT,
    }
)


def _data_rows(value: Any, pointer: str, faults: list[str]) -> None:
    array(array(_DATA_CELL, 20), 101, least=2)(value, pointer, faults)
    if isinstance(value, list) and value:
        array(_HEADING, 20)(value[0], f"{pointer}/0", faults)


DATA_TABLE = shape(
    {"rows": _data_rows, "caption": string(TABLE_CHARACTERS)},
    {**_BLOCK, "page_size": integer(1, 100), "row_header_column_index": integer(0, 19)},
    _even_rows,
)

_ONLY_IN_MESSAGES = {
    "markdown": MARKDOWN,
    "table": TABLE,
    "data_table": DATA_TABLE,
    "container": CONTAINER,
    "context_actions": CONTEXT_ACTIONS,
}
IN_MESSAGE = by_type({**_ANYWHERE, **_ONLY_IN_MESSAGES})
IN_VIEW = by_type(_ANYWHERE)
IN_MODAL = by_type({**_ANYWHERE, "alert": ALERT})
