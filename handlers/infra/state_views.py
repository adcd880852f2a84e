"""Draws the state of environments: a card for each, for the Home tab and /infra status, and the last operations."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from bot.slack.blocks import common, kit
from runners import phrases
from runners.results.fleet import IMPAIRED, PASSED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from bot.slack.blocks.kit import Block, Message
    from runners.results import Image
    from runners.results.fleet import Alarm, Instance, Standing

MOST_SERVICES = 6  # of a card; the page of one environment has all
MOST_NAMED = 3  # instances, alarms and queued operations of a card
MOST_INSTANCES = 40  # of the page of one environment
MOST_BYTES = 150_000  # of the cards; Slack takes views of 250 KB
HEALTHY, WARNING = ":white_check_mark:", ":warning:"


@dataclass(frozen=True, slots=True)
class OperationLine:
    """An operation in a list: its state, what it does or how it ended, and why. `at` is in Unix seconds; `url` may be ""."""

    number: int
    title: str
    status: str
    requester: str
    doing: str
    at: float
    url: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """What a service runs; `name` is empty for an environment without services. `url` leads to its deploy.

    `deployed` is False where Signalbox has not deployed it; `ref` is the branch that `standing` compares with.
    """

    name: str
    deployed: bool = False
    sha: str = ""
    subject: str = ""
    person: str = ""
    at: float = 0.0
    operation: int = 0
    url: str = ""
    ref: str = ""
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class RoleLine:
    """The instances of a machine role, and their images by id."""

    role: str
    instances: tuple[Instance, ...]
    images: tuple[Image, ...]

    @property
    def running(self) -> tuple[Instance, ...]:
        """Those that run."""
        return tuple(each for each in self.instances if each.state == RUNNING)


@dataclass(frozen=True, slots=True)
class DaemonLine:
    """The last check of an environment's daemons: when (Unix seconds), the outcome, and what was wrong."""

    at: float
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The state of an environment. `nothing` says what it has where it has no deploy; `closed` are lines of mrkdwn.

    `roles` is None where the instances were not read yet; `unread` says what could not be read, in plain text.
    """

    name: str
    services: tuple[ServiceLine, ...] = ()
    nothing: str = ""
    roles: tuple[RoleLine, ...] | None = None
    alarms: tuple[Alarm, ...] = ()
    unread: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    opens_at: float | None = None
    current: tuple[OperationLine, ...] = ()
    queue: tuple[OperationLine, ...] = ()
    daemons: DaemonLine | None = None
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a person sees: cards, stuck builders, what else is under way, the last operations that ended."""

    cards: tuple[Card, ...]
    builders: tuple[OperationLine, ...] = ()
    shared: tuple[OperationLine, ...] = ()
    recent: tuple[OperationLine, ...] = ()


def page(state: Page, note: Sequence[str]) -> Message:
    """The answer to /infra status; `note` is small print, in mrkdwn."""
    return kit.message("How things stand", blocks(state, kit.MESSAGE_BLOCKS - 2), foot=list(map(kit.context, note)))


def blocks(state: Page, most: int, waiting: Collection[int] = ()) -> list[Block]:
    """The same in at most so many blocks, for the Home tab: where there are too many environments, the last are left out.

    `waiting` are the operations that the tab has above, as they wait for the person.
    """
    builders = [kit.header("Stuck builders"), *kit.sections(map(line, state.builders))] if state.builders else []
    shared = [kit.header("Under way"), *kit.sections(map(line, state.shared))] if state.shared else []
    recent = kit.sections(list(map(line, state.recent)) or ["_None yet._"])
    rest = [*builders, *shared, kit.header("Last operations"), *recent]
    room = max(most - len(rest) - 2, 1)
    cards = _fitting([kit.section(card(each, waiting)) for each in state.cards[:room]])
    left_out = len(state.cards) - len(cards)
    more = [kit.context(f"and {left_out} more: {kit.code('/infra status <environment>')}")] if left_out else []
    return [kit.header("Environments"), *cards, *more, *rest]


def _fitting(cards: Sequence[Block]) -> list[Block]:
    sizes = accumulate(len(json.dumps(each)) for each in cards)
    return [each for each, size in zip(cards, sizes, strict=True) if size <= MOST_BYTES]


