"""Daemons: checked after a deploy and by /infra daemons, restarted by a button."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access import parts
from bot.access.rights import Need, needed_for
from bot.config.targets import queue_of
from bot.errors import UserError
from bot.operations import authority, requests
from bot.operations.queue import head_of
from bot.operations.registry import Button, Click, Invocation, Kind, Topic
from bot.operations.requests import OperationRequest
from bot.store.history import DAEMONS_CHECKED
from bot.store.operations import Status
from handlers.deploy.ansible import daemon_views
from handlers.shared import permissions
from handlers.shared.ansible.host_keys import known_hosts
from handlers.shared.ansible.reach import reach_hosts
from handlers.shared.ansible.scope import find_hosts, settings_of
from runners import daemons
from runners.daemons import Daemon, Timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.config import Config, Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from handlers.shared.ansible.scope import Work
    from runners.results import DaemonObservation, Inventory


KIND = "restart"
HINT = "<environment>"
USAGE = f"/infra daemons {HINT}"
ALL_OTHERS = "*"  # the name in `without_systemd` for daemons without commands of their own
LONGEST_DETAIL = 200  # characters in the audit log


async def verify(operation: Operation, work: Work, hosts: Inventory, began: float) -> tuple[DaemonObservation, ...]:
    """Within a step: each daemon of these hosts, restarted once where it has a problem. `began` is in Unix seconds."""
    services, environment = operation.services, operation.environment
    wanted = configured(environment)
    with_daemons = replace(hosts, hosts=tuple(host for host in hosts.hosts if wanted.get(host.machine)))
    if not with_daemons.hosts:
        return ()
    since = time.monotonic() - (services.clock() - began)
    directory = operation.scratch / f"ssh-{secrets.token_hex(4)}"
    text = await known_hosts(operation, work, with_daemons)
    async with reach_hosts(services, environment, with_daemons, directory, text) as access:
        observed = await daemons.verify(access, wanted, timeouts(environment), began=since, remedy=True)
    await _record(operation, observed)
    return tuple(services.redact.within(daemon) for daemon in observed)


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The daemons of an environment as they run now; nothing is changed."""
    config = await requests.visible_to(services, invocation.user, "/infra daemons", " ".join(words), "plan")
    if not words:
        raise UserError(f"Which environment? There are {', '.join(config.environments)}. Usage: {USAGE}")
    environment = _environment(config, words[0])
    await requests.check_may_use(services, invocation.user, "/infra daemons", "plan", environment)
    hosts = await find_hosts(services.config, environment, services.aws_of(environment))
    # The name is no operation's number: if the bot is killed here, the next start deletes the directory.
    directory = services.workplace / "operations" / f"look-{secrets.token_hex(8)}"
    async with reach_hosts(services, environment, hosts, directory) as access:
        observed = await daemons.verify(
            access, configured(environment), timeouts(environment), began=None, remedy=False
        )
    return daemon_views.page(environment.name, [services.redact.within(daemon) for daemon in observed])


async def request_restart(services: Services, click: Click) -> Message | None:
    """Begin to restart a daemon, if this person may approve there and no restart of it waits or runs.

    Returns what it is queued behind, if anything.
    """
    environment, role, daemon = _parts_of(services, click.value)
    attempt = permissions.attempt(click.user, f"restart {daemon}", environment.name)
    await permissions.check_may_approve(services, attempt, Need("run", "/deploy"))
    title = f"Restart {daemon} on {role} of {environment.name}"
    arguments = {"machine": role, "daemon": daemon}
    previous = await services.operations.newest_with_title(environment.name, title)
    if previous and not previous.status.ended:
        raise UserError(f"{daemon} on {role} of {environment.name} is being restarted already, #{previous.number}.")
    # Two clicks at nearly the same time have the same key, since the first has no record yet.
    digest = hashlib.sha256(click.value.encode()).hexdigest()[:16]
    key = f"restart-{digest}-after-{previous.number if previous else 0}"
    queue = await services.operations.open_in(*queue_of(services.config, environment.name))
    request = OperationRequest(KIND, title, click.user, key, environment, arguments)
    await requests.start(services, request, attempt, typed=False)
    if not queue:
        return None
    last = queue[-1]
    return daemon_views.queued(daemon, environment.channel, head_of(last), last.activity)


