"""Checks the playbooks of an environment: their files, what they require, and the hosts that they reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.check.host_keys import MADE_UP, check_host_keys
from bot.check.nearest import there_is
from bot.check.playbook_names import check_groups, check_tags, check_variables, unused_collections
from runners.ansible import PlaybookJob, ec2_plugin, galaxy, own_inventory, preflight
from runners.aws import inventory as aws_inventory
from runners.aws.client import make_clients
from runners.caches import Cache
from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError
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
    environ: Mapping[str, str], checkout: Checkout, playbooks: Playbooks, hosts: Hosts, findings: Findings
) -> None:
    """Add what is wrong with the directory, the playbooks, their collections, groups and tags."""
    environment, key = checkout.environment, checkout.environment.key_of("deploy", "ansible")
    settings, at = playbooks.settings, f"{checkout.commit.ref} ({checkout.commit.short})"
    project = checkout.root / settings.directory
    if not project.is_dir():
        others = {str(path.parent.relative_to(checkout.root)) for path in checkout.root.rglob("*.y*ml")}
        problem = f"{key}.directory: there is no directory {settings.directory} at {at}"
        findings.add_problem(problem, there_is(settings.directory, others))
        return
    roles_of = _roles_of(project, playbooks, hosts, environment.whole, findings, at)
    if settings.vault_password_env and not environ.get(settings.vault_password_env):
        findings.add_fact(f"{playbooks.title}: playbooks not read, for {settings.vault_password_env} is not set")
        return
    source = settings.inventory_of(environment.whole)
    if not roles_of or unused_collections(project, settings, playbooks.key, findings):
        return
    try:
        job = await _job(checkout, settings, project, hosts.inventory, environ.get(settings.vault_password_env or ""))
        if source:
            job = await _with_own_inventory(job, source, roles_of, playbooks)
    except RunnerError as error:
        findings.add_problem(f"{playbooks.key}: {error}", error.remedy.replace("Nothing was deployed.", "").strip())
        return
    plays = await _all_plays(job, [*roles_of])
    reached = [
        name for name, roles in roles_of.items() if await _is_good(job, name, roles, playbooks.key, findings, plays)
    ]
    await check_host_keys(checkout, playbooks, job.inventory, findings)
    if plays:
        await check_tags(job, [*roles_of], playbooks.key, settings, findings)
        check_groups(job, [play for each in plays.values() for play in each], playbooks.key, settings, findings)
        check_variables(project, playbooks.key, settings, findings)
    count = f"{len(reached)} {'playbook' if len(reached) == 1 else 'playbooks'}"
    on = sum(1 for host in job.inventory.hosts if host.machine in playbooks.machines)
    findings.add_fact(f"{playbooks.title}: {count} can run on {on} hosts at {checkout.commit.short}")


async def _with_own_inventory(
    job: PlaybookJob, source: str, roles_of: Mapping[str, list[str]], playbooks: Playbooks
) -> PlaybookJob:
    """The job with the hosts of the team's own inventory. Raises RunnerError where it cannot be read, or is refused."""
    roles, doing = {role: name for name, roles in roles_of.items() for role in roles}, f"reading the inventory {source}"
    job = replace(job, recorded=await ec2_plugin.record(job, source, playbooks.credentials, doing))
    return replace(job, inventory=await own_inventory.read(job, source, roles, playbooks.hosts))


def _roles_of(  # noqa: PLR0917 -- what the answer is made of
    project: Path, playbooks: Playbooks, hosts: Hosts, environment: str, findings: Findings, at: str
) -> dict[str, list[str]]:
    """The running roles of each playbook that is there; one problem for the playbooks that are not.

    A role that neither runs nor has a playbook has a wrong name, which is reported, unless no playbook is there at all.
    """
    settings, roles_of = playbooks.settings, dict[str, list[str]]()
    for role in playbooks.machines:
        roles_of.setdefault(settings.playbook.format(machine=role, environment=environment), []).append(role)
    missing = {name: roles for name, roles in roles_of.items() if not (project / name).is_file()}
    if len(missing) < len(roles_of):
        missing = {name: roles for name, roles in missing.items() if not set(roles) <= {*hosts.absent}}
    if missing:
        others = {str(path.relative_to(project)) for path in project.rglob("*.y*ml")}
        names = ", ".join(f"{settings.directory}/{name}" for name in missing)
        whose = ", ".join(role for roles in missing.values() for role in roles)
        problem = f"{playbooks.key}.playbook: there is no {names} at {at}, for {whose}"
        findings.add_problem(problem, there_is(next(iter(missing)), others))
    running = {name: [role for role in roles if role not in hosts.absent] for name, roles in roles_of.items()}
    return {name: roles for name, roles in running.items() if roles and (project / name).is_file()}


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


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts of an environment's playbooks; `absent` are the roles of which none runs, which is reported already."""

    inventory: Inventory
    absent: tuple[str, ...] = ()


async def find_hosts(config: Config, environment: Environment, settings: Ansible, findings: Findings) -> Hosts:
    """The running hosts; one made up for each role where AWS has not all of them, which is reported.

    Of an inventory of the team's own all are made up: a playbook's hosts are read with the code.
    """
    if settings.inventory:
        return Hosts(_made_up(config, environment, settings))
    absent: tuple[str, ...] = ()
    try:
        doing = "reading the AWS settings"
        clients = await run_blocking(make_clients, config.aws_of(environment), timeout=TIMEOUT, doing=doing)
        wanted = config.wanted_hosts(environment, settings)
        return Hosts(await aws_inventory.find_hosts(clients.ec2, wanted, timeout=TIMEOUT))
    except NotFoundError as error:
        findings.add_problem(f"{environment.key_of('machines')}: {error.problem}", error.remedy)
        named = wanted.environment, wanted.machines, wanted.tag
        missing = await aws_inventory.not_running(clients.ec2, *named, timeout=TIMEOUT)
        absent = missing.machines if missing else ()
    except RunnerError as error:
        findings.add_problem(f"{environment.key_of('machines')}: {error.problem}", error.remedy)
    return Hosts(_made_up(config, environment, settings), absent)


def _made_up(config: Config, environment: Environment, settings: Ansible) -> Inventory:
    named = tuple(Host(f"{environment.whole}-{role}", role, MADE_UP, "host", "", "") for role in environment.machines)
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
        variables=settings.inventory_vars_of(checkout.environment.whole),
        root=checkout.root,
        isolation=checkout.isolation,
    )
