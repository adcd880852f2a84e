"""`python -m bot check`: checks every connection that the configuration names, with a remedy for each problem."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.check.addresses import unencrypted_addresses
from bot.check.anchors import check_anchors
from bot.check.artifacts import check_artifacts
from bot.check.aws import check_aws
from bot.check.bastions import check_bastions, names_bastions
from bot.check.code import CodeCheck, runs_code_here
from bot.check.configured_refs import configured_refs
from bot.check.database import check_database
from bot.check.ec2 import check_ec2, uses_ec2
from bot.check.github import check_github
from bot.check.hcp import check_hcp, hcp_workspaces
from bot.check.inactive_settings import inactive_settings
from bot.check.isolation import check_isolation
from bot.check.jump_hosts import jump_hosts
from bot.check.machines import check_machines, names_machines
from bot.check.programs import check_ansible, check_secrets, check_terraform
from bot.check.result import NOTE, Findings
from bot.check.sessions import check_sessions, names_sessions
from bot.check.shared_states import shared_states
from bot.check.slack import SlackCalls, check_slack
from bot.check.workers import check_workers
from bot.seals import NEW_KEY
from bot.settings import KEY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from bot.config import Config, Environment
    from bot.store.database import Store
    from runners.github import GitHub
    from runners.results import Connection

__all__ = ["SlackCalls", "check", "check_offline", "json_lines", "lines"]

log = logging.getLogger(__name__)
TIMEOUT = 60.0
CODE_TIMEOUT = 240.0  # installing collections and providers takes time
# The checks of what deploy backends need beside GitHub, by the section that configures the backend.
DEPLOY_CHECKS: Mapping[str, Callable[[Config], Coroutine[None, None, Findings]]] = {"ansible": check_ansible}


async def check(
    config: Config,
    environ: Mapping[str, str],
    *,
    slack: SlackCalls | None,
    github: GitHub,
    make_store: Callable[[], Store],
    workplace: Path,
    file: Path,
    report: Callable[[Sequence[Connection]], None] = lambda _: None,
) -> list[Connection]:
    """Checks all connections at the same time; raises nothing, and closes the stores of `make_store`.

    `slack` is None without a Slack token; `file` is the configuration's. `report` gets the connections of each check as soon
    as it has ended; the result has them in a fixed order.
    """

    async def reported(attempt: Awaitable[Sequence[Connection]]) -> Sequence[Connection]:
        connections = await attempt
        report(connections)
        return connections

    checks = _connected(config, environ, slack, github) | {
        "database": check_database(make_store, workplace),
        "workers": check_workers(config, make_store),
        "isolation": check_isolation(config, workplace, file),
        "artifacts": check_artifacts(config, make_store, file.absolute().parent),
    }
    checks |= _where_used(config, environ, workplace)
    attempts = [_connections(_guarded(name, attempt)) for name, attempt in checks.items()]
    attempts += [_connections(_immediate(findings)) for findings in _without_waiting(config, environ)]
    attempts += [_as_attempt(_notes(config, environ)), configured_refs(config, github)]
    with tempfile.TemporaryDirectory(prefix="signalbox-check-") as directory:
        code = CodeCheck(config, github, environ, workplace, file, Path(directory))
        running = [_connections(_guarded("code", code.check(each))) for each in _running_code(config)]
        results = await asyncio.gather(*map(reported, (*attempts, *running)))
    return [connection for connections in results for connection in connections]


def _connected(
    config: Config, environ: Mapping[str, str], slack: SlackCalls | None, github: GitHub
) -> dict[str, Awaitable[Findings]]:
    return {
        "slack": check_slack(config, environ, slack),
        "github": check_github(config, environ, github),
        **({"aws": check_aws(config)} if config.aws else {}),
    }


def _where_used(config: Config, environ: Mapping[str, str], workplace: Path) -> dict[str, Awaitable[Findings]]:
    """The checks of what only some configurations have."""
    checks: dict[str, Awaitable[Findings]] = {}
    environments = config.environments.values()
    if any(each.terraform and each.terraform.code for each in environments):
        checks["terraform"] = check_terraform(config, environ)
    for section in sorted({each.deploy.backend for each in environments if each.deploy} & DEPLOY_CHECKS.keys()):
        checks[section] = DEPLOY_CHECKS[section](config)
    if names_bastions(config):
        checks["bastions"] = check_bastions(config, environ)
    if names_sessions(config):
        checks["sessions"] = check_sessions(config)
    if names_machines(config):
        checks["machines"] = check_machines(config)
    if uses_ec2(config):
        checks["ec2"] = check_ec2(config)
    if config.audit.anchor:
        checks["audit anchors"] = check_anchors(config, workplace)
    if hcp_workspaces(config):
        checks["hcp"] = check_hcp(config, environ)
    return checks


def _running_code(config: Config) -> list[Environment]:
    return [environment for environment in config.environments.values() if runs_code_here(environment)]


async def _connections(attempt: Awaitable[Findings]) -> Sequence[Connection]:
    return (await attempt).connections()


async def _immediate(findings: Findings) -> Findings:
    return findings


async def _as_attempt(connections: Sequence[Connection]) -> Sequence[Connection]:
    return connections


def _without_waiting(config: Config, environ: Mapping[str, str]) -> list[Findings]:
    key = [] if environ.get(KEY) else [_missing_key()]
    return [*key, *([check_secrets(config, environ)] if config.secret_names else [])]


def check_offline(config: Config, file: Path) -> list[Connection]:
    """What a valid configuration alone shows: no network, no program, no secret. For the CI of its repository."""
    findings = Findings("config")
    findings.add_fact(f"{file} is valid: {', '.join(config.environments)}")
    return [*findings.connections(), *_notes(config, {})]


def _notes(config: Config, environ: Mapping[str, str]) -> list[Connection]:
    return [*inactive_settings(config), *shared_states(config), *jump_hosts(config), *unencrypted_addresses(environ)]


def _missing_key() -> Findings:
    findings = Findings("key")
    findings.add_problem(f"{KEY} is not set, so the bot does not start", f"Set it to the output of `{NEW_KEY}`.")
    return findings


async def _guarded(name: str, attempt: Awaitable[Findings]) -> Findings:
    """The findings of a check; an unexpected error becomes a problem, so that it does not hide the other checks."""
    findings = Findings(name)
    try:
        async with asyncio.timeout(CODE_TIMEOUT if name == "code" else TIMEOUT):
            return await attempt
    except TimeoutError:
        findings.add_problem("did not answer in time", "Check the network and the address.")
    except Exception as error:
        log.exception("checking %s", name)
        findings.add_problem(f"could not be checked ({type(error).__name__})", "See the log, and report this error.")
    return findings


def json_lines(connections: Sequence[Connection]) -> list[str]:
    """A JSON object for each connection: `status` (ok, fail, note), `name`, `detail`, `remedy`."""
    return [
        json.dumps(
            {
                "status": NOTE if each.name == NOTE else "ok" if each.ok else "fail",
                "name": "signalbox" if each.name == NOTE else each.name,
                "detail": each.detail,
                "remedy": each.remedy or "",
            },
            ensure_ascii=False,
        )
        for each in connections
    ]


def lines(connections: Sequence[Connection]) -> list[str]:
    """A line for each connection: "ok    slack  ..." or "FAIL  github  ... what to do"."""
    return [_line(connection) for connection in connections]


def _line(connection: Connection) -> str:
    if connection.name == NOTE:
        return f"note  {'signalbox':<10} {connection.detail}"
    detail = f"{connection.detail}. {connection.remedy}".rstrip() if connection.remedy else connection.detail
    return f"{'ok' if connection.ok else 'FAIL':<5} {connection.name:<10} {detail}"
