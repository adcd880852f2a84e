"""Reads a Web API call's arguments: form or JSON, typed, and no unknown ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack.errors import ApiError, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aiohttp import web

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
EMPTY_BODY = {"", "application/octet-stream"}
TRUE = {"1", "true"}
FALSE = {"0", "false"}


async def read(request: web.Request, *, takes_json: bool) -> dict[str, Any]:
    """All arguments of a call, as sent.

    A method that does not document JSON bodies ignores them, as Slack's do.

    Raises:
        ApiError: invalid_json, json_not_object, invalid_post_type.
    """
    arguments: dict[str, Any] = dict(request.query)
    if request.method == "GET":
        return arguments
    kind = request.content_type
    if kind in FORMS:
        arguments.update(await request.post())
    elif kind == "application/json":
        arguments.update(_json_body(await request.read()) if takes_json else {})
    elif kind not in EMPTY_BODY or await request.read():
        raise ApiError("invalid_post_type")
    return arguments


def _json_body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        content = json.loads(body)
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(content, dict):
        raise ApiError("json_not_object")
    return content


def token(request: web.Request, arguments: dict[str, Any]) -> str | None:
    """The token of a call, taken out of its arguments: the header wins; a JSON body may not carry it."""
    in_body = arguments.pop("token", None)
    header = request.headers.get("Authorization", "")
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    return None if request.content_type == "application/json" else in_body


def typed(given: Mapping[str, Any], kinds: Mapping[str, str], required: Collection[str]) -> dict[str, Any]:
    """Arguments converted by `kinds` (str, bool, int, list, json); null means absent.

    Raises:
        ApiError: invalid_arguments for unknown, missing or ill-typed ones.
    """
    problems = [f"unknown argument: {name}" for name in given if name not in kinds]
    problems += [f"missing required field: {name}" for name in required if given.get(name) is None or given[name] == ""]
    values: dict[str, Any] = {}
    for name, kind in kinds.items():
        value = given.get(name)
        if value is not None:
            try:
                values[name] = _CONVERT[kind](value)
            except ValueError:
                problems.append(f"invalid value for argument: {name}")
    if problems:
        raise refused("invalid_arguments", problems)
    return values


def _string(value: Any) -> str:
    if type(value) in {str, int, float}:
        return str(value)
    raise ValueError(value)


def _boolean(value: Any) -> bool:
    word = str(value).lower()
    if word not in TRUE | FALSE:
        raise ValueError(value)
    return word in TRUE


def _integer(value: Any) -> int:
    return int(str(value))


def _list(value: Any) -> list[str]:
    if isinstance(value, list):
        return [_string(entry) for entry in value]
    return [entry for entry in _string(value).split(",") if entry]


def _structure(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _untouched(value: Any) -> Any:
    return value


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "str": _string,
    "bool": _boolean,
    "int": _integer,
    "list": _list,
    "json": _structure,
    "raw": _untouched,
}
