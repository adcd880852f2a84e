"""Slack: the token, its scopes, the channels, and the people and groups that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bot.check.result import Findings
from bot.slack.client import ChatError
from bot.slack.manifest import needed_scopes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.config import Config

_REINSTALL = "Compare the app with app.yaml, then reinstall it into the workspace."
_TOKEN = "Put the bot's token (xoxb-...) of the app's page OAuth & Permissions into SLACK_BOT_TOKEN."  # noqa: S105  -- advice
_REMEDIES = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": "The app was removed from the workspace; install it again and take the new token.",
    "token_revoked": "The token was revoked; reinstall the app and take the new token.",
    "missing_scope": _REINSTALL,
    "no_answer": "Check the network, and SLACK_API_URL if it is set.",
}
GROUP = "usergroup:"


class SlackCalls(Protocol):
    """What is asked of Slack; bot.chat.Chat is one. Raises ChatError."""

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a reading method."""
        ...

    async def scopes(self) -> frozenset[str]:
        """The scopes of the token, from the header X-OAuth-Scopes of an answer."""
        ...


async def check_slack(config: Config, environ: Mapping[str, str], slack: SlackCalls | None) -> Findings:
    """Tries the token, then what the configuration names with it."""
    found = Findings("slack")
    if not environ.get("SLACK_SIGNING_SECRET") and not environ.get("SLACK_APP_TOKEN"):
        found.fail(
            "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set, so nothing that people type can come in",
            "For HTTP set SLACK_SIGNING_SECRET (Basic Information); for Socket Mode SLACK_APP_TOKEN (xapp-...).",
        )
    if slack is None:
        found.fail("SLACK_BOT_TOKEN is not set", _TOKEN)
        return found
    try:
        await _check(config, environ, slack, found)
    except ChatError as error:
        remedy = next((text for code, text in _REMEDIES.items() if error.code.startswith(code)), "")
        found.fail(str(error), remedy)
    return found


async def _check(config: Config, environ: Mapping[str, str], slack: SlackCalls, found: Findings) -> None:
    me = await slack.query("auth.test")
    way = "Socket Mode" if environ.get("SLACK_APP_TOKEN") else "HTTP"
    found.note(f"@{me.get('user', '?')} in {me.get('team', '?')} by {way}")
    missing = sorted(set(needed_scopes()) - await slack.scopes())
    if missing:
        found.fail(f"the token lacks {', '.join(missing)}", f"Add them under OAuth & Permissions. {_REINSTALL}")
    await _check_channels(config, slack, found)
    people = sorted({rule for rules in _rules(config) for rule in rules})
    groups = [one.removeprefix(GROUP) for one in people if one.startswith(GROUP)]
    await _check_groups(groups, slack, found)
    for user in (one for one in people if not one.startswith(GROUP)):
        await _check_user(user, slack, found)


def _rules(config: Config) -> list[tuple[str, ...]]:
    own = [environment.approval.approvers or () for environment in config.environments.values()]
    return [config.access.operators, config.access.approvers, *own]


async def _check_channels(config: Config, slack: SlackCalls, found: Findings) -> None:
    wanted = dict.fromkeys(
        [config.slack.channel, *(environment.channel for environment in config.environments.values())]
    )
    seen: dict[str, dict[str, Any]] = {}
    async for channel in _channels(slack):
        seen |= {f"#{channel['name']}": channel, channel["id"]: channel}
    for name in wanted:
        channel = seen.get(name, {})
        if not channel:
            found.fail(
                f"there is no channel {name} that the bot can see", "Create it; if it is private, invite the bot."
            )
        elif not channel.get("is_member"):
            found.fail(f"the bot is not in {name}", f"Type /invite @Signalbox in {name}.")
    found.note(f"in {', '.join(wanted)}")


async def _channels(slack: SlackCalls) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = await slack.query(
            "conversations.list",
            types="public_channel,private_channel",
            exclude_archived=True,
            limit=200,
            cursor=cursor,
        )
        for channel in answer["channels"]:
            yield channel
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return


async def _check_groups(groups: list[str], slack: SlackCalls, found: Findings) -> None:
    if not groups:
        return
    known = {one["id"]: one for one in (await slack.query("usergroups.list"))["usergroups"]}
    for group in groups:
        if group not in known:
            where = "Copy the id from the group's page in Slack, and see that the group is not disabled."
            found.fail(f"there is no user group {group}", where)
            continue
        members = (await slack.query("usergroups.users.list", usergroup=group))["users"]
        if members:
            found.note(f"@{known[group].get('handle', group)} has {len(members)}")
        else:
            found.fail(f"nobody is in the user group {group}", "Put the people into it who may do this.")


async def _check_user(user: str, slack: SlackCalls, found: Findings) -> None:
    try:
        answer = await slack.query("users.info", user=user)
    except ChatError as error:
        if not error.code.startswith(("user_not_found", "user_not_visible")):
            raise
        found.fail(f"there is no user {user}", "Copy the member ID from the person's profile.")
        return
    if answer["user"].get("deleted"):
        found.fail(f"the user {user} has been deactivated", "Take them out of signalbox.yaml.")
