"""The state of the environments as it is known without a question to AWS or GitHub: from the database and what is cached.

It is read once for everybody, and each person gets what they may see of it.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bot.access import closing, policy
from bot.config.targets import BUILDERS, without_lane
from bot.operations.follow_ups import linked
from bot.store.operations import Status
from handlers.infra import closure_views
from handlers.infra.state_views import Card, DaemonLine, OperationLine, Page, RoleLine, ServiceLine
from runners.aws.fleet import INSTANCES
from runners.observations import Wanted, by_key
from runners.results import AwsPlace, Image
from runners.results.fleet import RUNNING, Fleet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.access.policy import Person
    from bot.config import Config, Environment
    from bot.services import Services
    from bot.store.closures import Closure
    from bot.store.deployments import Deployment
    from bot.store.history import DaemonCheck
    from bot.store.operations import Record
    from runners.results.fleet import Alarm

RECENT = 8
MOST_READ = 200  # newest operations among which those are searched for that somebody may see who does not see all


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is on record now: operations that are open and that ended last, deploys, closures, checks of daemons."""

    open: tuple[Record, ...]
    ended: tuple[Record, ...]
    ends: Mapping[int, Mapping[str, object]]
    deployed: Mapping[str, Deployment]
    closures: tuple[Closure, ...]
    daemons: Mapping[str, DaemonCheck]
    urls: Mapping[int, str]


async def read(services: Services) -> Snapshot:
    """What is on record now. Raises ForgedError."""
    config = services.config
    current = await services.deployments.currents([each.name for each in config.environments.values() if each.deploy])
    unfinished, recent = await services.operations.all_open(), await services.operations.recent(MOST_READ)
    ended = tuple(record for record in recent if record.status.ended)
    checks = await services.history.daemon_checks([each.name for each in config.environments.values() if each.daemons])
    of_deploys = await services.operations.of({each.operation for each in current.values()})
    listed = {each.number: each for each in (*unfinished, *ended[:RECENT], *of_deploys.values())}
    links = await asyncio.gather(*(linked(services, record) for record in listed.values() if record.message_ts))
    return Snapshot(
        unfinished,
        ended,
        await services.history.ends([record.number for record in ended[:RECENT]]),
        current,
        await services.closures.active(),
        checks,
        {link.head.number: link.url for link in links},
    )


def wanted(config: Config, snapshot: Snapshot) -> Wanted:
    """What of AWS and GitHub belongs to these environments."""
    tags = [
        (place, config.instance_tag.format(environment=each.whole, machine=machine))
        for each in config.environments.values()
        for machine in each.machines
        if (place := config.aws_of(each))
    ]
    commits = [
        ((config.repository_of(each), each.deploy.settings.ref), snapshot.deployed[each.name].sha)
        for each in config.environments.values()
        if each.deploy and each.name in snapshot.deployed
    ]
    return Wanted(by_key(tags), by_key(commits))


async def page(services: Services, snapshot: Snapshot, person: Person) -> Page:
    """What this person may see of it."""
    config = policy.visible_to(services.config, person)
    everything = policy.sees(services.config, person, "")
    visible = [each for each in snapshot.open if everything or policy.sees(services.config, person, each.environment)]
    cards = [
        card(services, config, environment, snapshot, visible)
        for environment in config.environments.values()
        if not environment.part or environment.whole not in config.environments
    ]
    others = [each for each in visible if without_lane(each.environment) not in config.environments]
    ended = [each for each in snapshot.ended if everything or policy.sees(services.config, person, each.environment)]
    return Page(
        tuple(cards),
        tuple(_line(snapshot, each) for each in others if without_lane(each.environment) == BUILDERS),
        tuple(_line(snapshot, each) for each in others if without_lane(each.environment) != BUILDERS),
        await recent(services, snapshot, ended),
    )


async def recent(services: Services, snapshot: Snapshot, ended: Sequence[Record]) -> tuple[OperationLine, ...]:
    """The last operations that ended, with their outcomes and reasons."""
    last = ended[:RECENT]
    ends = dict(snapshot.ends)
    urls = dict(snapshot.urls)
    if missing := [each for each in last if each.number not in ends]:
        ends |= await services.history.ends([each.number for each in missing])
        links = await asyncio.gather(*(linked(services, each) for each in missing if each.number not in urls))
        urls |= {link.head.number: link.url for link in links}
    return tuple(_ended(record, ends.get(record.number, {}), urls.get(record.number, "")) for record in last)


def card(
    services: Services, config: Config, environment: Environment, snapshot: Snapshot, unfinished: Iterable[Record]
) -> Card:
    """The state of an environment with its parts, as far as they are in `config`."""
    parts = [each for each in config.environments.values() if environment.name in (each.name, each.whole)]
    names = {each.name for each in parts}
    own = [each for each in unfinished if without_lane(each.environment) in names]
    machines = _machines(services, parts)
    at = datetime.fromtimestamp(services.clock(), UTC)
    opens = [each.opens_at for each in closing.obstacles(environment, at, (), "") if each.kind == closing.WINDOW]
    checks = [snapshot.daemons[name] for name in sorted(names & snapshot.daemons.keys())]
    newest = max(checks, key=lambda each: each.at, default=None)
    return Card(
        environment.name,
        tuple(service(services, each, snapshot) for each in parts if each.deploy),
        "" if any(each.deploy for each in parts) else _without_deploy(parts),
        machines.roles,
        machines.alarms,
        (*machines.unread, *_branches(services, parts, snapshot)),
        tuple(closure_views.line(each) for each in snapshot.closures if any(map(each.covers, sorted(names)))),
        next(iter(opens), None),
        tuple(_line(snapshot, each) for each in own if each.status is not Status.WAITING),
        tuple(_line(snapshot, each) for each in own if each.status is Status.WAITING),
        DaemonLine(newest.at, newest.outcome, newest.why) if newest else None,
        services.clock(),
    )


