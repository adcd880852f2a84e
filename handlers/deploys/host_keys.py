"""Host keys before ssh is used: new instances are trusted, known ones must show the key that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.deploys.settings import settings_of
from runners.ssh import host_keys
from runners.ssh.console import console_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.operation import Operation
    from runners.results import ChangedKey, Inventory

BY_SSH, CONSOLE = "ssh", "console"
NAMED = 6  # instances in the trail's entry


async def changed(operation: Operation, hosts: Inventory) -> tuple[ChangedKey, ...]:
    """Within a step: who shows another key than the one on record; instances that are new are put on record.

    One that does not answer is left to Ansible, whose ssh compares as well, and refuses what is on no record.
    """
    if hosts.connection != BY_SSH:
        return ()
    keys = operation.services.host_keys
    operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    shown = await host_keys.scan(hosts, operation.scratch)
    if settings_of(operation.environment).host_keys == CONSOLE:
        await _trust_consoles(operation, hosts)
    await _note_new(operation, await keys.trust(shown), "at first sight")
    found = host_keys.changed(hosts.hosts, await keys.known(shown), shown)
    if found:
        differing = {one.instance_id: shown[one.instance_id] for one in found}
        await keys.note_changed(operation.number, differing)
        await operation.note("host keys refused", instances=", ".join(differing))
    return found


async def _trust_consoles(operation: Operation, hosts: Inventory) -> None:
    """Put on record what instances that are new have printed on their consoles, so that they are compared with it."""
    services = operation.services
    instances = [host.instance_id for host in hosts.hosts]
    known = await services.host_keys.known(instances)
    printed = await console_keys(services.aws.ec2, [instance for instance in instances if instance not in known])
    await _note_new(operation, await services.host_keys.trust(printed, CONSOLE), "as on the console")


async def _note_new(operation: Operation, new: Sequence[str], how: str) -> None:
    if new:
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        await operation.note("host keys trusted", instances=f"{', '.join(new[:NAMED])}{more}", how=how)


async def known_hosts(operation: Operation, hosts: Inventory) -> str:
    """What ssh compares with."""
    known = await operation.services.host_keys.known(host.instance_id for host in hosts.hosts)
    return host_keys.known_hosts(hosts, known)
