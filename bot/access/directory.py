"""People and their usergroups, read from Slack and cached for a short time, each group by itself."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from typing import TYPE_CHECKING

from bot.access.policy import Person, is_user
from bot.config.windows import zone_of
from bot.slack.errors import NO_ANSWER, Verdict, verdict
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.access.accounts import Account, Accounts
    from bot.slack.client import Chat

log = logging.getLogger(__name__)
# usergroups.users.list is tier 2 (20 a minute); a person removed from a group has the group's rights this long at most.
CACHE_SECONDS = 30.0
TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A group's members at a time of the clock, or Slack's error code in their place."""

    members: frozenset[str]
    error: str
    read_at: float


class Directory:
    """Resolves user ids to people with their groups. The configuration names the usergroups `groups` and the users `people`."""

    def __init__(
        self,
        chat: Chat,
        groups: Iterable[str],
        clock: Callable[[], float],
        accounts: Accounts,
        *,
        people: Iterable[str] = (),
    ) -> None:
        self._chat = chat
        self._groups = tuple(sorted(set(groups)))
        self._people = frozenset(people)
        self._clock = clock
        self._accounts = accounts
        self._snapshots: dict[str, _Snapshot] = {}
        self._reading: dict[str, asyncio.Task[_Snapshot]] = {}

    async def person(self, user_id: str) -> Person:
        """This person with their current groups; groups that Slack gives no members of are unreadable, never guessed."""
        reading = asyncio.gather(*map(self._current, self._groups))
        account, snapshots = await asyncio.gather(self._account(user_id), reading)
        by_group = dict(zip(self._groups, snapshots, strict=True))
        groups = frozenset(group for group, snapshot in by_group.items() if user_id in snapshot.members)
        unreadable = {group: snapshot.error for group, snapshot in by_group.items() if snapshot.error}
        return Person(user_id, groups, unreadable, account.refusal)

    async def members(self, group: str) -> frozenset[str]:
        """The members of one of the configuration's groups; none where Slack does not say."""
        return (await self._current(group)).members

    def forget(self) -> None:
        """Forget who is in which group and whose account may act, so that Slack is asked again."""
        self._snapshots.clear()
        self._accounts.forget()

    async def name(self, user_id: str) -> str | None:
        """The name of this person in Slack; None if Slack does not answer."""
        return (await self._account(user_id)).name or None

    async def zone(self, user_id: str) -> tzinfo:
        """This person's time zone; UTC if Slack does not answer."""
        account = await self._account(user_id)
        with suppress(ValueError):
            return zone_of(account.zone)
        return timezone(timedelta(seconds=account.utc_offset))

    def cached_name(self, user_id: str) -> str:
        """The full name of this person if Slack gave it within the past hour, else an empty text."""
        account = self._accounts.last_answer(user_id)
        return account.full_name if account else ""

    async def full_name(self, user_id: str) -> str:
        """The full name of this person; empty if Slack does not answer, and for what is no person."""
        if not is_user(user_id):
            return ""
        return self.cached_name(user_id) or (await self._account(user_id)).full_name

    async def _account(self, user_id: str) -> Account:
        async def is_named() -> bool:
            if user_id in self._people:
                return True
            snapshots = await asyncio.gather(*map(self._current, self._groups))
            return any(user_id in snapshot.members for snapshot in snapshots)

        return await self._accounts.account(user_id, is_named)

    async def _current(self, group: str) -> _Snapshot:
        snapshot = self._snapshots.get(group)
        if snapshot and self._clock() - snapshot.read_at < CACHE_SECONDS:
            return snapshot
        if group not in self._reading:
            self._reading[group] = asyncio.create_task(self._read(group))
            self._reading[group].add_done_callback(lambda _: self._reading.pop(group))
        return await asyncio.shield(self._reading[group])

    async def _read(self, group: str) -> _Snapshot:
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._chat.query("usergroups.users.list", usergroup=group)
            snapshot = _Snapshot(frozenset(answer["users"]), "", self._clock())
        except (ChatError, TimeoutError) as error:
            code = error.code.partition(" ")[0] if isinstance(error, ChatError) else NO_ANSWER
            log.warning("user group %s cannot be read: %s", group, code)
            snapshot = _Snapshot(frozenset(), code, self._clock())
        if verdict(snapshot.error) is Verdict.PASSES:
            self._snapshots.pop(group, None)  # an expired answer is no answer, and the next question may have one
        else:
            self._snapshots[group] = snapshot
        return snapshot
