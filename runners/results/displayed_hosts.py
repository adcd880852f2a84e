"""The hosts that approvers have seen, compared with those that there are when it starts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runners.results.hosts import Host


def hosts_digest(hosts: tuple[Host, ...]) -> str:
    """What an approval is bound to of these hosts; "" without any."""
    listed = sorted([host.machine, host.name, host.instance_id, host.address, host.port] for host in hosts)
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest() if listed else ""


@dataclass(frozen=True, slots=True)
class HostDifferences:
    """Hosts that are `new` since these were shown, `moved` to another address (with the one that was shown), and `missing`."""

    new: tuple[Host, ...] = ()
    moved: tuple[tuple[Host, Host], ...] = ()
    missing: tuple[Host, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether something would be changed that nobody has seen; what is missing is only left out."""
        return bool(self.new or self.moved)


def host_differences(displayed: tuple[Host, ...], now: tuple[Host, ...]) -> HostDifferences:
    """The differences by identity and role: EC2's names are numbered anew where an instance is gone."""
    before = {(host.instance_id, host.machine): host for host in displayed}
    after = {(host.instance_id, host.machine): host for host in now}
    moved = tuple(
        (before[key], host)
        for key, host in after.items()
        if key in before and (host.address, host.port) != (before[key].address, before[key].port)
    )
    return HostDifferences(
        tuple(host for key, host in after.items() if key not in before),
        moved,
        tuple(host for key, host in before.items() if key not in after),
    )
