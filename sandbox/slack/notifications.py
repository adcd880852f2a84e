"""Who is notified by a post, as Slack notifies people with its default settings.

A person is notified by a direct message, by a mention of theirs or of a user group of theirs in a new message, and by a
reply in a thread that they follow: who wrote, replied or was mentioned there (slack.com/help/articles/201355156,
slack.com/help/articles/115000769927). An edited message notifies nobody. Nobody is notified by what they wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.messages import Notification

if TYPE_CHECKING:
    from sandbox.slack.channels import Channel
    from sandbox.slack.messages import Message
    from sandbox.slack.workspace import Workspace

EVERYBODY = frozenset({"channel", "here", "everyone"})


def of_post(workspace: Workspace, channel: Channel, message: Message) -> tuple[Notification, ...]:
    """The notifications of a message that is about to be posted to a channel."""
    mentioned = _mentioned(workspace, message) & channel.members
    followers = _followers(channel, message) & channel.members
    reasons = dict.fromkeys(sorted(followers), "thread") | dict.fromkeys(sorted(mentioned), "mention")
    if channel.direct:
        reasons = {channel.direct: "direct"}
    people = [workspace.users[person] for person in reasons if person != message.user]
    return tuple(
        Notification(person.id, channel.id, message.ts, message.text, reasons[person.id])
        for person in people
        if not (person.is_bot or person.deleted)
    )


def _mentioned(workspace: Workspace, message: Message) -> set[str]:
    people = set[str]()
    for name in message.notified:
        if name in EVERYBODY:
            people |= workspace.channels[message.channel].members
        elif group := workspace.usergroups.get(name):
            people |= set() if group.disabled else set(group.users)
        elif name in workspace.users:
            people.add(name)
    return people


def _followers(channel: Channel, message: Message) -> set[str]:
    """Who follows the thread of a reply."""
    if message.thread_ts in {None, message.ts}:
        return set()
    before = [each for each in channel.thread(message.thread_ts or "") if each is not message]
    written = {each.user for each in before}
    # A mention of a group makes nobody follow the thread.
    return written | {each.person for post in before for each in post.notifications if each.person in post.notified}
