"""Host keys before ssh is used: new instances are trusted, known ones must show the key that they had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.ssh import host_keys

if TYPE_CHECKING:
    from bot.operation import Operation
    from runners.results import ChangedKey, Inventory

BY_SSH = "ssh"
NAMED = 6  # instances in the trail's entry


async def changed(operation: Operation, hosts: Inventory) -> tuple[ChangedKey, ...]:
    """Within a step: who shows another key than the one on record; instances that are new are put on record.

    One that does not answer is left to Ansible, whose ssh compares as well.
    """
    if hosts.connection != BY_SSH:
        return ()
    keys = operation.services.host_keys
    operation.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    shown = await host_keys.scan(hosts, operation.scratch)
    new = await keys.trust(shown)
    if new:
        more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
        await operation.note("host keys trusted", instances=f"{', '.join(new[:NAMED])}{more}", how="at first sight")
    found = host_keys.changed(hosts.hosts, await keys.known(shown), shown)
    if found:
        differing = {one.instance_id: shown[one.instance_id] for one in found}
        await keys.note_changed(operation.number, differing)
        await operation.note("host keys refused", instances=", ".join(differing))
    return found


async def known_hosts(operation: Operation, hosts: Inventory) -> str:
    """What ssh compares with."""
    known = await operation.services.host_keys.known(host.instance_id for host in hosts.hosts)
    return host_keys.known_hosts(hosts, known)
