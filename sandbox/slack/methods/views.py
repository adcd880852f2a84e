"""views.*: modals and the Home tab."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.slack import block_kit
from sandbox.slack.errors import ApiError, refused
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_4

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend


def checked_view(given: Any, kind: str) -> dict[str, Any]:
    """A view as the app sent it, checked, with block ids filled in.

    Raises:
        ApiError: invalid_arguments with JSON pointers, view_too_large.
    """
    content = given
    if isinstance(given, str):
        try:
            content = json.loads(given)
        except ValueError:
            raise refused("invalid_arguments", ["invalid `view` [json-pointer:/view]"]) from None
    return block_kit.check_view(content, kind)


def _open(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    body = checked_view(given["view"], "modal")
    user = backend.triggers.take(given["trigger_id"])
    return {"view": backend.workspace.views.open(user, body).json}


def _push(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    body = checked_view(given["view"], "modal")
    user = backend.triggers.take(given["trigger_id"])
    return {"view": backend.workspace.views.push(user, body).json}


def _update(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    if not given.get("view_id") and not given.get("external_id"):
        raise refused("invalid_arguments", ["missing required field: view_id"])
    views = backend.workspace.views
    view = views.find(view_id=given.get("view_id"), external_id=given.get("external_id"))
    views.update(view, checked_view(given["view"], view.type), given.get("hash"))
    return {"view": view.json}


def _publish(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    if not backend.registration.home_tab:
        raise ApiError("not_enabled")
    if given["user_id"] not in backend.workspace.users:
        raise refused("invalid_arguments", ["invalid `user_id`"])
    body = checked_view(given["view"], "home")
    return {"view": backend.workspace.views.publish(given["user_id"], body, given.get("hash")).json}


_BY_TRIGGER = {"trigger_id": "str", "view": "raw"}
_UPDATE = {"view_id": "str", "external_id": "str", "hash": "str", "view": "raw"}
_PUBLISH = {"user_id": "str", "hash": "str", "view": "raw"}

METHODS = (
    Method("views.open", _open, None, TIER_4, _BY_TRIGGER, ("trigger_id", "view"), takes_json=True),
    Method("views.push", _push, None, TIER_4, _BY_TRIGGER, ("trigger_id", "view"), takes_json=True),
    Method("views.update", _update, None, TIER_4, _UPDATE, ("view",), takes_json=True),
    Method("views.publish", _publish, None, TIER_4, _PUBLISH, ("user_id", "view"), takes_json=True),
)
