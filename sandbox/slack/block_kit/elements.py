"""Block elements: buttons, menus, inputs, images."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from sandbox.slack.block_kit import objects
from sandbox.slack.block_kit.objects import CHOICE_OPTION, CONFIRM, IDENTIFIER, OPTION, OPTION_GROUP, OVERFLOW_OPTION
from sandbox.slack.block_kit.rules import (
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

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _clock_time(value: Any, pointer: str, faults: list[str]) -> None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        fault(faults, "must be a valid time of the form HH:mm", pointer)


def _zone(value: Any, pointer: str, faults: list[str]) -> None:
    if not isinstance(value, str) or value not in available_timezones():
        fault(faults, "must be a valid time zone", pointer)


def _number(value: Any, pointer: str, faults: list[str]) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        fault(faults, "must be a number as a string", pointer)


def _in_range(value: dict[str, Any], pointer: str, faults: list[str]) -> None:
    given = {name: value[name] for name in ("min_value", "initial_value", "max_value") if name in value}
    before: list[str] = []
    for number in given.values():
        _number(number, pointer, before)
    if before:
        return
    if not value.get("is_decimal_allowed") and any("." in number for number in given.values()):
        fault(faults, "decimals are not allowed", pointer)
    numbers = [Decimal(number) for number in given.values()]
    if numbers != sorted(numbers):
        fault(faults, "min_value, initial_value and max_value must be in this order", pointer)


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

USERS_SELECT = shape({}, {**_MENU, "initial_user": objects.USER})

CONVERSATIONS_SELECT = shape(
    {},
    {
        **_MENU,
        "initial_conversation": objects.CONVERSATION,
        "filter": _FILTER,
    },
)

CHANNELS_SELECT = shape({}, {**_MENU, "initial_channel": objects.CHANNEL, "response_url_enabled": boolean})

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

TIMEPICKER = shape({}, {**_MENU, "initial_time": _clock_time, "timezone": _zone})

# Unix seconds, as ten digits.
DATETIMEPICKER = shape(
    {},
    {
        **_ACTION,
        "initial_date_time": integer(1_000_000_000, 9_999_999_999),
        "confirm": CONFIRM,
        "focus_on_load": boolean,
    },
)

NUMBER_INPUT = shape(
    {"is_decimal_allowed": boolean},
    {
        **_ACTION,
        "initial_value": _number,
        "min_value": _number,
        "max_value": _number,
        "dispatch_action_config": _DISPATCH,
        "focus_on_load": boolean,
        "placeholder": objects.plain(150),
    },
    _in_range,
)

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
    "channels_select": CHANNELS_SELECT,
    "checkboxes": CHECKBOXES,
    "radio_buttons": RADIO_BUTTONS,
    "datepicker": DATEPICKER,
    "timepicker": TIMEPICKER,
    "datetimepicker": DATETIMEPICKER,
}
_FEEDBACK = untyped({"text": objects.plain(75), "value": string(2000)}, {"accessibility_label": string(75)})
IN_CONTEXT_ACTIONS = {
    "feedback_buttons": shape({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, _ACTION),
    "icon_button": shape(
        {"icon": among("trash"), "text": objects.plain(75)},
        {
            **_ACTION,
            "value": string(2000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": array(objects.USER, 100),
        },
    ),
}

IN_ACTIONS = {**_CHOOSING, "button": BUTTON, "overflow": OVERFLOW}
_IN_SECTION = {kind: rule for kind, rule in IN_ACTIONS.items() if kind != "datetimepicker"}
IN_SECTION = {**_IN_SECTION, "image": IMAGE}
IN_INPUT = {**_CHOOSING, "plain_text_input": PLAIN_TEXT_INPUT, "number_input": NUMBER_INPUT}
