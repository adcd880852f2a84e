"""The model's rules about people and limits: commands, clicks, labels and the cap on what runs together."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak.effects import Effect
    from tests.soak.model import Observed

PLANS = "plan-stacks"  # the kind of an operation that begins a plan of each stack, once
Answer = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Typed:
    """A command for an operation, and what its requester read. `environment` is the beginning of the operation's."""

    requester: str
    kind: str
    environment: str
    answer: Answer


def requests(observed: Observed) -> Iterator[str]:
    """Each accepted command is one operation, a refused one is none; one that Slack reported as failed is at most one.

    An accepted one is none where the same was open: the audit log says how often.
    """
    least: Counter[tuple[str, str, str]] = Counter()
    most: Counter[tuple[str, str, str]] = Counter()
    for each in observed.typed:
        key = (each.requester, each.kind, each.environment)
        least[key] += each.answer == "accepted"
        most[key] += each.answer != "refused"
    for requester, kind, environment in list(most):
        if kind == "plan":  # in its requester's name
            most[requester, kind, environment] += most[requester, PLANS, environment.partition("/")[0]]
    for requester, kind, environment in most:
        counted = sum(
            (each.requester, each.kind) == (requester, kind) and each.environment.startswith(environment)
            for each in observed.operations
        )
        key = (requester, kind, environment)
        fewest = least[key] - sum(
            count
            for (who, where), count in observed.answered.items()
            if who == requester and where.startswith(environment)
        )
        if not fewest <= counted <= most[key]:
            wanted = f"{fewest} to {most[key]}"
            yield f"doubled or lost: {counted} operations of {requester} ({kind} {environment}) for {wanted} commands"


def decisions(observed: Observed) -> Iterator[str]:
    """Clicks of several people, or twice, on any process, decide once."""
    for number, count in observed.decisions.items():
        if count > 1:
            yield f"doubled: #{number} was decided {count} times"
    applied = {each.operation for each in observed.effects if each.kind == "apply" and each.operation is not None}
    yield from (f"undecided: #{number} was applied" for number in sorted(applied - observed.decisions.keys()))


def labels(observed: Observed) -> Iterator[str]:
    """Only a machine with an environment's labels works for it."""
    for each in observed.effects:
        allowed = observed.labelled.get(each.environment.partition("/")[0])
        if allowed is not None and each.machine[:1] not in allowed:
            yield f"label: {each.kind} of #{each.operation} ran in {each.environment} on {each.machine}"


def capped(observed: Observed) -> Iterator[str]:
    """No more effects run together than the cap, except where a program outlived the process that began it."""
    replaced = defaultdict(list)
    for change in observed.history:
        if change.what == "signalbox_workers":
            replaced[str(change.row["executor"])].append(
                (change.at, int(change.row["token"]), bool(change.row["ended"]))
            )
    running: list[Effect] = []
    for each in observed.effects:
        running = [other for other in running if _end(observed, other) > each.begin]
        counted = [other for other in running if not _outlived(replaced[other.machine], other.begin, each.begin)]
        if observed.cap and len(counted) >= observed.cap:
            others = ", ".join(f"#{other.operation}" for other in counted)
            yield f"cap: {each.kind} of #{each.operation} began beside {others}, and {observed.cap} may run together"
        running.append(each)


def _end(observed: Observed, effect: Effect) -> float:
    return effect.end if effect.end is not None else observed.lost.get(effect.machine, effect.begin)


def _outlived(leases: list[tuple[float, int, bool]], begin: float, end: float) -> bool:
    """Whether the process that held this machine's lease at the beginning had ended by the end."""
    tokens = [token for at, token, _ in leases if at <= begin]
    return any(ended or token != tokens[-1] for at, token, ended in leases if begin < at <= end) if tokens else False


RULES = (requests, decisions, labels, capped)
