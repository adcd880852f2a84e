"""Checks Slack: the token, its scopes, the channels, and the people and groups that the configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bot.check.blocks import check_blocks
from bot.check.nearest import NAMED, there_is
from bot.check.result import Findings
from bot.slack.manifest import needed_scopes
from bot.slack.web_api import ChatError
from runners.nearest import ranked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.config import Config

_REINSTALL = "Compare the app with app.yaml, then reinstall it into the workspace."
_TOKEN = "Set SLACK_BOT_TOKEN to the bot token (xoxb-...) from the app's OAuth & Permissions page."  # noqa: S105  -- advice
_REMEDIES = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "account_inactive": "The app was removed from the workspace; install it again and set the new token.",
    "token_revoked": "The token was revoked; reinstall the app and set the new token.",
    "missing_scope": _REINSTALL,
    "plan_upgrade_required": "User groups need a paid plan of Slack; name people by their member IDs.",
    "no_answer": "Check the network, and SLACK_API_URL if it is set.",
}
GROUP = "usergroup:"


class SlackCalls(Protocol):
    """The calls of Slack that the check needs; bot.slack.client.Chat implements them. They raise ChatError."""

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a reading method."""
        ...

    async def scopes(self) -> frozenset[str]:
        """The scopes of the token, from the header X-OAuth-Scopes of an answer."""
        ...


async def check_slack(config: Config, environ: Mapping[str, str], slack: SlackCalls | None) -> Findings:
    """Check the token, then everything that the configuration names, with that token."""
    findings = Findings("slack")
    if not environ.get("SLACK_SIGNING_SECRET") and not environ.get("SLACK_APP_TOKEN"):
        findings.add_problem(
            "neither SLACK_SIGNING_SECRET nor SLACK_APP_TOKEN is set, so the bot cannot receive commands",
            "Set SLACK_SIGNING_SECRET (Basic Information page) for HTTP, or SLACK_APP_TOKEN (xapp-...) for Socket Mode.",
        )
    if slack is None:
        findings.add_problem("SLACK_BOT_TOKEN is not set", _TOKEN)
        return findings
    try:
        await _check(config, environ, slack, findings)
    except ChatError as error:
        findings.add_problem(str(error), _remedy(error))
    return findings


def _remedy(error: ChatError) -> str:
    return next((text for code, text in _REMEDIES.items() if error.code.startswith(code)), "")


async def _check(config: Config, environ: Mapping[str, str], slack: SlackCalls, findings: Findings) -> None:
    identity = await slack.query("auth.test")
    transport = "Socket Mode" if environ.get("SLACK_APP_TOKEN") else "HTTP"
    findings.add_fact(f"@{identity.get('user', '?')} in {identity.get('team', '?')} by {transport}")
    missing = sorted(set(needed_scopes()) - await slack.scopes())
    if missing:
        findings.add_problem(
            f"the token lacks {', '.join(missing)}", f"Add them under OAuth & Permissions. {_REINSTALL}"
        )
    await _check_channels(config, slack, findings)
    await check_blocks(config.slack.blocks, slack, findings)
    rules = sorted({rule for rules in _rules(config) for rule in rules})
    groups = [rule.removeprefix(GROUP) for rule in rules if rule.startswith(GROUP)]
    await _check_groups(groups, slack, findings)
    for user in (rule for rule in rules if not rule.startswith(GROUP)):
        await _check_user(user, slack, findings)


def _rules(config: Config) -> list[tuple[str, ...]]:
    own = [environment.approval.approvers or () for environment in config.environments.values()]
    builds = [images.approval.approvers or () for images in config.builds.values()]
    roles = [role.people for role in config.access.roles.values()]
    return [config.access.operators, config.access.approvers, *roles, *builds, *own]


async def _check_channels(config: Config, slack: SlackCalls, findings: Findings) -> None:
    own = [environment.channel for environment in config.environments.values()]
    builds = [images.channel for images in config.builds.values() if images.channel]
    configured = dict.fromkeys([config.slack.channel, *own, *builds])
    visible: dict[str, dict[str, Any]] = {}
    async for channel in channels(slack):
        visible |= {f"#{channel['name']}": channel, channel["id"]: channel}
    for name in configured:
        channel = visible.get(name, {})
        if not channel:
            there = there_is(name, (each for each in visible if each.startswith("#")), "it sees")
            remedy = f"{there} Correct the name, or create the channel; if it is private, invite the bot."
            findings.add_problem(f"the bot can see no channel {name}", remedy)
        elif not channel.get("is_member"):
            findings.add_problem(f"the bot is not in {name}", f"Type /invite @Signalbox in {name}.")
    findings.add_fact(f"in {', '.join(configured)}")


async def channels(slack: SlackCalls) -> AsyncIterator[dict[str, Any]]:
    """The channels that the bot can see, as Slack describes them."""
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


async def _check_groups(groups: list[str], slack: SlackCalls, findings: Findings) -> None:
    if not groups:
        return
    try:
        answer = await slack.query("usergroups.list", include_disabled=True)
    except ChatError as error:
        findings.add_problem(f"user groups {', '.join(groups)} cannot be read: {error}", _remedy(error))
        return
    existing = {usergroup["id"]: usergroup for usergroup in answer["usergroups"]}
    for group in groups:
        try:
            await _check_group(group, existing, slack, findings)
        except ChatError as error:
            findings.add_problem(f"user group {group} cannot be read: {error}", _remedy(error))


async def _check_group(
    group: str, groups: Mapping[str, Mapping[str, Any]], slack: SlackCalls, findings: Findings
) -> None:
    if group not in groups:
        there = ", ".join(f"{each} (@{groups[each].get('handle', each)})" for each in ranked(group, groups)[:NAMED])
        remedy = f"{f'There is {there}. ' if there else ''}Copy the ID from the group's page in Slack."
        findings.add_problem(f"user group {group} does not exist", remedy)
        return
    handle = groups[group].get("handle", group)
    if groups[group].get("date_delete"):
        remedy = "Enable it in Slack, or name another group: who is named by it alone is refused."
        findings.add_problem(f"user group {group} (@{handle}) is disabled", remedy)
        return
    members = (await slack.query("usergroups.users.list", usergroup=group))["users"]
    if members:
        findings.add_fact(f"@{handle} has {len(members)}")
    else:
        findings.add_problem(f"user group {group} has no members", "Add the people who may do this.")


async def _check_user(user: str, slack: SlackCalls, findings: Findings) -> None:
    try:
        answer = await slack.query("users.info", user=user)
    except ChatError as error:
        if not error.code.startswith(("user_not_found", "user_not_visible")):
            raise
        findings.add_problem(f"user {user} does not exist", "Copy the member ID from the person's profile.")
        return
    if answer["user"].get("deleted"):
        findings.add_problem(f"user {user} is deactivated", "Remove the user from signalbox.yaml.")
