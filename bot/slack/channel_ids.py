"""The ids of channels by name: in memory, and where later processes find them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Channels(Protocol):
    """Remembers ids by name, also across restarts (bot/store/channels.py)."""

    async def get(self, name: str) -> str | None:
        """The id of this channel, if it is known."""

    async def put(self, ids: Mapping[str, str]) -> None:
        """Remember these ids by name."""

    async def forget(self, channel: str) -> None:
        """Forget the names of this id."""


class ChannelIds:
    """What this process knows, and what `channels` remembers of earlier ones."""

    def __init__(self, channels: Channels | None) -> None:
        self._channels = channels
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}  # by the ids that were given out
        self._stored: dict[str, str | None] = {}  # of the names that were asked for

    @property
    def unconfirmed(self) -> bool:
        """Whether an earlier process learned an id that is used: a channel may have been renamed since."""
        return any(self._stored.values())

    async def id_of(self, name: str) -> str | None:
        """The id of this channel, if it is known."""
        if name not in self._stored and self._channels:
            self._stored[name] = await self._channels.get(name)
        channel = self._ids.get(name) or self._stored.get(name)
        if channel:
            self._names[channel] = name
        return channel

    async def learn(self, listed: Mapping[str, str]) -> None:
        """Take over what Slack lists. Later processes get what this one was asked for, not all channels of a workspace."""
        self._ids |= listed
        changed = {name: listed[name] for name, stored in self._stored.items() if listed.get(name, stored) != stored}
        self._stored |= changed
        if changed and self._channels:
            await self._channels.put(changed)

    async def forget(self, channel: str) -> str | None:
        """Forget an id that Slack does not know; the name for which it was given out, if it was."""
        name = self._names.get(channel)
        if name and self._ids.get(name) == channel:
            del self._ids[name]
        if name and self._stored.get(name) == channel:
            self._stored[name] = None
        if self._channels:
            await self._channels.forget(channel)
        return name