def card(state: Card, waiting: Collection[int] = ()) -> str:
    """An environment in a few lines of mrkdwn: what runs, its health, what forbids changes, what is under way."""
    lines = [*_running(state, MOST_SERVICES), *_health(state), *_closed(state), *_operations(state, waiting)]
    return f"*{kit.escape(state.name)}*: " + "\n".join(lines)


def detailed(state: Card, recent: Sequence[OperationLine], note: Sequence[str]) -> Message:
    """The answer to /infra status of one environment."""
    title = f"Status of {kit.escape(state.name)}"
    text = [f"*{kit.escape(state.name)}*: " + "\n".join([*_running(state, len(state.services)), *_health(state)])]
    text += ["\n".join(lines) for lines in (_closed(state), _operations(state)) if lines]
    roles = [_role(each, state.now) for each in state.roles or ()]
    machines = [kit.section("*Machines*"), *kit.sections(roles)] if roles else []
    alarms = [kit.section("*Alarms*"), *kit.sections(map(_alarm, state.alarms))] if state.alarms else []
    last = kit.sections(list(map(line, recent)) or ["_None yet._"])
    body = [*kit.sections(text), *alarms, *machines, kit.section("*Last operations*"), *last]
    return kit.message(title, body, foot=list(map(kit.context, note)))


def line(operation: OperationLine) -> str:
    """An operation in a line of mrkdwn."""
    number = f"#{operation.number}"
    linked = kit.link(number, operation.url) if operation.url else number
    why = f" ({kit.escape(kit.cut(operation.why, 120))})" if operation.why else ""
    state = kit.escape(operation.doing) or operation.status
    by = f"requested by {kit.user(operation.requester)} {kit.moment(operation.at)}"
    return f"{common.EMOJI[operation.status]} {linked} {kit.escape(operation.title)}: {state}{why}, {by}"


def _running(state: Card, most: int) -> list[str]:
    if not state.services:
        return [state.nothing]
    lines = [_service(each) for each in state.services[:most]]
    if len(state.services) == 1 and not state.services[0].name:
        return lines
    many = phrases.counted(len(state.services), "service")
    return [many, *(f"• {each}" for each in lines), *phrases.rest(len(state.services) - len(lines))]


def _service(service: ServiceLine) -> str:
    name = f"{kit.escape(service.name)} " if service.name else ""
    if not service.deployed:
        return f"{name}no deploy by Signalbox yet" if not name else f"{name.rstrip()}: no deploy by Signalbox yet"
    number = f"#{service.operation}"
    by = f"deployed by {kit.user(service.person)} {kit.moment(service.at)}"
    subject = kit.escape(kit.cut(service.subject, 80))
    link = kit.link(number, service.url) if service.url else number
    return f"{name}runs {kit.code(service.sha[:7])} {subject}, {by} in {link}{_standing(service)}"


def _standing(service: ServiceLine) -> str:
    if service.standing is None:
        return ""
    ref, behind, ahead = kit.code(service.ref), service.standing.behind, service.standing.ahead
    commits = f"*{phrases.counted(behind, 'commit')}* behind {ref}" if behind else f"up to date with {ref}"
    if not ahead:
        return f", {commits}"
    others = f"has {phrases.counted(ahead, 'commit')} that {ref} has not"
    return f", {commits}, and {others}" if behind else f", {others}"


def _health(state: Card) -> list[str]:
    lines = [*_machines(state.roles, state.now)] if state.roles else []
    if state.alarms:
        names = phrases.listed([kit.code(each.name) for each in state.alarms], MOST_NAMED)
        lines.append(f":rotating_light: {phrases.counted(len(state.alarms), 'alarm')}: {names}")
    if state.daemons:
        bad = state.daemons.why
        why = f": {kit.escape(kit.cut(bad, 150))}" if bad else ""
        icon = WARNING if bad else HEALTHY
        checked = f"checked {kit.moment(state.daemons.at)}"
        lines.append(f"{icon} daemons {kit.escape(state.daemons.outcome)}, {checked}{why}")
    return [*lines, *(f":grey_question: {kit.escape(kit.cut(each, 200))}" for each in state.unread)]


