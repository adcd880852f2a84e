"""auth.test and apps.connections.open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import CONNECTING, GENEROUS

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend


def _test(_backend: Backend, _: dict[str, Any]) -> dict[str, Any]:
    return {
        "url": f"https://{seed.TEAM_DOMAIN}.slack.com/",
        "team": seed.TEAM_NAME,
        "user": seed.BOT_NAME.lower(),
        "team_id": seed.TEAM_ID,
        "user_id": seed.BOT_USER_ID,
        "bot_id": seed.BOT_ID,
        "is_enterprise_install": False,
    }


def _open(backend: Backend, _: dict[str, Any]) -> dict[str, Any]:
    if backend.socket_url is None:
        raise ApiError("method_not_supported_for_channel_type")
    return {"url": backend.socket_url()}


METHODS = (
    Method("auth.test", _test, None, GENEROUS, takes_json=True),
    Method("apps.connections.open", _open, "connections:write", CONNECTING, takes_json=True, for_app_token=True),
)
