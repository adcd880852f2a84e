"""/infra journal: the last lines of a daemon's journal, read from its machines by SSH. Nothing there is changed."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from bot.access import arguments, parts
from bot.errors import UserError
from bot.operations import requests
from bot.operations.registry import Topic
from handlers.logs.delivery import Log, deliver
from handlers.shared.ansible.reach import reach_hosts
from handlers.shared.ansible.scope import find_hosts, settings_of
from runners.daemons.journal import LONGEST, read_journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.config import Environment
    from bot.operations.registry import Invocation
    from bot.services import Services
    from bot.slack.blocks.kit import Message

HINT = "<environment> <machine type> <daemon> [lines]"
COMMAND = "/infra journal"
USAGE = f"{COMMAND} staging backend process-daemon [lines]"
LINES = 200


async def topic(services: Services, invocation: Invocation, words: Sequence[str]) -> Message:
    """The journal of a daemon that the configuration names, on each host of its role."""
    config = await requests.visible_to(services, invocation.user, COMMAND, " ".join(words), "plan")
    if not words:
        raise UserError(f"Which daemon? Usage: {USAGE}")
    environment = parts.choose_one(config, words[0], parts.SERVICES, USAGE)
    await requests.check_may_use(services, invocation.user, COMMAND, "plan", environment)
    settings_of(environment)
    role, daemon = _named(environment, words[1:])
    lines = _lines(words[3:])
    hosts = await find_hosts(services.config, environment, services.aws_of(environment), (role,))
    # The name is no operation's number: if the bot is killed here, the next start deletes the directory.
    directory = services.workplace / "operations" / f"look-{secrets.token_hex(8)}"
    async with reach_hosts(services, environment, hosts, directory) as access:
        read = await asyncio.gather(*(read_journal(access, host, daemon, lines) for host in hosts.hosts))
    text = "\n\n".join(f"== {host.name} ==\n{journal}" for host, journal in zip(hosts.hosts, read, strict=True))
    return await deliver(services, invocation.user, Log(f"the journal of {daemon} on {environment.name} {role}", text))


def _named(environment: Environment, words: Sequence[str]) -> tuple[str, str]:
    """The role and the daemon. Raises UserError for what the configuration does not name, with the nearest name."""
    if not environment.daemons:
        raise UserError(f"{environment.name} names no daemons ({environment.key_of('daemons')} in signalbox.yaml).")
    role, daemon = [*words[:2], "", ""][:2]
    if role not in environment.daemons:
        what = f"{environment.name} has no daemons on {arguments.quoted(role)}" if role else "On which machine type?"
        raise UserError(f"{what}{arguments.nearest(role, environment.daemons)} Usage: {USAGE}")
    if daemon not in environment.daemons[role]:
        what = f"{role} of {environment.name} has no daemon {arguments.quoted(daemon)}" if daemon else "Which daemon?"
        raise UserError(f"{what}{arguments.nearest(daemon, environment.daemons[role])} Usage: {USAGE}")
    return role, daemon


def _lines(words: Sequence[str]) -> int:
    if not words:
        return LINES
    if not words[0].isascii() or not words[0].isdecimal() or not 1 <= int(words[0][:9]) <= LONGEST:
        raise UserError(f"{arguments.quoted(words[0])} is no number of lines from 1 to {LONGEST:,}. Usage: {USAGE}")
    return int(words[0])


TOPICS = (Topic("journal", HINT, "The last lines of a daemon's journal on its machines.", topic, most=4),)
