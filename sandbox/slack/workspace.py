"""The workspace: its people, channels, user groups, files and views."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.slack import notifications, people_seed as seed
from sandbox.slack.bus import Bus, Happening
from sandbox.slack.channels import Channel
from sandbox.slack.clock import Clock
from sandbox.slack.files import File, Files
from sandbox.slack.messages import Message
from sandbox.slack.open_views import Views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.slack.messages import Notification


@dataclass
class User:
    """A member of the workspace, or somebody of another one.

    `is_restricted` marks a guest, `deleted` a deactivated account, `is_stranger` somebody who shares no channel with the app.
    """

    id: str
    name: str
    real_name: str
    title: str = ""
    is_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    is_ultra_restricted: bool = False
    team_id: str = seed.TEAM_ID
    is_stranger: bool = False


@dataclass
class Usergroup:
    """A user group, mentioned as @handle."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False


class Workspace:
    """Everything that the stand-in knows. Also resolves names for mrkdwn."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.bus = Bus()
        self.files = Files()
        self.views = Views(self.bus, self)
        self.users = {row[0]: User(*row) for row in seed.PEOPLE}
        self.users[seed.BOT_USER_ID] = User(seed.BOT_USER_ID, seed.BOT_NAME.lower(), seed.BOT_NAME, is_bot=True)
        self.usergroups = {
            group_id: Usergroup(group_id, handle, name, list(users))
            for group_id, handle, name, users in seed.USERGROUPS
        }
        self.channels = {seeded_channel.id: seeded_channel for seeded_channel in self._seeded_channels()}
        self.ephemerals: dict[str, list[Message]] = {}
        self._by_handle: dict[str, str] = {user.name: user.id for user in self.users.values()}
        self._by_channel_name: dict[str, str] = {channel.name: channel.id for channel in self.channels.values()}
        self._last_ts = 0

    def _seeded_channels(self) -> Iterator[Channel]:
        people = {row[0] for row in seed.PEOPLE}
        for channel_id, name, topic, purpose, with_bot in seed.CHANNELS:
            members = people | ({seed.BOT_USER_ID} if with_bot else set())
            yield Channel(channel_id, name, topic=topic, purpose=purpose, members=members, bus=self.bus)

    def open_channel(self, name: str) -> Channel:
        """A public channel of this name with everybody and the bot in it, new unless there is one."""
        if name not in self._by_channel_name:
            members = {row[0] for row in seed.PEOPLE} | {seed.BOT_USER_ID}
            channel_id = f"C0OWN{len(self.channels)}"
            self.channels[channel_id] = Channel(channel_id, name, topic="", purpose="", members=members, bus=self.bus)
            self._by_channel_name[name] = channel_id
        return self.channel(name)

    def open_direct(self, user: User) -> Channel:
        """The direct messages of this person and the app."""
        channel_id = f"D{user.id[1:]}"
        if channel_id not in self.channels:
            members = {user.id, seed.BOT_USER_ID}
            channel = Channel(channel_id, user.name, topic="", purpose="", members=members, bus=self.bus)
            channel.private, channel.direct = True, user.id
            self.channels[channel_id] = channel
        return self.channels[channel_id]

    def new_ts(self) -> str:
        """A timestamp that no other message has, later than all before: seconds with six decimals."""
        self._last_ts = max(int(self.clock.now() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"

    def channel(self, name: str) -> Channel:
        """A channel by "#name", name or id.

        Raises:
            KeyError: there is none.
        """
        channel = self.channels.get(name) or self.channels.get(self._by_channel_name.get(name.lstrip("#"), ""))
        if channel is None:
            raise KeyError(name)
        return channel

    def user(self, name: str) -> User:
        """A member by "@handle", handle or id.

        Raises:
            KeyError: there is none.
        """
        return self.users.get(name) or self.users[self._by_handle[name.lstrip("@")]]

    def post(
        self,
        channel: Channel,
        user: str,
        text: str,
        *,
        blocks: list[dict[str, Any]] | None = None,
        thread_ts: str | None = None,
        metadata: dict[str, Any] | None = None,
        files: list[File] | None = None,
        bot_id: str | None = None,
        broadcast: bool = False,
    ) -> Message:
        """Add a message to a channel, as already checked, and notify the people whom Slack would notify."""
        message = Message(
            self.new_ts(), channel.id, user, text, self, blocks or [], thread_ts, metadata=metadata, bot_id=bot_id
        )
        message.broadcast = broadcast
        message.files.extend(files or ())
        message.notifications = notifications.of_post(self, channel, message)
        channel.add(message)
        return message

    def whisper(
        self,
        channel: Channel,
        to: str,
        text: str,
        *,
        blocks: list[dict[str, Any]] | None = None,
        thread_ts: str | None = None,
    ) -> Message:
        """Show `to`, and nobody else, a message of the bot."""
        message = Message(self.new_ts(), channel.id, seed.BOT_USER_ID, text, self, blocks or [], thread_ts)
        message.bot_id, message.ephemeral_for = seed.BOT_ID, to
        self.ephemerals.setdefault(to, []).append(message)
        self.bus.publish(Happening("ephemeral", channel.id, message, user=to))
        return message

    def whisper_changed(self, message: Message) -> None:
        """Notify the person who sees an ephemeral message that it changed."""
        self.bus.publish(Happening("changed", message.channel, message, user=message.ephemeral_for))

    def forget_ephemeral(self, message: Message) -> None:
        """Take an ephemeral message away."""
        message.deleted = True
        self.bus.publish(Happening("deleted", message.channel, message, user=message.ephemeral_for))

    def find_ephemeral(self, user: str, ts: str) -> Message | None:
        """An ephemeral message that `user` still sees."""
        return next(
            (message for message in self.ephemerals.get(user, ()) if message.ts == ts and not message.deleted), None
        )

    @property
    def notifications(self) -> list[Notification]:
        """Every notification of a person, in the order of the channels and their messages."""
        posted = (message for channel in self.channels.values() for message in channel.all_messages)
        return [notification for message in posted for notification in message.notifications]

    @property
    def broadcasts(self) -> list[Message]:
        """Every message of the bot that tried to notify a whole channel."""
        public = [message for channel in self.channels.values() for message in channel.all_messages]
        private = [message for messages in self.ephemerals.values() for message in messages]
        return [message for message in public + private if message.bot_id and message.broadcasts]

    def user_name(self, user_id: str) -> str | None:
        """The handle of a user; the bot goes by its name."""
        user = self.users.get(user_id)
        return None if user is None else user.real_name if user.is_bot else user.name

    def channel_name(self, channel_id: str) -> str | None:
        """The name of a channel."""
        channel = self.channels.get(channel_id)
        return None if channel is None else channel.name

    def usergroup_handle(self, usergroup_id: str) -> str | None:
        """The handle of a user group."""
        group = self.usergroups.get(usergroup_id)
        return None if group is None else group.handle

    def user_id(self, name: str) -> str | None:
        """The id of the person with this handle."""
        return self._by_handle.get(name)

    def channel_id(self, name: str) -> str | None:
        """The id of the channel with this name."""
        return self._by_channel_name.get(name)
