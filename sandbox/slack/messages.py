"""Messages and the channels that hold them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import mrkdwn, rendering
from sandbox.slack.bus import Happening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.slack.bus import Bus
    from sandbox.slack.files import File


@dataclass(eq=False, repr=False, slots=True)
class Message:
    """One message as it is now: an update changes it in place (`snapshot` keeps a copy).

    `text` is raw mrkdwn; `metadata` is {event_type, event_payload} or None; `edited` whether it was changed
    after it was posted; `ephemeral_for` the one user who sees it.
    """

    ts: str
    channel: str
    user: str
    text: str
    names: mrkdwn.Names
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    edited: bool = False
    edited_ts: str | None = None
    files: list[File] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    bot_id: str | None = None
    ephemeral_for: str | None = None
    deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    all_broadcasts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.all_broadcasts = list(mrkdwn.broadcasts(self.text, self.blocks))

    def __repr__(self) -> str:
        return f"<Message {self.ts} in {self.channel} by {self.user}: {self.rendered!r}>"

    @property
    def rendered(self) -> str:
        """The message as a person reads it: mentions resolved, tables drawn, buttons in [brackets]."""
        return rendering.message_text(
            self.text, self.blocks, [file.title or file.name for file in self.files], self.names
        )

    @property
    def buttons(self) -> list[str]:
        """The visible texts of its buttons, in order."""
        return rendering.button_texts(self.blocks)

    @property
    def broadcasts(self) -> tuple[str, ...]:
        """Which of channel, here and everyone it ever tried to notify; earlier versions count."""
        return tuple(self.all_broadcasts)

    def snapshot(self) -> Message:
        """The message as it is now, which later updates leave alone: what a client that lags still shows."""
        return dataclasses.replace(self, blocks=list(self.blocks), files=list(self.files))

    def replace(self, *, ts: str, text: str, blocks: list[dict[str, Any]], metadata: dict[str, Any] | None) -> None:
        """Change what it says, at time `ts`."""
        self.text, self.blocks, self.metadata = text, blocks, metadata
        self.edited, self.edited_ts = True, ts
        self.all_broadcasts.extend(mrkdwn.broadcasts(text, blocks))


class Channel:
    """One channel and what was said in it."""

    def __init__(self, channel_id: str, name: str, *, topic: str, purpose: str, members: set[str], bus: Bus) -> None:
        self.id = channel_id
        self.name = name
        self.topic = topic
        self.purpose = purpose
        self.members = members
        self._bus = bus
        self._messages: dict[str, Message] = {}
        self._replies: dict[str, list[Message]] = {}

    @property
    def messages(self) -> list[Message]:
        """What stands in the channel itself, oldest first; replies are in `thread`."""
        return [message for message in self._messages.values() if message.thread_ts in {None, message.ts}]

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
        """Put a new message in and tell everybody."""
        self._messages[message.ts] = message
        if message.thread_ts is not None and message.thread_ts != message.ts:
            self._replies.setdefault(message.thread_ts, []).append(message)
        self._bus.publish(Happening("message", self.id, message))

    def changed(self, message: Message) -> None:
        """Tell everybody that a message changed."""
        self._bus.publish(Happening("changed", self.id, message))

    def remove(self, message: Message) -> None:
        """Delete a message and tell everybody."""
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

        found = await self._bus.until(look, timeout)
        if found is None:
            raise AssertionError(f"nothing like it in #{self.name} within {timeout} s; the channel is:\n{self.as_read}")
        return found

    @property
    def as_read(self) -> str:
        """The whole channel as people read it, replies indented under their parent."""
        return "\n".join(self._lines()) or "(empty)"

    def _lines(self) -> Iterator[str]:
        for message in self.messages:
            for one in self.thread(message.ts):
                indent = "" if one is message else "    "
                author = one.names.user_name(one.user) or one.user
                first, *rest = one.rendered.splitlines() or [""]
                yield f"{indent}{author}: {first}"
                yield from (f"{indent}    {line}" for line in rest)
