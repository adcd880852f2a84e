"""Channels and what was said in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.bus import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.slack.bus import Bus
    from sandbox.slack.messages import Message


class Channel:
    """One channel and what was said in it."""

    def __init__(self, channel_id: str, name: str, *, topic: str, purpose: str, members: set[str], bus: Bus) -> None:
        self.id = channel_id
        self.name = name
        self.topic = topic
        self.purpose = purpose
        self.members = members
        self.archived = False
        self.private = False
        self.direct = ""  # the person whose direct messages with the app these are
        self._bus = bus
        self._messages: dict[str, Message] = {}
        self._replies: dict[str, list[Message]] = {}

    @property
    def messages(self) -> list[Message]:
        """The messages of the channel itself, oldest first; replies are in `thread`."""
        return [message for message in self._messages.values() if message.thread_ts in {None, message.ts}]

    @property
    def timeline(self) -> list[Message]:
        """What is displayed in the channel, oldest first: its messages, and replies that were also sent to it."""
        return [
            message
            for message in self._messages.values()
            if message.broadcast or message.thread_ts in {None, message.ts}
        ]

    @property
    def all_messages(self) -> list[Message]:
        """Every message, replies among them, in the order they were posted."""
        return list(self._messages.values())

    def thread(self, ts: str) -> list[Message]:
        """A message and its replies, parent first; empty when there is no such message."""
        parent = self._messages.get(ts)
        return [] if parent is None else [parent, *self._replies.get(ts, ())]

    def replies(self, ts: str) -> list[Message]:
        """The replies to a message, oldest first."""
        return list(self._replies.get(ts, ()))

    def find(self, ts: str) -> Message | None:
        """The message with this timestamp."""
        return self._messages.get(ts)

    def add(self, message: Message) -> None:
        """Add a message and notify all subscribers."""
        self._messages[message.ts] = message
        if message.thread_ts is not None and message.thread_ts != message.ts:
            self._replies.setdefault(message.thread_ts, []).append(message)
        self._bus.publish(Happening("message", self.id, message, user=self.direct or None))

    def changed(self, message: Message) -> None:
        """Notify all subscribers that a message changed."""
        self._bus.publish(Happening("changed", self.id, message, user=self.direct or None))

    def remove(self, message: Message) -> None:
        """Delete a message and notify all subscribers."""
        del self._messages[message.ts]
        message.deleted = True
        if message.thread_ts is not None and message.thread_ts != message.ts:
            self._replies[message.thread_ts].remove(message)
        self._bus.publish(Happening("deleted", self.id, message))

    async def wait_for(self, predicate: Callable[[Message], bool], timeout: float = 30) -> Message:
        """The newest message, replies among them, for which `predicate` holds, as soon as there is one.

        Raises:
            AssertionError: none within `timeout` seconds; the error prints the channel as it is.
        """

        def look() -> Message | None:
            return next((message for message in reversed(self._messages.values()) if predicate(message)), None)

        message = await self._bus.until(look, timeout)
        if message is None:
            raise AssertionError(f"nothing like it in #{self.name} within {timeout} s; the channel is:\n{self.as_read}")
        return message

    @property
    def as_read(self) -> str:
        """The whole channel as people read it, replies indented under their parent."""
        return "\n".join(self._lines()) or "(empty)"

    def _lines(self) -> Iterator[str]:
        for message in self.messages:
            for posted in self.thread(message.ts):
                indent = "" if posted is message else "    "
                author = posted.names.user_name(posted.user) or posted.user
                first, *rest = posted.rendered.splitlines() or [""]
                yield f"{indent}{author}: {first}"
                yield from (f"{indent}    {line}" for line in rest)
