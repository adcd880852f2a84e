"""The state of each environment and the last operations, as an answer and as the Home tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import policy
from bot.errors import Denied
from bot.slack.blocks import kit, preferences, replies
from bot.slack.blocks.replies import EnvironmentLine, OperationLine
from handlers.infra import closure_views
from runners.processes import metadata_service, probe

if TYPE_CHECKING:
    from bot.access.policy import Person
    from bot.config import Config, Environment
    from bot.services import Services
    from bot.slack.blocks.kit import Block, Message
    from bot.store.operations import Record

RECENT = 8
MOST_READ = 200  # newest operations among which those are searched for that somebody may see who does not see all


async def status(services: Services, person: Person) -> Message:
    """What this person may see of the environments and the last operations, and what separates children from the bot."""
    environments, recent = await _environments(services, person), await _recent(services, person)
    return replies.status_page(environments, recent, _isolation(services))


async def publish_home(services: Services, user: str) -> None:
    """Publish the same, and how they are notified, as the Home tab of a person who may see anything; others get a hint."""
    person = await services.directory.person(user)
    try:
        policy.check_may(services.config, person, policy.SEE, None)
        stands = replies.status_blocks(await _environments(services, person), await _recent(services, person))
        chosen = (await services.preferences.of([user]))[user]
        own = preferences.home_blocks(turn=chosen.turn, ended=chosen.ended, quiet=chosen.quiet)
        blocks = [*stands[: kit.VIEW_BLOCKS - len(own)], *own]
    except Denied as denied:
        blocks = [*_no_access(), *([kit.section(kit.escape(str(denied)))] if person.unreadable else [])]
    await services.chat.publish_home(user, replies.home(blocks))


def _isolation(services: Services) -> str:
    wall = probe.sentence(next(iter(services.isolations.values())))
    return f"{wall}; {metadata_service.sentence(services.metadata_service)}"


async def _environments(services: Services, person: Person) -> list[EnvironmentLine]:
    visible = policy.visible_to(services.config, person)
    return [await _environment(services, visible, environment) for environment in visible.environments.values()]


async def _environment(services: Services, config: Config, environment: Environment) -> EnvironmentLine:
    name = environment.name
    deployed = await services.deployments.current(name)
    unfinished = await services.operations.open_in(name)
    if environment.deploy is None:
        text = _without_deploy(config, environment)
    elif deployed is None:
        text = "no deploy by Signalbox yet"
    else:
        subject = kit.escape(kit.cut(deployed.subject, 80))
        by = f"deployed by {kit.user(deployed.person)} {kit.moment(deployed.at)}"
        text = f"runs {kit.code(deployed.sha[:7])} {subject}, {by}"
    closed = [closure_views.line(each) for each in await services.closures.active() if each.covers(name)]
    return EnvironmentLine(name, "\n".join([text, *closed]), _line(unfinished[0]) if unfinished else None)


def _without_deploy(config: Config, environment: Environment) -> str:
    """What an environment has that is not deployed as a whole, or not at all."""
    if environment.terraform:
        return "Terraform only"
    parts = [each.part for each in (*config.planned(environment.name), *config.deployed(environment.name)) if each.part]
    return f"has {', '.join(parts)}" if parts else "no deploy in the configuration"


async def _recent(services: Services, person: Person) -> list[OperationLine]:
    everything = policy.sees(services.config, person, "")
    records = await services.operations.recent(RECENT if everything else MOST_READ)
    visible = [each for each in records if everything or policy.sees(services.config, person, each.environment)]
    return [_line(record) for record in visible[:RECENT]]


def _line(record: Record) -> OperationLine:
    return OperationLine(
        record.number, record.title, record.status.value, record.requester, record.activity, record.created_at
    )


def _no_access() -> list[Block]:
    return [kit.section("Signalbox runs the infrastructure team's deploys. Ask that team if you need to use it.")]
