"""Who is notified by a post: mentions and followers of a thread, as Slack's help describes; never by an edit."""

from __future__ import annotations

import pytest

from sandbox.slack import Message, Workspace

BOT = "U0SIGNAL"


def posted(
    workspace: Workspace, text: str, *, user: str = BOT, thread: str | None = None, broadcast: bool = False
) -> Message:
    return workspace.post(workspace.channel("#staging"), user, text, thread_ts=thread, broadcast=broadcast)


def notified(message: Message) -> list[tuple[str, str]]:
    return sorted((each.person, each.why) for each in message.notifications)


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("nobody", []),
        ("<@U0ANA> and <@U0ANA>", ["U0ANA"]),
        ("<!subteam^S0LEADS>", ["U0LEE", "U0MAX"]),
        ("<!subteam^S0LEADS> <@U0LEE>", ["U0LEE", "U0MAX"]),
        ("<!channel>", ["U0ANA", "U0GUS", "U0LEE", "U0MAX"]),
        ("&lt;@U0ANA&gt; @ana", []),
        (f"<@{BOT}> <@U0NOBODY>", []),
    ],
)
def test_a_mention_notifies(text: str, people: list[str]) -> None:
    assert notified(posted(Workspace(), text)) == [(person, "mention") for person in people]


def test_nobody_is_notified_by_an_edit_by_what_they_wrote_or_outside_of_the_channel() -> None:
    workspace = Workspace()
    message = posted(workspace, "starting")
    message.replace(ts=workspace.new_ts(), text="<@U0ANA>", blocks=[], metadata=None)
    assert notified(message) == []
    assert notified(posted(workspace, "<@U0ANA>", user="U0ANA")) == []
    workspace.channel("#staging").members.discard("U0LEE")
    assert notified(posted(workspace, "<!subteam^S0LEADS>")) == [("U0MAX", "mention")]


def test_a_reply_notifies_those_who_follow_the_thread() -> None:
    workspace = Workspace()
    root = posted(workspace, "asked by <@U0ANA> <!subteam^S0LEADS>")
    assert notified(posted(workspace, "log", thread=root.ts)) == [("U0ANA", "thread")]  # a group follows nothing


def test_the_channel_displays_a_reply_that_was_also_sent_to_it() -> None:
    workspace = Workspace()
    channel = workspace.channel("#staging")
    root = posted(workspace, "root")
    posted(workspace, "quiet", thread=root.ts)
    loud = posted(workspace, "loud", thread=root.ts, broadcast=True)
    assert channel.messages == [root]
    assert channel.timeline == [root, loud]
    assert [message.text for message in channel.thread(root.ts)] == ["root", "quiet", "loud"]
