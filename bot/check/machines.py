"""Checks that AWS has what the configured tags name: running instances, and the images that builds leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from bot.check.result import Findings
from runners.aws import amis, inventory
from runners.aws.client import make_clients
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError, RunnerError

if TYPE_CHECKING:
    from bot.config import Config, Environment
    from runners.aws.client import Clients

TIMEOUT = 40.0  # seconds


async def check_machines(config: Config) -> Findings:
    """A problem for each environment with a machine that does not run, and one for the machines without an image."""
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
        absent: set[tuple[str, str]] = set()
        for environment in config.whole_environments.values():
            absent |= await _check_instances(config, environment, clients[places[environment.name]], findings)
        await _check_images(config, clients[home.place], absent, findings)
    except AccessDeniedError as error:
        findings.add_problem(str(error), error.remedy)
    except RunnerError as error:
        findings.add_fact(f"not looked up: {error.problem}")
    return findings


def names_machines(config: Config) -> bool:
    """Whether there is anything to look for."""
    return config.aws is not None and any(each.machines for each in config.environments.values())


async def _check_instances(
    config: Config, environment: Environment, clients: Clients, findings: Findings
) -> set[tuple[str, str]]:
    """The environment's machines that do not run, each with its environment.

    They are a problem of an environment without Ansible: the check of the code looks for the hosts of the others.
    """
    playbooks = [
        each.deploy.ansible for each in config.deployed(environment.name) if each.deploy and each.deploy.ansible
    ]
    by_ansible = bool(playbooks)
    if not environment.machines or any(settings.inventory for settings in playbooks):
        return set()
    wanted = environment.name, environment.machines, config.instance_tag
    absent = await inventory.not_running(clients.ec2, *wanted, timeout=TIMEOUT)
    if absent is not None and not by_ansible:
        findings.add_problem(f"environments.{environment.name}.machines: {absent.error.problem}", absent.error.remedy)
    elif not by_ansible:
        findings.add_fact(f"{environment.name}: {len(environment.machines)} machines run")
    return {(environment.name, machine) for machine in (absent.machines if absent else ())}


async def _check_images(config: Config, clients: Clients, absent: set[tuple[str, str]], findings: Findings) -> None:
    """A problem for each tag that no image has, but for machines that do not run: these may have a wrong name."""
    if not config.images or config.images.ami_name_tag is False:
        return
    groups = [
        config.image_group(machine, name)
        for name, environment in config.whole_environments.items()
        for machine in environment.machines
    ]
    tags = await amis.name_tags(clients.ec2, {group.name_tag for group in groups}, timeout=TIMEOUT)
    missing = [
        group for group in groups if group.name_tag not in tags and (group.environment, group.machine) not in absent
    ]
    if missing:
        whose = ", ".join(dict.fromkeys(f"{group.machine} in {group.environment}" for group in missing))
        values = " or ".join(dict.fromkeys(f'"{group.name_tag}"' for group in missing))
        problem = f"images.ami_name_tag: {clients.region} has no image of {whose}: none of its own has the tag Name = {values}"
        remedy = f"Build it, or correct the tag. {there_is(missing[0].name_tag, tags, 'images have')}"
        findings.add_problem(problem, remedy)
    findings.add_fact(f"{len({group.name_tag for group in groups})} kinds of images are in {clients.region}")
