"""Checks the playbooks of an environment: their files, what they require, and the hosts that they reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.check.nearest import there_is
from runners.ansible import PlaybookJob, ec2_plugin, galaxy, own_inventory, preflight
from runners.aws import inventory as aws_inventory
from runners.aws.client import make_clients
from runners.caches import Cache
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.results import Host

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bot.check.code import Checkout
    from bot.check.result import Findings
    from bot.config import Ansible, Config, Environment
    from runners.results import HostSettings, Inventory

    Plays = dict[str, tuple[preflight.Play, ...]]

TIMEOUT = 40.0  # seconds


@dataclass(frozen=True, slots=True)
class Playbooks:
    """Playbooks of an environment: their settings, for these machines; `key` is where signalbox.yaml has `playbook`.

    `credentials` are AWS's variables for plugins of the team's inventory.
    """

    settings: Ansible
    machines: tuple[str, ...]
    key: str
    title: str
    hosts: HostSettings
    credentials: Mapping[str, str]


async def check_playbooks(
    environ: Mapping[str, str], checkout: Checkout, playbooks: Playbooks, hosts: Inventory, findings: Findings
) -> None:
    """Add what is wrong with the directory, the playbooks, their collections and groups."""
    environment, key = checkout.environment, checkout.environment.key_of("deploy", "ansible")
    settings, at = playbooks.settings, f"{checkout.commit.ref} ({checkout.commit.short})"
    project = checkout.root / settings.directory
    if not project.is_dir():
        others = {str(path.parent.relative_to(checkout.root)) for path in checkout.root.rglob("*.y*ml")}
        problem = f"{key}.directory: there is no directory {settings.directory} at {at}"
        findings.add_problem(problem, there_is(settings.directory, others))
        return
    roles_of: dict[str, list[str]] = {}
    for role in playbooks.machines:
        name = settings.playbook.format(machine=role, environment=environment.whole)
        roles_of.setdefault(name, []).append(role)
    for name in [name for name in roles_of if not (project / name).is_file()]:
        others = {str(path.relative_to(project)) for path in project.rglob("*.y*ml")}
        problem = f"{playbooks.key}.playbook: there is no {settings.directory}/{name} at {at}, for {', '.join(roles_of[name])}"
        findings.add_problem(problem, there_is(name, others))
        del roles_of[name]
    source = settings.inventory_of(environment.whole)
    try:
        job = await _job(checkout, settings, project, hosts, environ.get(settings.vault_password_env or ""))
        if source:
            roles = {role: name for name, roles in roles_of.items() for role in roles}
            recorded = await ec2_plugin.record(job, source, playbooks.credentials, f"reading the inventory {source}")
            job = replace(job, recorded=recorded)
            job = replace(job, inventory=await own_inventory.read(job, source, roles, playbooks.hosts))
    except RunnerError as error:
        findings.add_problem(f"{playbooks.key}: {error}", error.remedy.replace("Nothing was deployed.", "").strip())
        return
    hosts = job.inventory
    plays = await _all_plays(job, [*roles_of])
    reached = [
        name for name, roles in roles_of.items() if await _is_good(job, name, roles, playbooks.key, findings, plays)
    ]
    count = f"{len(reached)} {'playbook' if len(reached) == 1 else 'playbooks'}"
    on = sum(1 for host in hosts.hosts if host.machine in playbooks.machines)
    findings.add_fact(f"{playbooks.title}: {count} can run on {on} hosts at {checkout.commit.short}")


async def _all_plays(job: PlaybookJob, names: list[str]) -> Plays:
    """The plays of all playbooks, by a single start of Ansible; empty where it refuses one of them."""
    try:
        return await preflight.plays_of(job, names) if names else {}
    except RunnerError:
        return {}


async def _is_good(  # noqa: PLR0917 -- what the answer is made of
    job: PlaybookJob, name: str, roles: list[str], key: str, findings: Findings, plays: Plays
) -> bool:
    """Whether Ansible can run this playbook, and it reaches its roles. Read singly where not all could be, to report each fault."""
    try:
        read = plays or await preflight.plays_of(job, [name])
        preflight.check_reached(read[name], name, job.inventory, roles)
    except RunnerError as error:
        findings.add_problem(f"{key}.playbook: {name}: {error.problem}", error.remedy)
        return False
    return True


async def find_hosts(config: Config, environment: Environment, settings: Ansible, findings: Findings) -> Inventory:
    """The running hosts; one made up for each role where AWS has not all of them, which is reported.

    Of an inventory of the team's own all are made up: a playbook's hosts are read with the code.
    """
    if settings.inventory:
        return _made_up(config, environment, settings)
    try:
        doing = "reading the AWS settings"
        clients = await run_blocking(make_clients, config.aws_of(environment), timeout=TIMEOUT, doing=doing)
        return await aws_inventory.find_hosts(clients.ec2, config.wanted_hosts(environment, settings), timeout=TIMEOUT)
    except RunnerError as error:
        findings.add_problem(f"{environment.key_of('machines')}: {error.problem}", error.remedy)
    return _made_up(config, environment, settings)


def _made_up(config: Config, environment: Environment, settings: Ansible) -> Inventory:
    named = tuple(Host(f"{environment.whole}-{role}", role, "i-0", "host", "", "") for role in environment.machines)
    return config.host_settings(environment, settings).inventory(environment.whole, named)


async def _job(
    checkout: Checkout, settings: Ansible, project: Path, hosts: Inventory, vault_password: str | None
) -> PlaybookJob:
    """Everything that a deploy gives Ansible, but for other secrets. Raises RunnerError where something cannot be installed."""
    installed = await galaxy.install(
        project,
        Cache(checkout.scratch / "galaxy"),
        checkout.scratch / "ansible",
        isolation=checkout.isolation,
        root=checkout.root,
        collections={each.name: each.version for each in settings.collections},
        timeout=TIMEOUT,
    )
    return PlaybookJob(
        project=project,
        playbook="",
        inventory=hosts,
        limit=None,
        extra_vars={**settings.extra_vars, "signalbox_commit": checkout.commit.sha},
        secret_vars=dict.fromkeys(settings.secret_vars, ""),
        private_key=None,
        vault_password=vault_password,
        scratch=checkout.scratch / "ansible",
        installed=installed,
        root=checkout.root,
        isolation=checkout.isolation,
    )