def _machines(roles: Sequence[RoleLine], now: float) -> Iterable[str]:
    every = [each for role in roles for each in role.instances]
    missing = [kit.code(role.role) for role in roles if not role.running]
    if missing:
        yield f"{WARNING} no instance of {phrases.listed(missing, MOST_NAMED)} is running"
    if not every:
        return
    ill = [each for each in every if each.state == RUNNING and each.checks not in (PASSED, "")]
    other = Counter(each.state for each in every if each.state != RUNNING)
    unknown = sum(1 for each in every if each.state == RUNNING and not each.checks)
    running = len(every) - sum(other.values())
    bad = any(each.checks == IMPAIRED for each in ill)
    parts = [f"{running} of {phrases.counted(len(every), 'instance')} {phrases.plural(running, 'runs', 'run')}"]
    if ill:
        named = phrases.listed([f"{kit.code(each.instance_id)} {each.checks}" for each in ill], MOST_NAMED)
        parts.append(f"status checks: {named}")
    elif running and not unknown:
        parts.append("status checks passed")
    parts += [f"{count} {state}" for state, count in sorted(other.items())]
    if oldest := _ages(roles, now):
        parts.append(oldest)
    yield f"{WARNING if bad else HEALTHY if not ill else ':hourglass_flowing_sand:'} {', '.join(parts)}"


def _ages(roles: Sequence[RoleLine], now: float) -> str:
    """How old the images are, the oldest with its role."""
    ages = [
        (now - image.created_at.timestamp(), role.role) for role in roles for image in role.images if image.created_at
    ]
    if not ages:
        return ""
    (newest, _), (oldest, role) = min(ages), max(ages)
    same = phrases.age(newest) == phrases.age(oldest)
    span = phrases.age(oldest) if same else f"{phrases.age(newest)} to {phrases.age(oldest)}"
    return f"images {span} old" if same else f"images {span} old (the oldest: {kit.code(role)})"


def _role(role: RoleLine, now: float) -> str:
    types = Counter(each.type for each in role.instances)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(types.items())) or "none"
    lines = [f"*{kit.escape(role.role)}*: {kinds}"]
    lines += [f"      {image_words(each, now)}" for each in role.images]
    lines += [f"      {_instance(each)}" for each in role.instances[:MOST_INSTANCES]]
    return "\n".join([*lines, *phrases.rest(len(role.instances) - MOST_INSTANCES)])


def image_words(image: Image, now: float) -> str:
    """An image in mrkdwn: its id, its commit, its age."""
    commit = f"of {kit.code(image.commit[:7])}" if image.commit else "commit unknown"
    age = f", {phrases.age(now - image.created_at.timestamp())} old" if image.created_at else ""
    return f"{kit.code(image.image_id)} {commit}{age}"


def _instance(instance: Instance) -> str:
    checks = f", status checks {instance.checks or 'unknown'}" if instance.state == RUNNING else ""
    icon = HEALTHY if (instance.state, instance.checks) == (RUNNING, PASSED) else WARNING
    return f"{icon} {kit.code(instance.instance_id)} {instance.state}{checks}"


def _alarm(alarm: Alarm) -> str:
    since = f" since {kit.moment(alarm.since)}" if alarm.since else ""
    return f":rotating_light: {kit.code(alarm.name)}{since}: {kit.escape(kit.cut(alarm.reason, 200))}"


def _closed(state: Card) -> list[str]:
    window = (
        [f":calendar: outside of its windows; the next opens {kit.moment(state.opens_at)}"] if state.opens_at else []
    )
    return [*state.closed, *window]


def _operations(state: Card, waiting: Collection[int] = ()) -> list[str]:
    lines = [_for_you(each) if each.number in waiting else line(each) for each in state.current]
    if state.queue:
        links = [kit.link(f"#{each.number}", each.url) if each.url else f"#{each.number}" for each in state.queue]
        lines.append(f"{common.EMOJI['waiting']} queue: {phrases.listed(links, MOST_NAMED)}")
    return lines


def _for_you(operation: OperationLine) -> str:
    number = f"#{operation.number}"
    linked = kit.link(number, operation.url) if operation.url else number
    return f"{common.EMOJI['approval']} {linked} waits for you, see above"