def with_commits(card: Card, commits: Mapping[str, str]) -> Card:
    """The card with these commits of images, by the image's id."""
    roles = tuple(
        replace(
            role, images=tuple(replace(each, commit=commits.get(each.image_id, each.commit)) for each in role.images)
        )
        for role in card.roles or ()
    )
    return replace(card, roles=roles if card.roles is not None else None)


def _without_deploy(parts: Sequence[Environment]) -> str:
    stacks = [each.part for each in parts if each.terraform and each.part]
    if any(each.terraform and not each.part for each in parts):
        return "Terraform only"
    return f"has {', '.join(stacks)}" if stacks else "no deploy in the configuration"


def service(services: Services, environment: Environment, snapshot: Snapshot) -> ServiceLine:
    """What an environment or service runs by its last deploy."""
    deployed = snapshot.deployed.get(environment.name)
    if deployed is None or environment.deploy is None:
        return ServiceLine(environment.part)
    ref = environment.deploy.settings.ref
    named = (services.config.repository_of(environment), ref)
    return ServiceLine(
        environment.part,
        deployed=True,
        sha=deployed.sha,
        subject=deployed.subject,
        person=deployed.person,
        at=deployed.at,
        operation=deployed.operation,
        url=snapshot.urls.get(deployed.operation, ""),
        ref=ref,
        standing=services.observations.standing(named, deployed.sha),
    )


def _branches(services: Services, parts: Sequence[Environment], snapshot: Snapshot) -> list[str]:
    named = [
        (services.config.repository_of(each), each.deploy.settings.ref)
        for each in parts
        if each.deploy and each.name in snapshot.deployed
    ]
    problems = [(each, services.observations.branch_problem(each)) for each in dict.fromkeys(named)]
    return [f"commits of {each[1]} at GitHub: {problem}" for each, problem in problems if problem]


@dataclass(slots=True)
class _Machines:
    """The machines of each role, the alarms that are about them, and what could not be read; None before anything was."""

    roles: tuple[RoleLine, ...] | None = None
    alarms: tuple[Alarm, ...] = ()
    unread: tuple[str, ...] = ()


def _machines(services: Services, parts: Sequence[Environment]) -> _Machines:
    config, roles = services.config, dict[AwsPlace, dict[str, str]]()
    for each in parts:
        if place := config.aws_of(each):
            for machine in each.machines:
                tag = config.instance_tag.format(environment=each.whole, machine=machine)
                roles.setdefault(place, {})[tag] = machine
    result = _Machines()
    for place, by_tag in roles.items():
        observation = services.observations.fleet(place)
        if observation is None:
            continue
        fleet = observation.value or Fleet()
        problems = [str(each) for each in fleet.unreadable] or [observation.problem]
        result.unread = tuple(dict.fromkeys(filter(None, (*result.unread, *problems))))
        if observation.value is None or any(each.what == INSTANCES for each in fleet.unreadable):
            continue
        lines = tuple(_role(fleet, machine, tag) for tag, machine in by_tag.items())
        result.roles = (*(result.roles or ()), *lines)
        result.alarms = (*result.alarms, *_alarms_of(fleet, lines, parts[0].whole))
    return result


def _role(fleet: Fleet, machine: str, tag: str) -> RoleLine:
    instances = tuple(each for each in fleet.instances if each.tag == tag)
    ids = dict.fromkeys(each.image_id for each in instances if each.image_id and each.state == RUNNING)
    return RoleLine(machine, instances, tuple(fleet.images.get(each) or Image(each) for each in ids))


def _alarms_of(fleet: Fleet, roles: Sequence[RoleLine], environment: str) -> Iterable[Alarm]:
    """The alarms on one of the instances, on one of their groups, or with the environment's name in theirs."""
    every = [each for role in roles for each in role.instances]
    ids, groups = {each.instance_id for each in every}, {each.group for each in every} - {""}
    for alarm in fleet.alarms:
        if alarm.instances & ids or alarm.groups & groups or _is_named(alarm.name, environment):
            yield alarm


def _is_named(alarm: str, environment: str) -> bool:
    """Whether an alarm has the environment's name as a word of its own: "prod-api-5xx" is about prod."""
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(environment)}(?![A-Za-z0-9])", alarm) is not None


def _line(snapshot: Snapshot, record: Record) -> OperationLine:
    return OperationLine(
        record.number,
        record.title,
        record.status.value,
        record.requester,
        record.activity,
        record.created_at,
        snapshot.urls.get(record.number, ""),
    )


def _ended(record: Record, end: Mapping[str, object], url: str) -> OperationLine:
    outcome, why = str(end.get("outcome") or ""), str(end.get("why") or "")
    return OperationLine(
        record.number,
        record.title,
        record.status.value,
        record.requester,
        outcome or record.status.value,
        record.created_at,
        url,
        why,
    )
