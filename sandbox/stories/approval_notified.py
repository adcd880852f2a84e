"""Those who must act are notified, and the requester of the end; nobody else is, and nobody twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import clicks, expect, shows, types, until

if TYPE_CHECKING:
    from sandbox.slack import Notification
    from sandbox.world import World

SUMMARY = "the leads are notified of a plan that waits for them, and the requester of its end; an edit notifies nobody"
CHANNELS = ("#prod",)


async def play(world: World) -> None:
    """Act it out."""
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "Plan for prod", "needs 2 approvals")
    question = await shows(world, "#prod", "@leads", "Plan for prod", "Decide until", "Open", notice=True)
    expect(question.broadcast, "the channel does not display the question")
    expect(question.thread_ts == ask.ts, "the question is not in the thread of its plan")
    expect(_mentioned(world, "Decide until") == ["U0LEE", "U0MAX"], "not exactly the leads are notified")

    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#prod", "needs 1 more approval", "approved by")
    await clicks(world, "max", ask, "approve")
    await shows(world, "#prod", "@ana", "Plan for prod", "applied", "Open", notice=True)
    expect(_mentioned(world, "applied") == ["U0ANA"], "not exactly the requester is notified of the end")

    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#2", "up to date")
    await until(lambda: _mentioned(world, "up to date") == ["U0ANA"], "the requester is not notified of the end")
    expect(_mentioned(world, "Decide until") == ["U0LEE", "U0MAX"], "somebody is notified twice")


def _mentioned(world: World, piece: str) -> list[str]:
    """Whom the messages with this piece notified by a mention, each time."""
    notified: list[Notification] = world.slack.workspace.notifications
    return sorted(each.person for each in notified if each.why == "mention" and piece in each.text)
