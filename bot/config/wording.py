"""What pydantic found wrong, said in plain words at the key and line where it stands."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from rapidfuzz import fuzz, process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from bot.config.document import Document, Keys

_NEEDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "keys below it",
    "mapping_type": "keys below it",
    "model_type": "keys below it",
    "model_attributes_type": "keys below it",
}


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that the word was probably meant to be, or None."""
    found = process.extractOne(word.lower(), list(choices), scorer=fuzz.ratio, score_cutoff=60)
    return found[0] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A question to put behind a fault, or nothing."""
    choice = nearest(word, choices)
    return f"; did you mean `{choice}`?" if choice else ""


def keys_below(model: type[BaseModel], keys: Keys) -> dict[str, Any]:
    """The keys that may stand at a path below a model, each with its type; none where anything may."""
    current: Any = model
    for key in keys:
        current = _step(_bare(current), key)
    current = _bare(current)
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return {}
    return {field.alias or name: field.annotation for name, field in current.model_fields.items()}


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
        return fields.get(str(key))
    if get_origin(annotation) in {Mapping, dict}:
        return get_args(annotation)[1]
    return get_args(annotation)[0] if get_origin(annotation) is tuple else None


def note(document: Document, model: type[BaseModel], error: ErrorDetails) -> None:
    """Adds one of pydantic's errors to the document's faults."""
    if error["type"] == "too_short" and error["input"]:
        return  # it only became too short because its entries are wrong, each of which has its own fault
    keys = tuple(key for key in error["loc"] if key != "[key]")
    document.fault(keys, _problem(model, error, keys))


def _problem(model: type[BaseModel], error: ErrorDetails, keys: Keys) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        choices = [key for key in keys_below(model, keys[:-1]) if key != "name"]
        meant = did_you_mean(str(keys[-1]), choices)
        return f"unknown key{meant or f'; there are {_listed(choices)}'}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _NEEDS:
        return _wrong_type(kind, error["input"], keys)
    if kind == "literal_error":
        return f"{_shown(error['input'])} is none of {context['expected']}"
    if kind == "too_short":
        return "is empty; it needs at least one entry"
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"{error['input']} is out of range; it must be {context.get('ge', context.get('le'))} or " + (
            "more" if "ge" in context else "less"
        )
    return f"{_shown(error['input'])} has an unfitting form: {error['msg']}"


def _wrong_type(kind: str, value: object, keys: Keys) -> str:
    needs = _NEEDS[kind]
    if value is None:
        hint = '; a channel begins with "#", so put it in quotes: "#ops"' if keys[-1:] == ("channel",) else ""
        return f"is empty; it needs {needs}{hint}"
    hint = "; put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
    return f"needs {needs}, not {_shown(value)}{hint}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, int | float):
        return str(value)[:60]
    if value is None:
        return "nothing"
    return "keys" if isinstance(value, dict) else "a list"


def _listed(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "none here"
