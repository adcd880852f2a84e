"""Checks that AWS has what the configured tags name: running instances, and the images that builds leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from bot.check.result import Findings
from runners.aws import amis, inventory
from runners.aws.client import make_clients
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError, NotFoundError, RunnerError

if TYPE_CHECKING:
    from bot.config import Config, Environment
    from runners.aws.client import Clients

TIMEOUT = 40.0  # seconds


async def check_machines(config: Config) -> Findings:
    """A problem for each environment with a machine that does not run, and for each machine without an image."""
    findings, doing, home = Findings("machines"), "reading the AWS settings", config.aws
    if home is None:
        return findings
    try:
        places = {each.name: place for each in config.environments.values() if (place := config.aws_of(each))}
        clients = {
            place: await run_blocking(make_clients, place, timeout=TIMEOUT, doing=doing)
            for place in {home.place, *places.values()}
        }
    except RunnerError as error:  # the check of AWS itself says what to do
        findings.add_fact(f"not looked up: {error.problem}")
        return findings
    try:
        for environment in config.whole_environments.values():
            await _check_instances(config, environment, clients[places[environment.name]], findings)
        await _check_images(config, clients[home.place], findings)
    except AccessDeniedError as error:
        findings.add_problem(str(error), error.remedy)
    except RunnerError as error:
        findings.add_fact(f"not looked up: {error.problem}")
    return findings


def names_machines(config: Config) -> bool:
    """Whether there is anything to look for."""
    return config.aws is not None and any(each.machines for each in config.environments.values())


async def _check_instances(config: Config, environment: Environment, clients: Clients, findings: Findings) -> None:
    """Of environments without Ansible: the check of the code looks for the hosts of the others."""
    by_ansible = any(each.deploy and each.deploy.ansible for each in config.deployed(environment.name))
    if by_ansible or not environment.machines:
        return
    wanted = environment.name, environment.machines, config.instance_tag
    try:
        await inventory.require_running(clients.ec2, *wanted, timeout=TIMEOUT)
    except NotFoundError as error:
        findings.add_problem(f"environments.{environment.name}.machines: {error.problem}", error.remedy)
    else:
        findings.add_fact(f"{environment.name}: {len(environment.machines)} machines run")


async def _check_images(config: Config, clients: Clients, findings: Findings) -> None:
    if not config.images or config.images.ami_name_tag is False:
        return
    groups = [
        config.image_group(machine, name)
        for name, environment in config.whole_environments.items()
        for machine in environment.machines
    ]
    tags = await amis.name_tags(clients.ec2, {group.name_tag for group in groups}, timeout=TIMEOUT)
    for group in groups:
        if group.name_tag not in tags:
            problem = (
                f"images.ami_name_tag: {clients.region} has no image of {group.machine} in {group.environment}: "
                f'none of its own has the tag Name = "{group.name_tag}"'
            )
            remedy = f"Build it, or correct the tag. {there_is(group.name_tag, tags, 'images have')}"
            findings.add_problem(problem, remedy)
    findings.add_fact(f"{len({group.name_tag for group in groups})} kinds of images are in {clients.region}")
