"""/infra console: what an EC2 instance has printed since its start."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from bot.access import arguments, policy
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Topic
from handlers.logs.delivery import Log, deliver
from handlers.shared.ansible.scope import find_hosts
from runners.aws.console_output import console_output
from runners.aws.inventory import tag_of_instance
from runners.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.access.policy import Person
    from bot.config import Environment
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Clients

HINT = "<instance>"
COMMAND = "/infra console"
USAGE = f"{COMMAND} i-0123456789abcdef0, or a host such as staging-backend"
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_DOING = "reading the console"


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The console of an instance that is named by its id or by its name in the inventory."""
    if not words:
        raise UserError(f"Which instance? Usage: {USAGE}")
    person = await services.directory.person(invocation.user)
    if _INSTANCE.fullmatch(words[0]):
        clients, environment = await _place_of(services, person, words[0])
        instance = words[0]
    else:
        clients, environment, instance = await _host(services, person, words[0])
    await requests.check_may_use(services, invocation.user, COMMAND, "plan", environment)
    text = await console_output(clients.ec2, instance, _DOING, latest=True)
    if not text.strip():
        raise UserError(
            f"EC2 has no console output of {instance} yet. It appears some minutes after the start; other types than Nitro "
            "keep only what was printed at the start."
        )
    return await deliver(services, invocation.user, Log(f"the console of {words[0]}", text))


async def _place_of(services: Services, person: Person, instance: str) -> tuple[Clients, Environment | None]:
    """The clients of the place with this instance, and its environment. Raises UserError where it is not there or hidden."""
    config = services.config
    places = list(
        {
            id(clients): clients for clients in (services.aws, *map(services.aws_of, config.environments.values()))
        }.values()
    )

    async def tag_in(clients: Clients) -> str | None:
        try:
            return await tag_of_instance(clients.ec2, instance)
        except NotFoundError:
            return None

    tags = await asyncio.gather(*map(tag_in, places))
    for clients, tag in zip(places, tags, strict=True):
        if tag is None:
            continue
        environment = _environment_of(services, tag)
        if policy.sees(config, person, environment.name if environment else ""):
            return clients, environment
    raise UserError(f"There is no instance {instance} that you may see. `/infra inventory staging` lists machines.")


def _environment_of(services: Services, tag: str) -> Environment | None:
    """The environment whose machines have this value of the tag; None for others, such as builders."""
    config = services.config
    for environment in config.environments.values():
        names = [
            config.instance_tag.format(environment=environment.whole, machine=role) for role in environment.machines
        ]
        if tag in names:
            return environment
    return None


async def _host(services: Services, person: Person, name: str) -> tuple[Clients, Environment, str]:
    """The instance of a host's name. Raises UserError with the nearest name."""
    visible = policy.visible_to(services.config, person)
    mine = [
        each
        for each in visible.environments.values()
        if each.deploy
        and each.deploy.ansible
        and not each.deploy.ansible.inventory
        and name.startswith(f"{each.whole}-")
    ]
    names: list[str] = []
    for environment in mine:
        clients = services.aws_of(environment)
        hosts = (await find_hosts(services.config, environment, clients)).hosts
        names += [host.name for host in hosts]
        if wanted := next((host for host in hosts if host.name == name), None):
            return clients, environment, wanted.instance_id
    near = arguments.nearest(name, names) if names else "."
    raise UserError(f"There is no instance or host {arguments.quoted(name)}{near} Usage: {USAGE}")


TOPICS = (Topic("console", HINT, "What an EC2 instance has printed since its start.", topic),)
