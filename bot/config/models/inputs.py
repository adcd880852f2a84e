"""Inputs of a workflow or playbook that a person may give with the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

from bot.config.matching import Or
from bot.config.models import Model
from bot.config.values import InputName, LogPattern, Text


class CommandInput(Model):
    """An input that a person may give: any text, one of `choices`, or text that `pattern` (RE2) matches as a whole."""

    choices: tuple[Text, ...] = ()
    pattern: LogPattern | None = None


def _parse_input(value: object) -> object:
    """Nothing is any text; a list is the choices."""
    if value is None:
        return {}
    return {"choices": value} if isinstance(value, tuple) else value


def _parse_inputs(value: object) -> object:
    """A list of names is a mapping of inputs that take any text."""
    if not isinstance(value, tuple):
        return value
    for name in value:
        if not isinstance(name, str):
            raise ValueError("must be a list of names, or a mapping of names to choices or a pattern")  # noqa: TRY004  -- pydantic collects ValueError
    return dict.fromkeys(value)


_TEXTS = {"type": "array", "items": {"type": "string"}}
_Input = Annotated[CommandInput, BeforeValidator(_parse_input), Or(_TEXTS, {"type": "null"})]
CommandInputs = Annotated[Mapping[InputName, _Input], BeforeValidator(_parse_inputs), Or(_TEXTS)]
