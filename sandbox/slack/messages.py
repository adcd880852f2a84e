"""One message, as it is now."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import mrkdwn, rendering

if TYPE_CHECKING:
    from sandbox.slack.files import File


@dataclass(frozen=True, slots=True)
class Notification:
    """What one person is notified of: the message's channel and ts, its first text, and why ("mention", "thread", "direct")."""

    person: str
    channel: str
    ts: str
    text: str
    why: str


@dataclass(eq=False, repr=False, slots=True)
class Message:
    """One message as it is now: an update changes it in place (`snapshot` keeps a copy).

    `text` is raw mrkdwn; `metadata` is {event_type, event_payload} or None; `edited` whether it was changed
    after it was posted; `ephemeral_for` the one user who sees it; `broadcast` a reply that the channel displays too;
    `first_text` what a phone displayed when it was posted; `notifications` the people whom it notified then.
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
    broadcast: bool = False
    notifications: tuple[Notification, ...] = ()
    reactions: dict[str, list[str]] = field(default_factory=dict)
    first_text: str = ""
    all_broadcasts: list[str] = field(default_factory=list)
    all_notified: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.first_text = self.text
        self.all_notified = set(mrkdwn.notified(self.text, self.blocks))
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

    @property
    def notified(self) -> frozenset[str]:
        """Everybody whom it ever tried to notify: ids of people and groups; channel, here and everyone."""
        return frozenset(self.all_notified)

    @property
    def links(self) -> frozenset[str]:
        """Where it links now, also where Slack itself makes a link of a text."""
        return mrkdwn.links(self.text, self.blocks)

    def snapshot(self) -> Message:
        """The message as it is now, which later updates leave alone: what a client that lags still shows."""
        return dataclasses.replace(self, blocks=list(self.blocks), files=list(self.files))

    def replace(self, *, ts: str, text: str, blocks: list[dict[str, Any]], metadata: dict[str, Any] | None) -> None:
        """Change what it says, at time `ts`."""
        self.text, self.blocks, self.metadata = text, blocks, metadata
        self.edited, self.edited_ts = True, ts
        self.all_broadcasts.extend(mrkdwn.broadcasts(text, blocks))
        self.all_notified |= mrkdwn.notified(text, blocks)
