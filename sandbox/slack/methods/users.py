"""users.* and usergroups.*: who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import channels
from sandbox.slack.methods.registry import Method
from sandbox.slack.rate_limits import TIER_2, TIER_3, TIER_4

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.workspace import User, Usergroup


def _user_json(user: User) -> dict[str, Any]:
    base = {"id": user.id, "team_id": user.team_id, "name": user.name, "deleted": user.deleted}
    profile = {
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.name,
        "display_name_normalized": user.name,
        "title": user.title,
        "team": user.team_id,
    }
    if user.deleted:
        return {**base, "profile": profile, "is_bot": user.is_bot, "is_app_user": False}
    return {
        **base,
        "real_name": user.real_name,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_bot": user.is_bot,
        "is_app_user": False,
        **({"is_stranger": True} if user.is_stranger else {}),
    }


def _info(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    user = backend.workspace.users.get(given["user"])
    if user is None:
        raise ApiError("user_not_found")
    return {"user": _user_json(user)}


def _bot_info(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    if given["bot"] != seed.BOT_ID:
        raise ApiError("bot_not_found")
    bot = {"id": seed.BOT_ID, "deleted": False, "name": seed.BOT_NAME.lower(), "updated": int(backend.clock.now())}
    return {"bot": {**bot, "app_id": seed.APP_ID, "user_id": seed.BOT_USER_ID, "icons": {}}}


def _list(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    page, cursor = channels.page(list(backend.workspace.users.values()), given, default=100, most=1000)
    return {"members": [_user_json(user) for user in page], "response_metadata": cursor}


def _group_json(group: Usergroup, given: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": group.id,
        "team_id": seed.TEAM_ID,
        "is_usergroup": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_delete": 1 if group.disabled else 0,
    }
    if given.get("include_users"):
        fields["users"] = list(group.users)
    if given.get("include_count"):
        fields["user_count"] = len(group.users)
    return fields


def _groups(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    every = backend.workspace.usergroups.values()
    groups = [group for group in every if given.get("include_disabled") or not group.disabled]
    return {"usergroups": [_group_json(group, given) for group in groups]}


def _group_users(backend: Backend, given: dict[str, Any]) -> dict[str, Any]:
    group = backend.workspace.usergroups.get(given["usergroup"])
    if group is None or (group.disabled and not given.get("include_disabled")):
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


_GROUPS = {"include_users": "bool", "include_count": "bool", "include_disabled": "bool"}
_GROUP_USERS = {"usergroup": "str", "include_disabled": "bool"}
_LIST = {"cursor": "str", "limit": "int", "include_locale": "bool"}

METHODS = (
    Method("bots.info", _bot_info, "users:read", TIER_3, {"bot": "str"}, ("bot",)),
    Method("users.info", _info, "users:read", TIER_4, {"user": "str", "include_locale": "bool"}, ("user",)),
    Method("users.list", _list, "users:read", TIER_2, _LIST),
    Method("usergroups.list", _groups, "usergroups:read", TIER_2, _GROUPS),
    Method("usergroups.users.list", _group_users, "usergroups:read", TIER_2, _GROUP_USERS, ("usergroup",)),
)
