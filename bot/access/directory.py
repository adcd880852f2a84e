"""People and their usergroups, read from Slack and cached for a short time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.access.policy import Person
from bot.errors import UserError
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bot.slack.client import Chat

# usergroups.users.list is tier 2 (20 a minute); a person removed from a group has the group's rights this long at most.
CACHE_SECONDS = 30.0
TIMEOUT = 2.0


class Directory:
    """Resolves user ids to people with their groups. `groups` are the usergroup ids the configuration names."""

    def __init__(self, chat: Chat, groups: Iterable[str], clock: Callable[[], float]) -> None:
        self._chat = chat
        self._groups = tuple(sorted(set(groups)))
        self._clock = clock
        self._members: dict[str, frozenset[str]] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def person(self, user_id: str) -> Person:
        """This person with their current groups. Raises UserError if Slack does not answer."""
        await self._refresh()
        return Person(user_id, frozenset(group for group, members in self._members.items() if user_id in members))

    async def name(self, user_id: str) -> str | None:
        """The name of this person in Slack; None if Slack does not answer."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return str((await self._chat.query("users.info", user=user_id))["user"]["name"])
        except (ChatError, TimeoutError, KeyError):
            return None

    async def utc_offset(self, user_id: str) -> int:
        """The offset of this person's time zone from UTC in seconds; 0 if Slack does not answer."""
        try:
            async with asyncio.timeout(TIMEOUT):
                return int((await self._chat.query("users.info", user=user_id))["user"]["tz_offset"])
        except (ChatError, TimeoutError, KeyError):
            return 0

    async def _refresh(self) -> None:
        async with self._lock:
            if self._clock() - self._read_at < CACHE_SECONDS:
                return
            try:
                async with asyncio.timeout(TIMEOUT):
                    members = [await self._users_of(group) for group in self._groups]
            except (ChatError, TimeoutError) as error:
                # Rights are never guessed: an expired answer is no answer.
                raise UserError(
                    "I could not look up in Slack who is in the groups that may do this, so I did nothing. "
                    "Please try again in a minute."
                ) from error
            self._members = dict(zip(self._groups, members, strict=True))
            self._read_at = self._clock()

    async def _users_of(self, group: str) -> frozenset[str]:
        answer = await self._chat.query("usergroups.users.list", usergroup=group)
        return frozenset(answer["users"])
