"""Slack accounts: whether somebody's account may act at all, read from users.info and cached for a few minutes."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.errors import NO_ANSWER, Verdict, verdict
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.config.models.general import Access
    from bot.slack.client import Chat

log = logging.getLogger(__name__)
FRESH = 300.0  # seconds; users.info is tier 4 (100 a minute)
# While Slack does not answer, an earlier answer counts for this long.
USABLE = 3600.0
TIMEOUT = 2.0
MOST = 1_000  # accounts
SLACKBOT = "USLACKBOT"  # which Slack does not call a bot


@dataclass(frozen=True, slots=True)
class Account:
    """What Slack says of an account (docs.slack.dev/reference/objects/user-object). `refusal` is "" for one that may act."""

    refusal: str
    name: str = ""
    utc_offset: int = 0


class Accounts:
    """Reads accounts; `access` says whether guests and people of other organizations may act."""

    def __init__(self, chat: Chat, access: Access, clock: Callable[[], float]) -> None:
        self._chat = chat
        self._access = access
        self._clock = clock
        self._read: OrderedDict[str, tuple[Account, float]] = OrderedDict()
        self._own: Mapping[str, Any] | None = None

    async def account(self, user: str) -> Account:
        """This person's account. Where Slack does not answer, the last answer of the past hour, else a refusal."""
        last, at = self._read.get(user, (None, 0.0))
        age = self._clock() - at
        if last and age < FRESH:
            return last
        try:
            async with asyncio.timeout(TIMEOUT):
                account = await self._ask(user)
        except (ChatError, TimeoutError, KeyError) as error:
            code = error.code.partition(" ")[0] if isinstance(error, ChatError) else NO_ANSWER
            log.warning("the account of %.40s cannot be read: %s", user, code)
            if last and age < USABLE and verdict(code) is Verdict.PASSES:
                return last
            return Account(f"I could not look up your account in Slack ({code})")
        self._read[user] = (account, self._clock())
        self._read.move_to_end(user)
        while len(self._read) > MOST:
            self._read.popitem(last=False)
        return account

    def forget(self) -> None:
        """Ask Slack again about each account; the last answer counts only while Slack does not answer."""
        stale = self._clock() - FRESH
        self._read = OrderedDict((user, (account, min(at, stale))) for user, (account, at) in self._read.items())

    async def _ask(self, user: str) -> Account:
        if self._own is None:
            self._own = await self._chat.query("auth.test")
        about = (await self._chat.query("users.info", user=user))["user"]
        refusal = refusal_of(about, self._own, self._access)
        return Account(refusal, str(about.get("name") or ""), int(about.get("tz_offset") or 0))


def refusal_of(user: Mapping[str, Any], own: Mapping[str, Any], access: Access) -> str:
    """Why this account may not act; "" if it may. `own` is the answer of auth.test."""
    if user.get("deleted"):
        return "your account is deactivated"
    if user.get("is_bot") or user.get("is_workflow_bot") or user.get("is_connector_bot") or user.get("id") == SLACKBOT:
        return "a bot's account may do nothing here"
    if not access.external and is_external(user, own):
        return "your account belongs to another workspace"
    if not access.guests and (user.get("is_restricted") or user.get("is_ultra_restricted")):
        return "your account is a guest's"
    return ""


def is_external(user: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether the account belongs neither to the workspace nor to its organization."""
    if user.get("is_stranger"):
        return True
    inside = user.get("enterprise_user") or {}
    same_team = own["team_id"] in {user.get("team_id"), *(inside.get("teams") or ())}
    return not same_team and not (own.get("enterprise_id") and inside.get("enterprise_id") == own["enterprise_id"])
