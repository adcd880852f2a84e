"""Turns a person's choice in an element into the action that Slack sends."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING, Any

from sandbox.slack.block_kit.objects import all_options

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend


def chosen(element: dict[str, Any], choice: Any, backend: Backend) -> dict[str, Any]:
    """The `actions[0]` of block_actions, without its time.

    `choice` is an option's value or visible text, a user or channel by id or name, a date, or typed text.

    Raises:
        LookupError: it is not on offer.
    """
    action = {key: element[key] for key in ("type", "block_id", "action_id")}
    for key in ("placeholder", "confirm"):
        if key in element:
            action[key] = element[key]
    return action | _choice(element, choice, backend)


def _choice(element: dict[str, Any], choice: Any, backend: Backend) -> dict[str, Any]:
    match element["type"]:
        case "button":
            return {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        case "static_select" | "radio_buttons" | "overflow":
            return {"selected_option": option(element, choice)}
        case "checkboxes" | "multi_static_select":
            wanted = choice if isinstance(choice, list) else [choice]
            return {"selected_options": [option(element, label) for label in wanted if label is not None]}
        case "users_select":
            return {"selected_user": backend.workspace.user(str(choice)).id}
        case "conversations_select" | "channels_select" as kind:
            return {f"selected_{kind.removesuffix('s_select')}": backend.workspace.channel(str(choice)).id}
        case "datepicker" | "timepicker" | "datetimepicker" as kind:
            return _moment(kind, choice)
        case "icon_button" | "feedback_buttons":
            return _pressed(element, choice)
        case _:
            return {"value": None if choice is None else str(choice)}


def option(element: dict[str, Any], choice: Any) -> dict[str, Any]:
    """The option with this value or visible text.

    Raises:
        LookupError: none has it.
    """
    wanted = choice.get("value") if isinstance(choice, dict) else choice
    offered = all_options(element)
    for candidate in offered:
        if wanted == candidate["value"]:
            return candidate
    for candidate in offered:
        if wanted == candidate["text"]["text"]:
            return candidate
    raise LookupError(
        f"{element['action_id']} does not offer {wanted!r}, only {[candidate['value'] for candidate in offered]}"
    )


def _pressed(element: dict[str, Any], choice: Any) -> dict[str, Any]:
    """An icon button, or the one of two feedback buttons with this value or text."""
    if element["type"] == "icon_button":
        return {key: element[key] for key in ("icon", "text", "value") if key in element}
    for name in ("positive_button", "negative_button"):
        if choice in {element[name]["value"], element[name]["text"]["text"]}:
            return {"text": element[name]["text"], "value": element[name]["value"]}
    raise LookupError(f"{element['action_id']} does not offer {choice!r}")


def _moment(kind: str, choice: Any) -> dict[str, Any]:
    """A date, a time of day, or Unix seconds."""
    try:
        if kind == "datetimepicker":
            return {"selected_date_time": int(choice)}
        if kind == "timepicker":
            return {"selected_time": time.fromisoformat(str(choice)).strftime("%H:%M")}
        return {"selected_date": date.fromisoformat(str(choice)).isoformat()}
    except ValueError:
        raise LookupError(f"{choice!r} is no value of a {kind}") from None
