"""`python -m bot check`: tries every connection that the configuration names, and says what to do about it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bot.check.aws import check_aws
from bot.check.database import check_database
from bot.check.ec2 import check_ec2, concerns
from bot.check.github import check_github
from bot.check.hcp import check_hcp, hcp_workspaces
from bot.check.jump_hosts import jump_hosts
from bot.check.programs import check_ansible, check_secrets, check_terraform
from bot.check.result import Findings
from bot.check.slack import SlackCalls, check_slack
from bot.check.unguarded import NOTE, unguarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.config import Config
    from bot.store.database import Store
    from runners.github import GitHub
    from runners.results import Connection

__all__ = ["SlackCalls", "check", "lines"]

log = logging.getLogger(__name__)
TIMEOUT = 60.0


async def check(
    config: Config,
    environ: Mapping[str, str],
    *,
    slack: SlackCalls | None,
    github: GitHub,
    make_store: Callable[[], Store],
) -> list[Connection]:
    """Tries everything at once; raises nothing.

    `environ` is the bot's environment; `slack` is None where there is no token to make it from; the store that
    `make_store` makes is closed again.
    """
    tries: dict[str, Awaitable[Findings]] = {
        "slack": check_slack(config, environ, slack),
        "github": check_github(config, environ, github),
        "aws": check_aws(config),
        "database": check_database(make_store),
    }
    environments = config.environments.values()
    if any(environment.terraform and environment.terraform.directory for environment in environments):
        tries["terraform"] = check_terraform(config, environ)
    if any(environment.deploy.ansible for environment in environments):
        tries["ansible"] = check_ansible(config)
    if concerns(config):
        tries["ec2"] = check_ec2(config)
    if hcp_workspaces(config):
        tries["hcp"] = check_hcp(config, environ)
    found = await asyncio.gather(*(_guarded(name, attempt) for name, attempt in tries.items()))
    if config.secret_names:
        found.append(check_secrets(config, environ))
    return [line for one in found for line in one.connections()] + unguarded(config) + jump_hosts(config)


async def _guarded(name: str, attempt: Awaitable[Findings]) -> Findings:
    """The findings, whatever happens: one connection's surprise must not hide the others."""
    found = Findings(name)
    try:
        async with asyncio.timeout(TIMEOUT):
            return await attempt
    except TimeoutError:
        found.fail(f"gave no answer within {TIMEOUT:g} seconds", "Check the network and the address.")
    except Exception as error:
        log.exception("checking %s", name)
        found.fail(f"could not be checked ({type(error).__name__})", "The log says more; please report it.")
    return found


def lines(connections: list[Connection]) -> list[str]:
    """A line for each connection: "ok    slack  ..." or "FAIL  github  ... what to do"."""
    return [_line(connection) for connection in connections]


def _line(one: Connection) -> str:
    if one.name == NOTE:
        return f"note  {'signalbox':<10} {one.detail}"
    detail = f"{one.detail}. {one.remedy}".rstrip() if one.remedy else one.detail
    return f"{'ok' if one.ok else 'FAIL':<5} {one.name:<10} {detail}"
