"""blocks.validate: whether Slack takes blocks, a message or a view (docs.slack.dev/reference/methods/blocks.validate)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack import block_kit
from sandbox.slack.errors import ApiError, refused
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_3

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend

_CODES = {"blocks": "invalid_blocks", "message": "invalid_message", "view": "invalid_view"}
_POINTER = " [json-pointer:"


def _validate(_: Backend, given: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in ("blocks", "message", "view") if given.get(kind)]
    if len(kinds) != 1:
        raise refused("invalid_arguments", ["provide exactly one of blocks, message, view"])
    (kind,) = kinds
    try:
        content = json.loads(given[kind]) if isinstance(given[kind], str) else given[kind]
    except ValueError:
        raise refused("invalid_arguments", [f"invalid `{kind}`"]) from None
    try:
        _check(kind, content)
    except ApiError as error:
        problems = [str(each) for each in error.extra.get("errors", [error.code])]
        raise ApiError(_CODES[kind], errors=[_as_error(problem) for problem in problems]) from None
    return {}


def _check(kind: str, content: Any) -> None:
    if kind == "view":
        block_kit.check_view(content, str(content.get("type")))
    else:
        block_kit.check_message(content if kind == "blocks" else content.get("blocks", []))


def _as_error(problem: str) -> dict[str, str]:
    message, _, pointer = problem.partition(_POINTER)
    return {"pointer": pointer.removesuffix("]"), "code": "failed_constraint", "message": message}


METHODS = (
    Method(
        "blocks.validate", _validate, None, TIER_3, {"blocks": "raw", "message": "raw", "view": "raw"}, takes_json=True
    ),
)
