"""The model: what must hold of a history, whatever happened. Each rule gives a sentence for each violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.soak import model_of_aws, model_of_promotions, model_of_requests as about
from tests.soak.aws_calls import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.soak.effects import Effect
    from tests.soak.history import Change, Operation

# A process may note in its transaction what it had read a moment before; seconds of the database's clock.
_PRECISION = 0.05
# Which side effect of which workflow leaves how many effects of which kind outside, where it ended well.
MARKS = {"apply": "apply", "playbook": "playbook"}  # by the first word of a mark's name
# By the kind and the environment (its beginning) of the operation that starts a run.
DISPATCHES = {
    ("deploy", "dev"): "deploy-dev.yml",
    ("build", "image builds"): "build-images.yml",
    ("run", "staging"): "restart-service.yml",
}
NOTHING = ("nothing was deployed", "nothing was started")
ENDED = {
    "succeeded": (
        "applied",
        "up to date",
        "no changes",
        "deployed",
        "images",
        "terminated",
        "removed",
        "deleted",
        "done",
    ),
    "failed": (
        "failed",
        " stacks applied",
        "not applied",
        "not deployed",
        "no plan was made",
        "no run",
        "interrupted",
        "not ",
        *NOTHING,
    ),
    "rejected": ("rejected",),
    "expired": ("expired",),
    "interrupted": ("interrupted",),
    "cancelled": ("cancelled",),
    "superseded": ("superseded by",),
}


@dataclass(frozen=True)
class Observed:
    """All that was observed of a bench. `messages` are the first lines by operation, `lost` the times of lost machines."""

    operations: tuple[Operation, ...]
    history: tuple[Change, ...]
    effects: tuple[Effect, ...]
    runs: Mapping[str, int]
    messages: Mapping[int, str]
    posted: int  # messages of the bot in channels
    alerts: int = 0  # messages that belong to no operation
    lost: Mapping[str, float] = field(default_factory=dict)
    out_of_reach: frozenset[str] = frozenset()  # executors that were cut from the database
    typed: tuple[about.Typed, ...] = ()
    decisions: Mapping[int, int] = field(default_factory=dict)  # by operation
    # Commands that began nothing, since the same was open, by requester and environment.
    answered: Mapping[tuple[str, str], int] = field(default_factory=dict)
    cap: int = 0  # how many effects may run together; 0: any number
    labelled: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by environment: the machines that may work
    texts: Mapping[int, str] = field(default_factory=dict)  # whole messages by operation
    cloud: Cloud = field(default_factory=Cloud)
    terminates_after: float = 0.0  # seconds after which a builder is terminated without a decision
    pressed: frozenset[tuple[int, str]] = frozenset()  # operation and button
    pulls: tuple[bool, ...] = ()  # of the bot: whether each was merged


def violations(observed: Observed) -> list[str]:
    """A sentence for each violation; empty where all holds."""
    rules = (
        *(_doubled, _lost, _untrue, _overlapping, _going_on, _unfenced, _leases, _dispatches, _messages),
        *(*about.RULES, *model_of_aws.RULES, *model_of_promotions.RULES),
    )
    return [sentence for rule in rules for sentence in rule(observed)]


def _doubled(observed: Observed) -> Iterator[str]:
    """No operation applies, or runs a playbook, more than once."""
    counted = Counter((each.operation, each.kind, each.key) for each in observed.effects)
    for (operation, kind, key), times in counted.items():
        if times > 1:
            yield f"doubled: #{operation} began {kind} {key} {times} times"
    yield from (
        f"unknown: {each.kind} {each.key} of no operation" for each in observed.effects if each.operation is None
    )
    marks = _marks(observed)
    for each in observed.effects:
        if each.operation is not None and each.kind not in marks[each.operation]:
            yield f"unmarked: #{each.operation} began {each.kind} without a mark in the database"


def _lost(observed: Observed) -> Iterator[str]:
    """What began either ended, or its operation says that it did not, and each ended operation is over in the database."""
    for each in observed.operations:
        if each.status not in ENDED:
            yield f"lost: #{each.number} {each.title} is still {each.status}"


def _untrue(observed: Observed) -> Iterator[str]:
    """What an operation's message says is what the counters say."""
    effects = defaultdict(list)
    for each in observed.effects:
        effects[each.operation].append(each)
    for operation in observed.operations:
        line, own = observed.messages.get(operation.number), effects[operation.number]
        if line is None or operation.status not in ENDED:
            continue
        if not any(word in line for word in ENDED[operation.status]):
            yield f"untrue: #{operation.number} is {operation.status}, and its message says: {line}"
        applies = [each for each in own if each.kind == "apply"]
        if operation.kind == "plan" and operation.status == "succeeded":
            finished = [each for each in applies if each.end is not None]
            if ("applied, " in line) != bool(finished):
                yield f"untrue: #{operation.number} applied {len(finished)} times, and says: {line}"
        if operation.status in {"rejected", "expired", "superseded"} and own:
            yield f"untrue: #{operation.number} is {operation.status}, and began {len(own)} effects"
        if _denies(line) and (own or _marks(observed)[operation.number].keys() & {*MARKS.values()}):
            yield f"untrue: #{operation.number} began something, and says: {line}"
        yield from _untrue_playbook(operation, own, line)
        yield from _untrue_interruption(observed, operation, own)


