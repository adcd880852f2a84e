"""The windows of /plan: what to plan, which variables, and the maps and lists as they are given to Terraform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bot.access import inputs
from bot.slack.blocks import kit, modals
from handlers.shared.input_views import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.kit import Block
    from runners.terraform.declarations import Declared

FIRST, VARIABLES, VALUES = "plan", "plan-variables", "plan-values"  # the callbacks of the pages
TITLE = "Plan"
LONGEST_TEXT, LONGEST_VALUE = inputs.LONGEST_VALUE, 2_000  # characters of a text, and of a map or list
LONGEST_METADATA = 3_000  # characters that Slack takes
HOW = "HCL or JSON, on several lines if you like"


def first(environments: Sequence[str], chosen: str) -> Block:
    """Asks what to plan, and at which ref; `chosen` is preselected."""
    blocks = [
        modals.one_of("environment", "Environment", [(name, name) for name in environments], chosen=chosen),
        modals.text(
            "ref", "Branch, tag or commit", longest=200, hint="Leave empty for the configured one.", optional=True
        ),
    ]
    return _modal(FIRST, blocks, "")


def variables(environment: str, ref: str, declared: Sequence[Declared]) -> Block:
    """Asks for the values of variables; environment and ref ("" for the configured one) come back with the submission."""
    blocks = [kit.section(_head(environment, ref)), *map(_field, declared)]
    return _modal(VARIABLES, blocks, json.dumps([environment, ref]))


def values(environment: str, ref: str, given: Mapping[str, str], metadata: str) -> Block:
    """Shows the values as Terraform gets them, before anything is planned; `metadata` comes back with the submission."""
    head = f"{_head(environment, ref)} with these values, as Terraform gets them:"
    return _modal(VALUES, [kit.section(head), *given_lines(given)], metadata)


def given_lines(given: Mapping[str, str]) -> list[Block]:
    """The whole values of variables, for a window or a message."""
    return [kit.section(f"*{kit.escape(name)}:* {kit.code(value, LONGEST_VALUE)}") for name, value in given.items()]


def _head(environment: str, ref: str) -> str:
    return f"Plan *{kit.escape(environment)}*{f' at {kit.code(ref)}' if ref else ''}"


def _field(declared: Declared) -> Block:
    name, label = f"{inputs.PREFIX}{declared.name}", declared.name
    kind = str(declared.type) if declared.type else ""
    multiline = not (declared.readable and declared.is_text)
    default = f"Default: {declared.default}" if declared.default else ""
    hint = kit.cut(". ".join(filter(None, [kind, declared.description.strip().rstrip("."), default])), 200)
    if kind == "bool":
        return modals.one_of(name, label, [(each, each) for each in BOOLEANS], hint=hint, optional=True)
    hint = kit.cut(f"{HOW}. {hint}" if hint else f"{HOW}.", 200) if multiline else hint
    longest = LONGEST_VALUE if multiline else LONGEST_TEXT
    return modals.text(name, label, longest=longest, lines=multiline, hint=hint, optional=True)


def _modal(callback: str, blocks: Sequence[Block], metadata: str) -> Block:
    return modals.modal(callback, blocks, metadata=metadata, title=TITLE, submit="Plan", close="Cancel")
