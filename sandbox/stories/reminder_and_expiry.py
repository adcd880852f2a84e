"""A request that nobody decides: those who may are reminded, as each of them chose, and its end offers the same again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.stories._acting import announce, clicks, expect, shows, types, until
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.slack import Message
    from sandbox.world import World

SUMMARY = (
    "lee chooses direct messages in the app's Home; a request is reminded of and expires, and is made again by a button"
)
CHANNELS = ("#staging",)
OPTIONS = Options(config={"requester_may_approve: false, expires_after: 1h": "expires_after: 24s, remind_before: 12s"})


async def play(world: World) -> None:
    """Act it out."""
    lee = world.person("lee")
    home = await lee.open_home()
    expect("a mention in the channel" in home.rendered, f"lee's Home says: {home.rendered}")
    announce("lee presses “Send direct messages” in the app's Home")
    await lee.click(home, "prefer-turn")
    await until(lambda: "a direct message, and no mention in the channel" in home.rendered, "lee's Home stays the same")

    await types(world, "ana", "#staging", "/deploy staging")
    await shows(world, "#staging", "#1 ", "Waiting for approval")
    question = await shows(world, "#staging", "@max: ", "#1 Deploy main to staging", "Decide until", notice=True)
    expect(_notified(question) == {"U0MAX": "mention"}, f"the question notifies {_notified(question)}")
    direct = await _received(world, "Decide until")
    expect(_notified(direct) == {"U0LEE": "direct"}, f"the direct message notifies {_notified(direct)}")

    reminder = await shows(world, "#staging", "@max: ", "still needs 1 approval", notice=True)
    expect(_notified(reminder) == {"U0MAX": "mention"}, f"the reminder notifies {_notified(reminder)}")
    await _received(world, "still needs 1 approval")

    await shows(world, "#staging", "#1 ", "expired", ":alarm_clock:")
    ended = await shows(world, "#staging", "@ana", "#1 Deploy main to staging", "expired", notice=True)
    expect(ended.buttons == ["Deploy again"], f"the notice of the end has the buttons {ended.buttons}")
    await clicks(world, "ana", ended, "Deploy again")
    ask = await shows(world, "#staging", "#2 Deploy main to staging", "Waiting for approval", "requested by @ana")
    await until(lambda: not ended.buttons and "#2" in ended.rendered, "the button is not replaced by a link")
    await clicks(world, "max", ask, "approve")
    await shows(world, "#staging", "#2 ", ":white_check_mark:", "4 hosts")
    expect(len(world.channel("#staging").messages) == 2, "a press began more than one deploy")


async def _received(world: World, piece: str) -> Message:
    """The direct message to lee with this piece."""
    await until(lambda: "D0LEE" in world.slack.workspace.channels, "lee has no direct message")
    message = await world.channel("D0LEE").wait_for(lambda posted: piece in posted.rendered, 60)
    announce(f"lee reads: {message.rendered.splitlines()[0]}")
    return message


def _notified(message: Message) -> dict[str, str]:
    return {each.person: each.why for each in message.notifications if each.why != "thread"}