async def restart(operation: Operation) -> None:
    """Durable: stop the daemon, wait until it has ended, start it and check it, on each host of its role."""
    await operation.show("restarting", daemon_views.restarting(operation.head), Status.RUNNING, "restarts a daemon")
    observed = await operation.step("restart", lambda: _restart(operation))
    all_ok = all(daemon.ok for daemon in observed)
    message, doubled = daemon_views.restarted(operation.head, observed), any(daemon.doubled for daemon in observed)
    await operation.end(Status.SUCCEEDED if all_ok else Status.FAILED, message, alarming=doubled)


async def _restart(operation: Operation) -> tuple[DaemonObservation, ...]:
    services, environment = operation.services, operation.environment
    role, name = operation.record.arguments["machine"], operation.record.arguments["daemon"]
    daemon = next((daemon for daemon in configured(environment).get(role, ()) if daemon.name == name), None)
    if daemon is None:
        raise UserError(f"{environment.name} has no daemon {name} on {role} in the configuration (any more).")
    hosts = await find_hosts(services.config, environment, services.aws_of(environment), (role,))
    await operation.check_authorized("restart")
    await authority.check_still_may(
        services, operation.target, operation.record.requester, needed_for(operation.record)
    )
    async with reach_hosts(services, environment, hosts, operation.scratch / f"ssh-{secrets.token_hex(4)}") as access:
        observed = await daemons.restart(access, role, daemon, timeouts(environment))
    await _record(operation, observed)
    return tuple(services.redact.within(observation) for observation in observed)


def configured(environment: Environment) -> dict[str, tuple[Daemon, ...]]:
    """The daemons of each role, as configured."""
    return {role: tuple(_daemons(environment, names)) for role, names in environment.daemons.items()}


def _daemons(environment: Environment, names: Iterable[str]) -> Iterable[Daemon]:
    without_systemd = environment.daemon_checks.without_systemd
    for name in names:
        commands = without_systemd.get(name) or without_systemd.get(ALL_OTHERS)
        texts = commands.model_dump() if commands else {}
        filled = {key: (text or "").replace("{daemon}", name) for key, text in texts.items() if key != "command"}
        yield Daemon(name, command=texts.get("command", "").replace("{daemon}", re.escape(name)), **filled)


def timeouts(environment: Environment) -> Timeouts:
    """How long a daemon is observed, and how long its stop may take."""
    checks = environment.daemon_checks
    return Timeouts(pause=checks.settle.total_seconds(), stop=checks.stop_within.total_seconds())


def _environment(config: Config, name: str) -> Environment:
    environment = parts.choose_one(config, name, parts.SERVICES, USAGE)
    if not environment.daemons:
        raise UserError(
            f"{environment.name} names no daemons, so there is none to look at. They belong under "
            f"{environment.key_of('daemons')} in signalbox.yaml, by machine type."
        )
    settings_of(environment)
    return environment


def _parts_of(services: Services, value: str) -> tuple[Environment, str, str]:
    """The environment, role and daemon of a button's value. Raises UserError where they are not configured."""
    name, role, daemon = [*value.split(" "), "", "", ""][:3]
    environment = services.config.environments.get(name)
    if environment is None or daemon not in environment.daemons.get(role, ()):
        raise UserError("The configuration names no such daemon (any more).")
    return environment, role, daemon


async def _record(operation: Operation, observed: Sequence[DaemonObservation]) -> None:
    """Within a step: record in the audit log the problems of daemons, and what was done about them."""
    problems = [f"{daemon.daemon} on {daemon.host}: {daemon.problem}" for daemon in observed if not daemon.ok]
    done = [f"{daemon.daemon} on {daemon.host} {daemon.did}" for daemon in observed if daemon.did]
    outcome = f"{len(observed) - len(problems)} of {len(observed)} as they should be"
    details = {"why": "; ".join(problems)[:LONGEST_DETAIL], "done": "; ".join(done)[:LONGEST_DETAIL]}
    await operation.annotate(DAEMONS_CHECKED, outcome=outcome, **{name: text for name, text in details.items() if text})


TOPICS = (Topic("daemons", HINT, "Whether each daemon of an environment runs exactly once.", topic),)
BUTTONS = (Button(daemon_views.RESTART, request_restart),)
KINDS = (Kind(KIND, restart),)
