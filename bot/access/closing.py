"""Pure: why a target may not be changed now (windows, locks, freezes), and who may lock, freeze and open again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.access import policy, rights
from bot.access.rights import Need
from bot.errors import ClosedError
from bot.slack.blocks import kit
from bot.store.closures import EVERYTHING, ClosureKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bot.access.policy import Person
    from bot.config import Config
    from bot.config.models.access import Right
    from bot.config.targets import Target
    from bot.store.closures import Closure

WINDOW = "window"  # the kind of an obstacle: outside of the target's change windows


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a target may not be changed now: its `kind` (WINDOW, or that of a closure), and what people read.

    `opens_at` is when it ends by itself, in Unix seconds; None where nobody knows.
    """

    kind: str
    text: str
    opens_at: float | None = None


def obstacles(target: Target, now: datetime, closures: Iterable[Closure], person: str) -> tuple[Obstacle, ...]:
    """Everything that forbids this person to change the target now; empty while they may. Reading passes all of them.

    Freezes hold for everybody, locks for everybody else than who locked, windows for all. This is the one place that says so.
    """
    closed = [
        Obstacle(closure.kind.value, closed_in_words(target.name, closure), closure.until)
        for closure in closures
        if closure.covers(target.name) and not (closure.kind is ClosureKind.LOCK and closure.person == person)
    ]
    windows = target.windows
    if windows and not any(window.contains(now) for window in windows):
        opening = min(window.next_opening(now).astimezone(window.zone) for window in windows)
        times = " or ".join(str(window) for window in windows)
        text = (
            f"{target.name} is only changed during {times}. "
            f"The next window opens {opening:%A %d %B at %H:%M} ({opening.tzname()})."
        )
        closed.append(Obstacle(WINDOW, text, opening.timestamp()))
    return tuple(closed)


def closed_in_words(name: str, closure: Closure) -> str:
    """A lock or freeze as a sentence about the target of this name: who, since when, until when, why, and what opens it."""
    until = f" until {kit.moment(closure.until)}" if closure.until else ""
    of = "everything" if closure.target == EVERYTHING else closure.target
    also = "" if of == name else f" ({of} is {closure.kind.participle})"
    command = f"/infra un{closure.kind.value} {'all' if closure.target == EVERYTHING else closure.target}"
    return (
        f"{name} is {closure.kind.participle}{also} by {kit.user(closure.person)} since {kit.moment(closure.since)}{until}: "
        f"{closure.reason}. Plans and checks still run; {command} allows changes again."
    )


def check_open(
    target: Target, now: datetime, closures: Iterable[Closure], person: str, *, emergency: bool = False
) -> None:
    """Raises ClosedError with everything that forbids this person to change the target now; locks hold in an emergency too."""
    closed = [
        each for each in obstacles(target, now, closures, person) if not emergency or each.kind == ClosureKind.LOCK
    ]
    if closed:
        error = ClosedError(" ".join(obstacle.text for obstacle in closed))
        ends = [obstacle.opens_at for obstacle in closed if obstacle.opens_at is not None]
        error.opens_at = max(ends) if len(ends) == len(closed) else None
        raise error


def check_may_close(config: Config, target: Target | None, person: Person, kind: ClosureKind) -> None:
    """Raises Denied unless this person may lock the target (all who may run commands), or freeze it (its approvers).

    Without a target: all of them.
    """
    if kind is ClosureKind.LOCK:
        policy.check_may(config, person, Need("run", "/infra lock"), target)
    else:
        policy.check_allowed(person, _closing_rules(config, target), f"You may not freeze {_name_of(target)}")


def check_may_reopen(config: Config, target: Target | None, person: Person, kind: ClosureKind, closed_by: str) -> None:
    """Raises Denied unless this person may end the lock or freeze: who made it and may still see it, and the approvers."""
    if person.id != closed_by or not policy.may(config, person, policy.SEE, target):
        rules = _closing_rules(config, target, "unlock" if kind is ClosureKind.LOCK else "approve")
        policy.check_allowed(person, rules, f"You may not un{kind.value} {_name_of(target)}")


def _closing_rules(config: Config, target: Target | None, right: Right = "approve") -> Sequence[str]:
    """Who may freeze and open again: the approvers, and for locks who may release one. Of everything those of `access`."""
    if target is None:
        return config.access.approvers or config.access.operators
    return rights.people_of(rights.rules_for(config, Need(right, "/infra freeze"), target))


def _name_of(target: Target | None) -> str:
    return target.name if target else "everything"
