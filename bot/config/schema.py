"""The JSON Schema of signalbox.yaml, for editors: what the models say, without the rules between keys."""

from __future__ import annotations

import json
from typing import Any

from bot.config.models.written import WrittenConfig

FILE = "signalbox.schema.json"  # in the repository's root; the example names it in its first line
_INHERITED = {"WrittenEnvironment": ("name", "channel")}  # the key above it, and Slack's channel
_PARTS = {"WrittenTerraform": "stacks", "WrittenDeploy": "services"}  # the sections that may have parts
_PARTIAL = "-of-parts"  # the end of the name of a definition in which nothing is required


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). It accepts every file that the loader accepts."""
    schema = WrittenConfig.model_json_schema(by_alias=True)
    for model, names in _INHERITED.items():
        definition = schema["$defs"][model]
        definition["required"] = [key for key in definition["required"] if key not in names]
        del definition["properties"][names[0]]
    _relax_parts(schema["$defs"])
    schema["$defs"]["WrittenDeploy-alone"]["minProperties"] = 1
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "signalbox.yaml"}
    cleaned: dict[str, Any] = _cleaned(schema)
    return draft | cleaned


def _relax_parts(definitions: dict[str, Any]) -> None:
    """A part inherits: it lacks what its section has, and a section with parts lacks what these have."""
    for name in list(definitions):
        definitions[name + _PARTIAL] = _partial(definitions[name])
    for name, parts in _PARTS.items():
        alone, shared = definitions[name], definitions[name + _PARTIAL]
        definitions[f"{name}-alone"] = alone
        definitions[name] = {
            "description": shared["description"],
            "if": {"required": [parts]},
            "then": {"$ref": f"#/$defs/{name}{_PARTIAL}"},
            "else": {"$ref": f"#/$defs/{name}-alone"},
        }
    used = {"WrittenEnvironment"} | {name for name in definitions if not name.endswith(_PARTIAL)}
    while more := {each for name in used for each in _references(definitions[name])} - used:
        used |= more
    for name in set(definitions) - used:
        del definitions[name]


def _partial(schema: Any) -> Any:
    """The definition in which nothing is required; it refers to such definitions only."""
    if isinstance(schema, list):
        return [_partial(each) for each in schema]
    if not isinstance(schema, dict):
        return schema + _PARTIAL if isinstance(schema, str) and schema.startswith("#/$defs/") else schema
    return {key: _partial(value) for key, value in schema.items() if key != "required"}


def _references(schema: Any) -> set[str]:
    """The names of the definitions that a schema refers to."""
    if isinstance(schema, dict | list):
        return set().union(*map(_references, schema.values() if isinstance(schema, dict) else schema))
    is_reference = isinstance(schema, str) and schema.startswith("#/$defs/")
    return {schema.rpartition("/")[2]} if is_reference else set()


def as_text() -> str:
    """The schema as the file has it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _cleaned(schema: Any) -> Any:
    """Without titles that only repeat the key; names of maps that match no pattern are refused."""
    if isinstance(schema, list):
        return [_cleaned(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {
        key: {name: _cleaned(each) for name, each in value.items()}
        if key in {"properties", "$defs"}
        else _cleaned(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and _is_no_help(value))
    }
    if isinstance(text := cleaned.get("description"), str):
        cleaned["description"] = " ".join(text.replace("`", "").split())
    return cleaned | ({"additionalProperties": False} if "patternProperties" in cleaned else {})


def _is_no_help(default: object) -> bool:
    """Whether this default says nothing to a reader: nothing, a collection, or a duration in another form (PT45M)."""
    is_duration = isinstance(default, str) and default.startswith("P") and default[1:2] in {*"T0123456789"}
    return default is None or isinstance(default, dict | list) or is_duration
