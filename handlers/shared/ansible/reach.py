"""The hosts of an environment by ssh: with its key and route, and host keys that are pinned."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from handlers.shared.ansible.host_keys import written_lines
from handlers.shared.ansible.scope import private_key_of, route_secret_of, settings_of
from runners.ssh import host_keys
from runners.ssh.remote import reaching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.config import Environment
    from bot.services import Services
    from runners.results import Inventory
    from runners.ssh.remote import Access

_DOING = "reaching the machines"


@asynccontextmanager
async def reach_hosts(
    services: Services, environment: Environment, hosts: Inventory, directory: Path, text: str | None = None
) -> AsyncIterator[Access]:
    """Access to these hosts by ssh, which compares with `text`, else with the lines of the configuration or the recorded host keys."""
    key = private_key_of(services, environment)
    if text is None:
        trusted = await services.host_keys.trusted(host.instance_id for host in hosts.hosts)
        text = written_lines(settings_of(environment)) or host_keys.known_hosts(hosts, trusted)
    secret = await route_secret_of(services, environment)
    async with reaching(
        hosts, directory, private_key=key, known_hosts=text, doing=_DOING, route_secret=secret
    ) as access:
        yield access
