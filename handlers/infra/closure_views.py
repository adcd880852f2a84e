"""Locks and freezes as messages: what is closed, by whom, why, until when; that it is open again; that it is still closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.store.closures import EVERYTHING, ClosureKind

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Block, Message
    from bot.store.closures import Closure

OPEN = "open-closure"
_ICONS = {ClosureKind.LOCK: ":lock:", ClosureKind.FREEZE: ":snowflake:"}


def name_of(target: str) -> str:
    """The target for people."""
    return "everything" if target == EVERYTHING else target


def _subject(closure: Closure) -> str:
    """The target at the beginning of a sentence, in mrkdwn; names stay as they are."""
    return f"*{'Everything' if closure.target == EVERYTHING else kit.escape(closure.target)}*"


def closed(closure: Closure) -> Message:
    """That somebody has locked or frozen a target."""
    others = "Nobody changes it" if closure.kind is ClosureKind.FREEZE else "Only they change it"
    text = f"{line(closure)}. {others} meanwhile; plans and checks still run."
    return kit.message(text, [kit.section(text), _button(closure)])


def opened(closure: Closure, person: str) -> Message:
    """That somebody has ended a lock or freeze."""
    undone = "unlocked" if closure.kind is ClosureKind.LOCK else "unfrozen"
    text = (
        f":unlock: {_subject(closure)} was {undone} by "
        f"{kit.user(person)}. It was {closure.kind.participle} by {kit.user(closure.person)} since "
        f"{kit.moment(closure.since)}: {kit.escape(closure.reason)}."
    )
    return kit.message(text, [kit.section(text)])


def over(closure: Closure) -> Message:
    """That the time of a lock or freeze is over, for the person who made it and everybody else."""
    text = (
        f":unlock: {_subject(closure)} is open again: the {closure.kind.value} by {kit.user(closure.person)} since "
        f"{kit.moment(closure.since)} is over ({kit.escape(closure.reason)})."
    )
    return kit.message(text, [kit.section(text)])


def reminder(closure: Closure) -> Message:
    """For the person who locked or froze it: it is still there."""
    text = f"{line(closure)}. If that is over, end it here or with {kit.code(_command(closure))}."
    return kit.message(text, [kit.section(text), _button(closure)])


def own(closure: Closure) -> list[Block]:
    """For the Home tab of the person who locked or froze it: that it still holds, with a button that ends it."""
    return [kit.section(line(closure)), _button(closure)]


def line(closure: Closure) -> str:
    """A lock or freeze in one line of mrkdwn: what, by whom, since when, until when, why."""
    until = f" until {kit.moment(closure.until)}" if closure.until else ""
    return (
        f"{_ICONS[closure.kind]} {_subject(closure)} is {closure.kind.participle} by "
        f"{kit.user(closure.person)} since {kit.moment(closure.since)}{until}: {kit.escape(closure.reason)}"
    )


def _button(closure: Closure) -> Block:
    words = f"Un{closure.kind.value}"
    ask = kit.confirm(
        f"{words}?", f"Others may then change {kit.escape(name_of(closure.target))}.", f"Yes, {words.lower()}"
    )
    return kit.actions(
        f"closure {closure.kind.value} {closure.target}",
        kit.button(words, OPEN, f"{closure.kind.value} {closure.target}", ask=ask),
    )


def _command(closure: Closure) -> str:
    return f"/infra un{closure.kind.value} {'all' if closure.target == EVERYTHING else closure.target}"