def _denies(line: str) -> bool:
    return any(words in line for words in NOTHING)


def _untrue_playbook(operation: Operation, own: list[Effect], line: str) -> Iterator[str]:
    by_ansible = operation.environment.partition("/")[0] == "staging"
    if operation.kind != "deploy" or not by_ansible or operation.status != "succeeded":
        return
    if not any(each.kind == "playbook" and each.end is not None for each in own):
        yield f"untrue: #{operation.number} ran no playbook to its end, and says: {line}"


def _untrue_interruption(observed: Observed, operation: Operation, own: list[Effect]) -> Iterator[str]:
    """Only a machine that was lost, or out of reach of the database, interrupts what began on it."""
    if operation.status != "interrupted":
        return
    markers = {change.process for change in _marks(observed)[operation.number].values()}
    machines = markers | {each.machine for each in own}
    if not machines & (observed.lost.keys() | observed.out_of_reach):
        yield f"untrue: #{operation.number} says interrupted, and no machine of it was lost: {sorted(machines)}"


def _overlapping(observed: Observed) -> Iterator[str]:
    """Nothing begins in an environment while something else of it goes on."""
    places = defaultdict(list)
    for each in observed.effects:
        end = each.end if each.end is not None else observed.lost.get(each.machine, each.begin)
        places[each.environment].append((each.begin, max(each.begin, end), each))
    for environment, spans in places.items():
        spans.sort(key=lambda span: span[0])
        for (_, end, first), (begin, _, second) in pairwise(spans):
            if begin < end:
                yield (
                    f"at once: {second.kind} of #{second.operation} on {second.machine} began in {environment} "
                    f"{end - begin:.2f} s before {first.kind} of #{first.operation} on {first.machine} ended"
                )


def _going_on(observed: Observed) -> Iterator[str]:
    """Nothing of an operation goes on once it is reported as ended."""
    changes = [change for change in observed.history if change.what == "signalbox_operations"]
    ended = {int(change.row["number"]): change.at for change in changes if change.row["status"] in ENDED}
    for each in observed.effects:
        last, reported = each.end if each.end is not None else each.begin, ended.get(each.operation or 0)
        if reported is not None and last > reported + _PRECISION:
            yield f"goes on: {each.kind} of #{each.operation} {last - reported:.2f} s after its end was reported"


def _unfenced(observed: Observed) -> Iterator[str]:
    """A process marks a side effect as begun only while its lease is valid."""
    leases: dict[str, Change] = {}
    for change in observed.history:
        if change.what == "signalbox_workers":
            leases[str(change.row["executor"])] = change
        elif change.what == "signalbox_side_effects":
            held = leases.get(change.process)
            valid = held and not held.row["ended"] and held.row["lease_until"] > change.at - _PRECISION
            if not valid:
                until = f"until {held.row['lease_until'] - change.at:+.2f} s" if held else "never"
                what = f"#{change.row['operation']} {change.row['name']}"
                yield f"unfenced: {change.process} began {what}, and held its lease {until}"


def _leases(observed: Observed) -> Iterator[str]:
    """A lease that ended is never renewed under the same token; tokens only grow."""
    before: dict[str, Change] = {}
    for change in observed.history:
        if change.what != "signalbox_workers":
            continue
        executor, token = str(change.row["executor"]), int(change.row["token"])
        last = before.get(executor)
        if last is not None:
            if token < last.row["token"]:
                yield f"lease: the token of {executor} went from {last.row['token']} to {token}"
            if token == last.row["token"] and last.row["ended"] and not change.row["ended"]:
                yield f"lease: {executor} renewed a lease that had ended"
        before[executor] = change


def _dispatches(observed: Observed) -> Iterator[str]:
    """Each operation starts at most one run, and one that succeeded has started one."""
    marked = [change.row["operation"] for change in observed.history if change.row.get("name") == "dispatch"]
    of = {each.number: each for each in observed.operations}
    for (kind, environment), workflow in DISPATCHES.items():
        own = {
            each.number
            for each in observed.operations
            if each.kind == kind and each.environment.startswith(environment)
        }
        # What a dispatch starts is checked again after its mark: then the message says that nothing was started.
        begun = [number for number in marked if number in own and not _denies(observed.messages.get(number, ""))]
        good = [number for number in begun if of[number].status == "succeeded"]
        runs = observed.runs.get(workflow, 0)
        if not len(good) <= runs <= len(begun):
            yield f"doubled or lost: {runs} runs of {workflow}; {len(begun)} were begun, {len(good)} succeeded"


def _messages(observed: Observed) -> Iterator[str]:
    """Each operation is one message."""
    for each in observed.operations:
        if each.number not in observed.messages:
            yield f"lost: #{each.number} {each.title} ({each.status}) has no message"
    expected = len(observed.operations) + observed.alerts
    if observed.posted > expected:
        yield f"doubled: {observed.posted} messages for {expected} operations and alerts"


def _marks(observed: Observed) -> Mapping[int, dict[str, Change]]:
    """By operation, then by the kind of effect: where it was marked as begun."""
    listed: defaultdict[int, dict[str, Change]] = defaultdict(dict)
    for change in observed.history:
        if change.what == "signalbox_side_effects":
            name = str(change.row["name"])
            listed[int(change.row["operation"])][MARKS.get(name.partition(" ")[0], name)] = change
    return listed
