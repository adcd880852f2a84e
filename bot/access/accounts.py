"""Slack accounts: whether somebody's account may act at all, read from users.info and cached for a few minutes."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.slack.errors import NO_ANSWER, Verdict, verdict
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.config.models.access import Access
    from bot.slack.client import Chat

log = logging.getLogger(__name__)
FRESH = 300.0  # seconds; users.info is tier 4 (100 a minute)
# While Slack does not answer, an earlier answer counts for this long.
USABLE = 3600.0
TIMEOUT = 2.0
MOST = 1_000  # accounts
FAILED = 3.0  # seconds for which a failure counts without asking again
# Look-ups a minute of people whom no rule names; the rest of the limit is that of the people whom rules name.
STRANGERS = 30
MINUTE = 60.0
SLACKBOT = "USLACKBOT"  # which Slack does not call a bot


@dataclass(frozen=True, slots=True)
class Account:
    """What Slack says of an account (docs.slack.dev/reference/objects/user-object). `refusal` is "" for one that may act."""

    refusal: str
    name: str = ""
    full_name: str = ""
    utc_offset: int = 0
    zone: str = ""


class Accounts:
    """Reads accounts; `access` says whether guests and people of other organizations may act.

    However many ask at once, each account is looked up once; a failure counts for `FAILED` seconds.
    """

    def __init__(self, chat: Chat, access: Access, clock: Callable[[], float]) -> None:
        self._chat = chat
        self._access = access
        self._clock = clock
        self._read: OrderedDict[str, tuple[Account, float]] = OrderedDict()
        self._failed: OrderedDict[str, tuple[Account, float]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Account]] = {}
        self._strangers: deque[float] = deque()  # when people whom perhaps no rule names were looked up
        self._own: Mapping[str, Any] | None = None
        self._own_lock = asyncio.Lock()

    async def account(self, user: str, is_named: Callable[[], Awaitable[bool]]) -> Account:
        """This person's account. Where Slack does not answer, the last answer of the past hour, else a refusal.

        `is_named`, whether a rule names this person, is asked when people were looked up `STRANGERS` times in a minute.
        """
        cached = self._cached(user)
        if cached:
            return cached
        if user not in self._reading and not self._takes_stranger() and not await is_named():
            return Account("I looked up too many accounts in the last minute; try again in a minute")
        cached = self._cached(user)
        if cached:
            return cached
        return await asyncio.shield(self._look_up_once(user))

    def last_answer(self, user: str) -> Account | None:
        """This person's account as Slack last described it, if that was within the past hour; Slack is not asked."""
        account, at = self._read.get(user, (None, 0.0))
        return account if self._clock() - at < USABLE else None

    def _look_up_once(self, user: str) -> asyncio.Task[Account]:
        reading = self._reading
        if user not in reading:
            reading[user] = asyncio.create_task(self._look_up(user))
            reading[user].add_done_callback(lambda _: reading.pop(user))
        return reading[user]

    def _cached(self, user: str) -> Account | None:
        now = self._clock()
        for answers, counts_for in ((self._read, FRESH), (self._failed, FAILED)):
            answer, at = answers.get(user, (None, 0.0))
            if answer and now - at < counts_for:
                return answer
        return None

    def _takes_stranger(self) -> bool:
        while self._strangers and self._clock() - self._strangers[0] >= MINUTE:
            self._strangers.popleft()
        if len(self._strangers) == STRANGERS:
            return False
        self._strangers.append(self._clock())
        return True

    async def _look_up(self, user: str) -> Account:
        read, failed = self._read, self._failed  # `forget` replaces them: an answer to an earlier question is not kept
        last, at = read.get(user, (None, 0.0))
        age = self._clock() - at
        try:
            async with asyncio.timeout(TIMEOUT):
                account = await self._ask(user)
        except (ChatError, TimeoutError, KeyError) as error:
            code = error.code.partition(" ")[0] if isinstance(error, ChatError) else NO_ANSWER
            log.warning("the account of %.40s cannot be read: %s", user, code)
            if last and age < USABLE and verdict(code) is Verdict.PASSES:
                return self._keep(failed, user, last, counts_until=at + USABLE)
            return self._keep(failed, user, Account(f"I could not look up your account in Slack ({code})"))
        failed.pop(user, None)
        return self._keep(read, user, account)

    def _keep(
        self,
        answers: OrderedDict[str, tuple[Account, float]],
        user: str,
        account: Account,
        counts_until: float = math.inf,
    ) -> Account:
        answers[user] = (account, min(self._clock(), counts_until - FAILED))
        answers.move_to_end(user)
        while len(answers) > MOST:
            answers.popitem(last=False)
        return account

    def forget(self) -> None:
        """Ask Slack again about each account; the last answer counts only while Slack does not answer."""
        stale = self._clock() - FRESH
        self._failed, self._reading = OrderedDict(), {}
        self._read = OrderedDict((user, (account, min(at, stale))) for user, (account, at) in self._read.items())

    async def _ask(self, user: str) -> Account:
        async with self._own_lock:
            if self._own is None:
                self._own = await self._chat.query("auth.test")
        about = (await self._chat.query("users.info", user=user))["user"]
        refusal = refusal_of(about, self._own, self._access)
        name = str(about.get("name") or "")
        full_name = str((about.get("profile") or {}).get("real_name") or about.get("real_name") or name)
        return Account(refusal, name, full_name, int(about.get("tz_offset") or 0), str(about.get("tz") or ""))


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
