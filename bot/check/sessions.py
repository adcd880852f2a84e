"""Checks that ssh reaches hosts through sessions of AWS Systems Manager: the programs, the credentials, a host of each role."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.result import Findings
from bot.config import Ansible
from runners.aws import inventory
from runners.aws.client import make_clients
from runners.aws.credentials import credential_variables
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.results import SessionManager
from runners.ssh import route, session_manager

if TYPE_CHECKING:
    from bot.config import Config, Environment
    from runners.results import AwsPlace

TIMEOUT = 40.0  # seconds
_DOING = "checking sessions"


async def check_sessions(config: Config) -> Findings:
    """Start a session to one host of each role; a problem names the environment's key."""
    findings = Findings("sessions")
    try:
        session_manager.require_programs(_DOING)
    except RunnerError as error:
        findings.add_problem(error.problem, error.remedy)
        return findings
    for name, settings in config.deployed_by(Ansible).items():
        environment = config.environments[name]
        place = config.aws_of(environment)
        if settings.through_sessions and place:
            await _check(config, environment, settings, place, findings)
    return findings


def names_sessions(config: Config) -> bool:
    """Whether ssh goes through sessions anywhere."""
    return any(settings.through_sessions for settings in config.deployed_by(Ansible).values())


async def _check(
    config: Config, environment: Environment, settings: Ansible, place: AwsPlace, findings: Findings
) -> None:
    key = environment.key_of("deploy", "ansible", "ssh", "session_manager")
    try:
        variables = await run_blocking(credential_variables, place, timeout=TIMEOUT, doing=_DOING)
        if settings.inventory:
            findings.add_fact(f"{environment.name}: hosts are those of {settings.inventory}, so no session was started")
            return
        clients = await run_blocking(make_clients, place, timeout=TIMEOUT, doing=_DOING)
        hosts = await inventory.find_hosts(clients.ec2, config.wanted_hosts(environment, settings), timeout=TIMEOUT)
        for host in {host.machine: host for host in reversed(hosts.hosts)}.values():
            with tempfile.TemporaryDirectory(prefix="signalbox-check-") as scratch:
                secret = session_manager.secret_text(variables)
                await route.check_host(
                    replace(hosts, hosts=(host,)), SessionManager(place.region), secret, Path(scratch)
                )
            findings.add_fact(f"{host.name} ({host.instance_id}) answers")
    except RunnerError as error:
        findings.add_problem(f"{key}: {error.problem}", error.remedy)
