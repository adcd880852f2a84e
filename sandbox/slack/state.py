"""What a person has chosen or typed in blocks: Slack's `state.values`."""

from __future__ import annotations

from typing import Any

from sandbox.slack.rendering import elements

Values = dict[str, dict[str, Any]]

# Which field of a state entry holds the choice, by type of element, and which field of the element is its start.
CHOICE = {
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "number_input": ("value", "initial_value"),
    "plain_text_input": ("value", "initial_value"),
}


def entry(element: dict[str, Any], choice: Any) -> dict[str, Any]:
    """One element's entry with `choice` chosen (None: nothing)."""
    field, _ = CHOICE[element["type"]]
    if field == "selected_options":
        choice = choice or []
    return {"type": element["type"], field: choice}


def initial(blocks: list[dict[str, Any]]) -> Values:
    """The state before anybody touched the blocks."""
    values: Values = {}
    for element in elements(blocks):
        if element["type"] in CHOICE:
            _, start = CHOICE[element["type"]]
            values.setdefault(element["block_id"], {})[element["action_id"]] = entry(element, element.get(start))
    return values


def carried_over(before: Values, blocks: list[dict[str, Any]]) -> Values:
    """The state of changed blocks: what stood there before stays where ids and types are the same."""
    values = initial(blocks)
    for block_id, actions in values.items():
        for action_id, fresh in actions.items():
            old = before.get(block_id, {}).get(action_id)
            if old is not None and old["type"] == fresh["type"]:
                actions[action_id] = old
    return values


def is_empty(entry: dict[str, Any]) -> bool:
    """Whether nothing is chosen or typed in an entry."""
    field, _ = CHOICE[entry["type"]]
    return not entry.get(field)
