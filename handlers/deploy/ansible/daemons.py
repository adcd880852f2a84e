"""Daemons: looked at after a deploy and by /infra daemons, started again by a button."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments
from bot.errors import UserError
from bot.operations import requests
from bot.operations.queue import head_of
from bot.operations.registry import Button, Click, Invocation, Kind, Topic
from bot.operations.requests import OperationRequest
from bot.store.operations import Status
from handlers.deploy.ansible import daemon_views
from handlers.deploy.ansible.scope import find_hosts, private_key_of, settings_of
from handlers.shared import permissions
from runners import daemons
from runners.daemons import Daemon, Patience
from runners.ssh import host_keys as keys_of_hosts
from runners.ssh.remote import reaching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from runners.results import DaemonObservation, Inventory
    from runners.ssh.remote import Access


KIND = "restart"
HINT = "<environment>"
USAGE = f"/infra daemons {HINT}"
EVERY = "*"
_DOING = "reaching the machines"

LONGEST = 200


async def verify(operation: Operation, hosts: Inventory, began: float) -> tuple[DaemonObservation, ...]:
    """Within a step: each daemon of these hosts, put right once where it is wrong. `began` is in Unix seconds."""
    services, environment = operation.services, operation.environment
    wanted = configured(environment)
    concerned = replace(hosts, hosts=tuple(host for host in hosts.hosts if wanted.get(host.machine)))
    if not concerned.hosts:
        return ()
    since = time.monotonic() - (services.clock() - began)
    async with _reach(services, environment, concerned, operation.scratch / f"ssh-{secrets.token_hex(4)}") as access:
        seen = await daemons.verify(access, wanted, patience(environment), began=since, remedy=True)
    await daemons_observed(operation, seen)
    return tuple(services.redact.within(one) for one in seen)


async def topic(services: Services, _: Invocation, said: Sequence[str]) -> Message:
    """How the daemons of an environment run now; nothing is changed."""
    if not said:
        raise UserError(f"Which environment? There are {', '.join(services.config.environments)}. Usage: {USAGE}")
    environment = _environment(services, said[0])
    found = await find_hosts(services.config, environment, services.aws)
    # No number: what a bot that was killed here leaves is deleted at the next start.
    directory = services.workplace / "operations" / f"look-{secrets.token_hex(8)}"
    async with _reach(services, environment, found, directory) as access:
        seen = await daemons.verify(access, configured(environment), patience(environment), began=None, remedy=False)
    return daemon_views.page(environment.name, [services.redact.within(one) for one in seen])


async def pressed(services: Services, click: Click) -> Message | None:
    """Begin to restart a daemon, if this person may approve there and no restart of it waits or runs.

    Where it has to wait, whoever pressed is told for what.
    """
    environment, machine, daemon = _named(services, click.value)
    attempt = permissions.attempt(click.user, f"restart {daemon}", environment.name)
    await permissions.check_may_approve(services, attempt)
    title = f"Restart {daemon} on {machine} of {environment.name}"
    arguments = {"machine": machine, "daemon": daemon}
    before = await services.operations.newest_with_title(environment.name, title)
    if before and not before.status.ended:
        raise UserError(f"{daemon} on {machine} of {environment.name} is being restarted already, #{before.number}.")
    # The same for presses so close together that the first has no record yet.
    what = hashlib.sha256(click.value.encode()).hexdigest()[:16]
    key = f"restart-{what}-after-{before.number if before else 0}"
    ahead = await services.operations.open_in(environment.name)
    await requests.start(services, OperationRequest(KIND, title, click.user, key, environment, arguments), attempt)
    return daemon_views.in_line(daemon, environment.channel, head_of(ahead[-1]), ahead[-1].activity) if ahead else None


async def restart(operation: Operation) -> None:
    """Durable: stop the daemon, wait until it is gone, start it, look whether it stays, on each host of its type."""
    await operation.show("restarting", daemon_views.working(operation.head), Status.RUNNING, "restarts a daemon")
    seen = await operation.step("restart", lambda: _restart(operation))
    well = all(one.ok for one in seen)
    await operation.end(Status.SUCCEEDED if well else Status.FAILED, daemon_views.restarted(operation.head, seen))


async def _restart(operation: Operation) -> tuple[DaemonObservation, ...]:
    services, environment = operation.services, operation.environment
    machine, name = operation.record.arguments["machine"], operation.record.arguments["daemon"]
    daemon = next((one for one in configured(environment).get(machine, ()) if one.name == name), None)
    if daemon is None:
        raise UserError(f"{environment.name} has no daemon {name} on {machine} in the configuration (any more).")
    found = await find_hosts(services.config, environment, services.aws, (machine,))
    async with _reach(services, environment, found, operation.scratch / f"ssh-{secrets.token_hex(4)}") as access:
        seen = await daemons.restart(access, machine, daemon, patience(environment))
    await daemons_observed(operation, seen)
    return tuple(services.redact.within(one) for one in seen)


@asynccontextmanager
async def _reach(
    services: Services, environment: Environment, hosts: Inventory, directory: Path
) -> AsyncIterator[Access]:
    """The way to these hosts, with what a deploy has put on record of their keys."""
    key = private_key_of(services, environment)
    known = await services.host_keys.trusted(host.instance_id for host in hosts.hosts)
    text = keys_of_hosts.known_hosts(hosts, known)
    async with reaching(hosts, directory, private_key=key, known_hosts=text, doing=_DOING) as access:
        yield access


def configured(environment: Environment) -> dict[str, tuple[Daemon, ...]]:
    """The daemons of each machine type."""
    return {machine: tuple(_daemons(environment, names)) for machine, names in environment.daemons.items()}


def _daemons(environment: Environment, names: Iterable[str]) -> Iterable[Daemon]:
    known = environment.daemon_checks.without_systemd
    for name in names:
        commands = known.get(name) or known.get(EVERY)
        texts = commands.model_dump() if commands else {}
        filled = {key: (text or "").replace("{daemon}", name) for key, text in texts.items() if key != "command"}
        yield Daemon(name, command=texts.get("command", "").replace("{daemon}", re.escape(name)), **filled)


def patience(environment: Environment) -> Patience:
    """How long is looked and waited."""
    checks = environment.daemon_checks
    return Patience(settle=checks.settle.total_seconds(), stop=checks.stop_within.total_seconds())


def _environment(services: Services, name: str) -> Environment:
    environment = typed_arguments.environment(services.config, name, USAGE)
    if not environment.daemons:
        raise UserError(
            f"{environment.name} names no daemons, so there is none to look at. They belong under "
            f"environments.{environment.name}.daemons in signalbox.yaml, by machine type."
        )
    settings_of(environment)
    return environment


def _named(services: Services, value: str) -> tuple[Environment, str, str]:
    name, machine, daemon = [*value.split(" "), "", "", ""][:3]
    environment = services.config.environments.get(name)
    if environment is None or daemon not in environment.daemons.get(machine, ()):
        raise UserError("The configuration names no such daemon (any more).")
    return environment, machine, daemon


TOPICS = (Topic("daemons", HINT, "Whether each daemon of an environment runs exactly once.", topic),)
BUTTONS = (Button(daemon_views.RESTART, pressed),)
KINDS = (Kind(KIND, restart),)


async def daemons_observed(operation: Operation, seen: Sequence[DaemonObservation]) -> None:
    """Within a step: what was wrong with daemons, and what was done about it."""
    wrong = [f"{one.daemon} on {one.host}: {one.problem}" for one in seen if not one.ok]
    done = [f"{one.daemon} on {one.host} {one.did}" for one in seen if one.did]
    outcome = f"{len(seen) - len(wrong)} of {len(seen)} as they should be"
    said = {"why": "; ".join(wrong)[:LONGEST], "done": "; ".join(done)[:LONGEST]}
    await operation.annotate(
        "daemons looked at", outcome=outcome, **{name: text for name, text in said.items() if text}
    )
