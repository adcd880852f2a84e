"""Composition objects: texts, options, confirm dialogs."""

from __future__ import annotations

import re
from typing import Any

from sandbox.slack.block_kit.rules import (
    Rule,
    among,
    array,
    boolean,
    by_type,
    either,
    fault,
    shape,
    string,
    untyped,
    url,
)

IDENTIFIER = string(255)


def _identity(kind: str, letters: str) -> Rule:
    """An id as Slack makes them: a letter for the kind of object, then capitals and digits."""
    pattern = re.compile(rf"[{letters}][A-Z0-9]{{2,20}}")

    def check(value: Any, pointer: str, faults: list[str]) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            fault(faults, f"invalid {kind} id", pointer)

    return check


USER, CHANNEL = _identity("user", "UW"), _identity("channel", "CG")
CONVERSATION, USERGROUP = _identity("conversation", "CDG"), _identity("usergroup", "S")
STYLE = among("primary", "danger")


def plain(most: int) -> Rule:
    """A plain_text object."""
    return by_type({"plain_text": shape({"text": string(most)}, {"emoji": boolean})})


def texts(most: int) -> dict[str, Rule]:
    """Both kinds of text object, by type."""
    return {
        "plain_text": shape({"text": string(most)}, {"emoji": boolean}),
        "mrkdwn": shape({"text": string(most)}, {"verbatim": boolean}),
    }


def text(most: int) -> Rule:
    """A plain_text or mrkdwn object."""
    return by_type(texts(most))


CONFIRM = untyped({"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)}, {"style": STYLE})

_PLAIN_OPTION = {"text": plain(75), "value": string(150)}
_TEXT_OPTION = {"text": text(75), "value": string(150)}
OPTION = untyped(_PLAIN_OPTION, {"description": plain(75)})
OVERFLOW_OPTION = untyped(_PLAIN_OPTION, {"description": plain(75), "url": url})
CHOICE_OPTION = untyped(_TEXT_OPTION, {"description": text(75)})
OPTION_GROUP = untyped({"label": plain(75), "options": array(OPTION, 100)}, {})


def all_options(element: dict[str, Any]) -> list[dict[str, Any]]:
    """The options of an element, those in groups among them; only what looks like an option."""
    groups = element.get("option_groups")
    lists = [group.get("options") for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []
    lists.append(element.get("options"))
    return [option for some in lists if isinstance(some, list) for option in some if isinstance(option, dict)]


def initial_is_offered(element: dict[str, Any], pointer: str, faults: list[str]) -> None:
    """What is chosen at first must be one of the options, exactly."""
    offered = all_options(element)
    if "initial_option" in element and element["initial_option"] not in offered:
        fault(faults, "initial_option must match one of the options", f"{pointer}/initial_option")
    initial = element.get("initial_options")
    if isinstance(initial, list) and any(option not in offered for option in initial):
        fault(faults, "initial_options must match the options", f"{pointer}/initial_options")


def options_differ(element: dict[str, Any], pointer: str, faults: list[str]) -> None:
    """No two options with the same value: the choice would be ambiguous."""
    values = [option.get("value") for option in all_options(element)]
    if len(values) != len({value for value in values if isinstance(value, str)}):
        fault(faults, "option values must be unique", pointer)


# Where a picture comes from, in the block and in the element.
PICTURE = {
    "image_url": url,
    "slack_file": untyped({}, {"id": _identity("file", "F"), "url": url}, either("id", "url")),
}
ONE_PICTURE = either("image_url", "slack_file")

OPTIONS_OR_GROUPS = either("options", "option_groups")
