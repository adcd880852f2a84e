"""Block elements: buttons, menus, inputs, images."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sandbox.slack.block_kit import objects
from sandbox.slack.block_kit.objects import CHOICE_OPTION, CONFIRM, IDENTIFIER, OPTION, OPTION_GROUP, OVERFLOW_OPTION
from sandbox.slack.block_kit.rules import (
    Rule,
    among,
    array,
    boolean,
    fault,
    integer,
    shape,
    string,
    untyped,
    url,
)

_ID = re.compile(r"[A-Z][A-Z0-9]{2,}")


def _identity(kind: str) -> Rule:
    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            fault(faults, f"invalid {kind} id", pointer)

    return check


def _day(value: Any, pointer: str, faults: list[str]) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        fault(faults, "must be a valid date", pointer)


def _lengths(value: dict[str, Any], pointer: str, faults: list[str]) -> None:
    least, most = value.get("min_length", 0), value.get("max_length", 3000)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        fault(faults, "min_length must not exceed max_length", f"{pointer}/min_length")


_ACTION = {"action_id": IDENTIFIER}
_MENU = {**_ACTION, "placeholder": objects.plain(150), "confirm": CONFIRM, "focus_on_load": boolean}
_DISPATCH = untyped({}, {"trigger_actions_on": array(among("on_enter_pressed", "on_character_entered"), 2)})
_FILTER = untyped(
    {},
    {
        "include": array(among("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    },
)

IMAGE = shape(
    {"alt_text": string(2000)},
    objects.PICTURE,
    objects.ONE_PICTURE,
)

BUTTON = shape(
    {"text": objects.plain(75)},
    {
        **_ACTION,
        "url": url,
        "value": string(2000),
        "style": objects.STYLE,
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)

_OPTIONS = {"options": array(OPTION, 100), "option_groups": array(OPTION_GROUP, 100)}
_OFFERED = (objects.initial_is_offered, objects.options_differ)

STATIC_SELECT = shape({}, {**_MENU, **_OPTIONS, "initial_option": OPTION}, objects.OPTIONS_OR_GROUPS, *_OFFERED)

MULTI_STATIC_SELECT = shape(
    {},
    {**_MENU, **_OPTIONS, "initial_options": array(OPTION, 100), "max_selected_items": integer(1, 100)},
    objects.OPTIONS_OR_GROUPS,
    *_OFFERED,
)

USERS_SELECT = shape({}, {**_MENU, "initial_user": _identity("user")})

CONVERSATIONS_SELECT = shape(
    {},
    {
        **_MENU,
        "initial_conversation": _identity("conversation"),
        "filter": _FILTER,
    },
)

OVERFLOW = shape({"options": array(OVERFLOW_OPTION, 5)}, {**_ACTION, "confirm": CONFIRM}, objects.options_differ)

CHECKBOXES = shape(
    {"options": array(CHOICE_OPTION, 10)},
    {**_ACTION, "initial_options": array(CHOICE_OPTION, 10), "confirm": CONFIRM, "focus_on_load": boolean},
    *_OFFERED,
)

RADIO_BUTTONS = shape(
    {"options": array(CHOICE_OPTION, 10)},
    {**_ACTION, "initial_option": CHOICE_OPTION, "confirm": CONFIRM, "focus_on_load": boolean},
    *_OFFERED,
)

DATEPICKER = shape({}, {**_MENU, "initial_date": _day})

PLAIN_TEXT_INPUT = shape(
    {},
    {
        **_ACTION,
        "initial_value": string(3000, least=0),
        "multiline": boolean,
        "min_length": integer(0, 3000),
        "max_length": integer(1, 3000),
        "dispatch_action_config": _DISPATCH,
        "focus_on_load": boolean,
        "placeholder": objects.plain(150),
    },
    _lengths,
)

_CHOOSING = {
    "static_select": STATIC_SELECT,
    "multi_static_select": MULTI_STATIC_SELECT,
    "users_select": USERS_SELECT,
    "conversations_select": CONVERSATIONS_SELECT,
    "checkboxes": CHECKBOXES,
    "radio_buttons": RADIO_BUTTONS,
    "datepicker": DATEPICKER,
}

IN_ACTIONS = {**_CHOOSING, "button": BUTTON, "overflow": OVERFLOW}
IN_SECTION = {**IN_ACTIONS, "image": IMAGE}
IN_INPUT = {**_CHOOSING, "plain_text_input": PLAIN_TEXT_INPUT}
