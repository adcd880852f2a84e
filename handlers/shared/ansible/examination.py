"""What Ansible would do at a commit, before anybody approves: its hosts are found, and the playbooks read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.shared.ansible import host_keys, preflight
from handlers.shared.ansible.hosts import hosts_of, notices
from handlers.shared.examined import Examined

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work


async def examine(operation: Operation, work: Work) -> Examined:
    """Within a step, of a commit that may run: the hosts, which the approval is bound to.

    Raises RunnerError where a playbook cannot run, or reaches no host: see preflight.examine.
    """
    inventory = await operation.unless_cancelled(hosts_of(operation, work))
    await operation.unless_cancelled(preflight.examine(operation, work, inventory))
    await host_keys.check_written(operation, work, inventory)
    return Examined(notices(inventory), inventory.hosts)
