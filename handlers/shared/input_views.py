"""Inputs that a person gives: the line of a message, and the fields of a modal."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

from bot.access import inputs
from bot.slack.blocks import kit, modals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.kit import Block
    from runners.github.runs.workflow_file import Input

BOOLEANS = ("true", "false")


def line(given: Mapping[str, str]) -> str:
    """The inputs that a person gave, in mrkdwn; "" without any."""
    listed = ", ".join(
        f"{kit.escape(name)} {kit.code(value, 300) if value else '(empty)'}" for name, value in given.items()
    )
    return f"*{'Inputs' if len(given) > 1 else 'Input'}:* {kit.cut(listed, 2_500)}" if given else ""


def window(
    callback: str,
    head: str,
    about: Sequence[str],
    declared: Sequence[Input],
    *,
    title: str,
    submit: str,
    given: Mapping[str, str] = MappingProxyType({}),
) -> Block:
    """A modal that asks for inputs below `head` (mrkdwn); `about`, of name and ref at least, comes back with the submission.

    The inputs that were `given` already are filled in.
    """
    blocks = [kit.section(head), *fields(declared, given)]
    return modals.modal(callback, blocks, metadata=json.dumps(about), title=title, submit=submit, close="Cancel")


def about_of(metadata: str) -> tuple[str, str, Sequence[str]]:
    """The name and the ref of a submitted window, and what else came with it."""
    name, ref, *more = json.loads(metadata)
    return str(name), str(ref), [str(each) for each in more]


def fields(declared: Sequence[Input], given: Mapping[str, str] = MappingProxyType({})) -> list[Block]:
    """The fields of a modal, as GitHub's own form has them: a choice is a menu, a boolean too, everything else is text."""
    return [_field(each, given.get(each.name, "")) for each in declared]


def _field(declared: Input, given: str) -> Block:
    name, label = f"{inputs.PREFIX}{declared.name}", declared.name
    needed = declared.required and not declared.default
    default = f"Default: {declared.default}" if declared.default else ""
    hint = kit.cut(". ".join(filter(None, [declared.description.strip().rstrip("."), default])), 200)
    choices = BOOLEANS if declared.type == "boolean" else declared.options
    # A menu cuts what is longer, and two values could look alike.
    if 0 < len(choices) <= modals.OPTIONS and all(0 < len(choice) <= modals.OPTION for choice in choices):
        options = [(choice, choice) for choice in choices]
        return modals.one_of(
            name, label, options, chosen=given or declared.default or "", hint=hint, optional=not needed
        )
    longest = inputs.LONGEST_VALUE
    return modals.text(name, label, longest=longest, hint=hint, optional=not needed, written=given)
