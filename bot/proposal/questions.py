"""The three questions of `python -m bot init`, and what Slack knows of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.slack import GROUP, channels
from bot.config.value_problems import channel_problem, repository_problem
from bot.errors import UserError
from bot.proposal.compose import Answer, Answers
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.check.slack import SlackCalls

    Ask = Callable[[str, str], str]  # a question and its default; the answer

CHANNEL, NO_GROUP, NO_REPOSITORY = "#ops", f"{GROUP}S00000000", "owner/name"
_COPY = "its id: in Slack, People, User groups, the group's page, Copy group ID"


async def answers(ask: Ask, *, repository: str, slack: SlackCalls | None) -> Answers:
    """Ask. With Slack's token, names of channels and groups become ids.

    Raises:
        UserError: an answer is not the name of a repository or channel, or Slack knows no such channel or group.
    """
    named = ask("The repository on GitHub, as owner/name", repository or NO_REPOSITORY).strip()
    if problem := repository_problem(named):
        raise UserError(f"The repository {problem}")
    channel = ask("The channel for alerts", CHANNEL).strip()
    channel = channel if channel.startswith("#") or channel[:1] in {"C", "G"} else f"#{channel}"
    if problem := channel_problem(channel):
        raise UserError(f"The channel {problem}")
    group = ask("Who may run and approve: a user group (@handle, or its id S...)", "").strip()
    comment = "yours" if named == NO_REPOSITORY else ""
    return Answers(Answer(named, comment), await _channel(channel, slack), await _group(group, slack))


async def _channel(channel: str, slack: SlackCalls | None) -> Answer:
    if slack is None or not channel.startswith("#"):
        return Answer(channel)
    ids = {f"#{each['name']}": each["id"] async for each in channels(slack)}
    if channel not in ids:
        raise UserError(f"The bot can see no channel {channel}. If it is private, invite the bot first.")
    return Answer(ids[channel], channel)


async def _group(group: str, slack: SlackCalls | None) -> Answer:
    identity = group.removeprefix(GROUP)
    if slack is None or not group:
        is_id = identity[:1] == "S" and identity.isalnum() and identity.isupper()
        return Answer(f"{GROUP}{identity}") if is_id else Answer(NO_GROUP, f"{group or 'your group'}: {_COPY}")
    try:
        groups = (await slack.query("usergroups.list"))["usergroups"]
    except ChatError as error:
        return Answer(NO_GROUP, f"{group}: {_COPY} (Slack did not say: {error.code.partition(' ')[0]})")
    for each in groups:
        if identity.removeprefix("@") in {each["id"], each["handle"]}:
            return Answer(f"{GROUP}{each['id']}", f"@{each['handle']}")
    there = ", ".join(sorted(f"@{each['handle']}" for each in groups)) or "none"
    raise UserError(f"Slack knows no user group {group}. The groups are: {there}")
