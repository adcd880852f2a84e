"""What stories have in common: typing, waiting for the one message, and saying what is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import waiting
from sandbox.waiting import aloud

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack import Message, Person, Reply
    from sandbox.world import World


# How the marks of notices begin after the operation's number (bot/operations/notices.py).
NOTICES = ("approval ", "reminder ", "escalation ", "emergency", "end")


def announce(text: str) -> None:
    """Print what happens next."""
    print(f"  • {text}", flush=True)


async def types(world: World, name: str, channel: str, text: str) -> Reply:
    """A person types; the app must have answered in time."""
    announce(f"{name} types {text} in {channel}")
    reply = await world.person(name).type(channel, text)
    expect(reply.ok and not reply.error, f"Slack would show: {reply.error}")
    return reply


async def clicks(world: World, name: str, message: Message, button: str) -> Reply:
    """A person presses a button and confirms."""
    announce(f"{name} presses “{button}”")
    return await world.person(name).click(message, button)


async def rejects(world: World, name: str, message: Message, reason: str = "") -> None:
    """A person presses Reject, and sends off the modal with their reason, or without one."""
    await clicks(world, name, message, "reject")
    person = world.person(name)
    answer = await person.submit(await person.wait_for_view(60), {"reason": reason})
    expect(answer.closed, f"the rejection was refused: {answer.errors or answer.error}")


def only_notifies(message: Message) -> bool:
    """Whether it is a notice: it repeats what an operation's message says, and mentions people."""
    mark = str((message.metadata or {}).get("event_payload", {}).get("mark"))
    return mark.partition(":")[2].startswith(NOTICES)


async def shows(world: World, channel: str, *pieces: str, timeout: float = 90, notice: bool = False) -> Message:
    """Wait for the message in the channel that shows all of these pieces; a `notice` or another one."""

    def fits(posted: Message) -> bool:
        return only_notifies(posted) is notice and all(piece in posted.rendered for piece in pieces)

    waiting = world.channel(channel).wait_for(fits, timeout)
    message = await aloud(f"a message in {channel} with {', '.join(map(repr, pieces))}", waiting)
    announce(f"{channel} shows: {message.rendered.splitlines()[0]}")
    return message


async def gets_notice(person: Person, piece: str) -> Message:
    """Wait for what only this person sees."""
    waiting = person.wait_for_ephemeral(lambda posted: piece in posted.rendered)
    message = await aloud(f"a message that only {person.user.name} sees, with {piece!r}", waiting)
    announce(f"only {person.user.name} sees: {message.rendered.splitlines()[0]}")
    return message


def expect(holds: object, otherwise: str) -> None:
    """Raises AssertionError, in words, unless it holds."""
    if not holds:
        raise AssertionError(otherwise)


async def until(holds: Callable[[], object], otherwise: str, timeout: float = 60) -> None:
    """Wait until it holds. Raises AssertionError, in words, when it does not in time."""
    try:
        await aloud(f"the opposite of “{otherwise}”", waiting.until(holds, timeout))
    except TimeoutError:
        raise AssertionError(otherwise) from None
