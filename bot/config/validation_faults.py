"""Turns pydantic's errors into faults: plain messages with key and line."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from bot.config import value_problems
from bot.config.document import may_hold_secret
from runners.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

    from bot.config.document import Document, Keys

_NEEDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys",
    "mapping_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
}

_SECRET = re.compile(
    r"(?i)(?:^|_)(?:token|secret|password|passwd|credentials?|api_?key|access_?key(?:_id)?|private_key)s?$"
)
_SECRETS_OF = {
    "slack": "SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET",
    "github": "GITHUB_TOKEN",
    "aws": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "operations": "SIGNALBOX_KEY",
}
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,40}")
_NAMES_A_VARIABLE = (
    "must be the name of a variable of the bot's environment (capitals, digits, _), not a value; it is not shown"
)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A suggestion to append to a fault; empty without a similar choice."""
    choice = nearest(word, choices)
    return f"; did you mean `{choice}`?" if choice else ""


def keys_below(model: type[BaseModel], keys: Keys) -> dict[str, Any]:
    """The allowed keys at a path below a model, each with its type; empty where any key is allowed."""
    there = model_at(model, keys)
    return {field.alias or name: field.annotation for name, field in there.model_fields.items()} if there else {}


def model_at(model: type[BaseModel], keys: Keys) -> type[BaseModel] | None:
    """The model at a path below another one; None where any key is allowed, or none."""
    current: Any = model
    for key in keys:
        current = _step(_bare(current), key)
    current = _bare(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def choices_of(model: type[BaseModel], keys: Keys) -> list[str]:
    """The keys that people may write at a path."""
    in_environment = len(keys) == 2 and keys[0] == "environments"  # whose name is the key above
    return [key for key in keys_below(model, keys) if not (in_environment and key == "name")]


def _bare(annotation: Any) -> Any:
    """The annotation without its metadata and without "or None"."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((_bare(get_arg) for get_arg in get_args(annotation) if get_arg is not type(None)), None)
    return annotation


def _step(annotation: Any, key: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in annotation.model_fields.items()}
        # The type of a key that the model does not name, where it takes such keys (pydantic's typed extras).
        extra = _hints(annotation).get("__pydantic_extra__")
        other = get_args(extra)[1] if annotation.model_config.get("extra") == "allow" and get_args(extra) else None
        return fields.get(str(key), other)
    if get_origin(annotation) in {Mapping, dict}:
        return get_args(annotation)[1]
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


@cache
def _hints(model: type[BaseModel]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def add_fault(
    document: Document, model: type[BaseModel], error: ErrorDetails, written_at: Callable[[Keys], Keys]
) -> None:
    """Add an error of pydantic to the document's faults, at the key where `written_at` says that it is written."""
    if error["type"] == "too_short" and error["input"]:
        return  # invalid entries were dropped; each of them has a fault of its own
    keys = written_at(tuple(key for key in error["loc"] if key != "[key]"))
    document.fault(keys, _problem(model, error, keys))


def _problem(model: type[BaseModel], error: ErrorDetails, keys: Keys) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing; add it"
    if may_hold_secret(keys) and value_problems.is_token(str(error["input"])):
        return value_problems.NO_NAME
    if kind != "extra_forbidden" and may_hold_secret(keys) and not _VARIABLE.fullmatch(str(error["input"])):
        return _NAMES_A_VARIABLE
    if kind == "extra_forbidden":
        return _secret_of_the_environment(keys) or _unknown_key(model, keys)
    if kind == "value_error":
        return str(context["error"])
    if kind in _NEEDS:
        return _no_custom_operation(model, keys) or _wrong_type(kind, error["input"], keys)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        meant = did_you_mean(error["input"], choices) if isinstance(error["input"], str) else ""
        return f"{_quoted(error['input'])} is not allowed; write {context['expected']}{meant}"
    if kind == "too_short":
        return "is empty; add at least one entry"
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"{error['input']} is out of range; it must be {context.get('ge', context.get('le'))} or " + (
            "more" if "ge" in context else "less"
        )
    return f"{_quoted(error['input'])} has the wrong format: {error['msg']}"


def _unknown_key(model: type[BaseModel], keys: Keys) -> str:
    choices = choices_of(model, keys[:-1])
    meant = did_you_mean(str(keys[-1]), choices)
    return f"unknown key{meant or f'; use one of {_listed(choices)}'}"


def _secret_of_the_environment(keys: Keys) -> str:
    """What is said of a key that asks for a secret where the file has none; "" for any other key."""
    if not _SECRET.search(str(keys[-1])):
        return ""
    variable = _SECRETS_OF.get(str(keys[0]), "a variable")
    return f"unknown key; secrets are never in this file: set {variable} in the bot's environment, and remove the line"


def _no_custom_operation(model: type[BaseModel], keys: Keys) -> str:
    """The problem of a key that its model does not name, and that has no mapping either; "" for any other key."""
    settings = keys_below(model, keys[:-1])
    if keys[:-1] != ("operations",) or str(keys[-1]) in settings:
        return ""
    meant = did_you_mean(str(keys[-1]), settings)
    return (
        f"unknown key{meant or '; write a mapping with `workflow` or `playbook` for a custom operation, or remove it'}"
    )


def _wrong_type(kind: str, value: object, keys: Keys) -> str:
    needs = _NEEDS[kind]
    if value is None:
        hint = '; YAML reads # as a comment, so put it in quotes: "#ops"' if keys[-1:] == ("channel",) else ""
        return f"is empty; write {needs}{hint}"
    hint = "; put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
    if kind == "tuple_type" and isinstance(value, str) and len(value) <= 60:
        hint = f"; write [{value}]" if re.fullmatch(r"[\w./-]+", value) else f'; write ["{value}"]'
    return f"must be {needs}, not {_quoted(value)}{hint}"


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, int | float):
        return str(value)[:60]
    if value is None:
        return "nothing"
    return "a mapping" if isinstance(value, dict) else "a list"


def _listed(keys: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in keys) or "none here"
