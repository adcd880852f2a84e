"""The hosts of an operation: EC2's by their tags, or those of the team's own inventory at the operation's commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from handlers.shared.ansible import playbooks
from handlers.shared.ansible.scope import vault_password_of
from handlers.shared.checkout import code_of
from runners.ansible import PlaybookJob, own_inventory
from runners.ansible.own_inventory import Reach
from runners.results import Inventory

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work

NAMED = 20  # hosts in a message


async def hosts_of(operation: Operation, work: Work) -> Inventory:
    """Within a step: the hosts that the operation changes.

    Reading an inventory of the repository takes the code, which must be allowed to run.

    Raises:
        UserError: one of the scope's instances no longer runs, or is no longer in the inventory.
        RunnerError: AWS does not answer, or the inventory cannot be read or is refused: see own_inventory.read.
    """
    source = work.settings.inventory_of(work.scope.environment.whole)
    if not source:
        return await work.scope.find_hosts(operation.services)
    roles = {role: work.playbook_of(role) for role in work.scope.roles}
    settings = work.settings
    reach = Reach(settings.user, settings.port, settings.connection)
    listed = await own_inventory.read(await _job(operation, work), source, roles, reach)
    return work.scope.limited(replace(listed, bastion=settings.bastion))


async def _job(operation: Operation, work: Work) -> PlaybookJob:
    project, installed = await playbooks.prepare(operation, work)
    none = Inventory(work.scope.environment.whole, (), work.settings.user, work.settings.port, work.settings.connection)
    return PlaybookJob(
        project=project,
        playbook="",
        inventory=replace(none, groups=work.settings.groups),
        limit=None,
        extra_vars={},
        secret_vars={},
        private_key=None,
        vault_password=vault_password_of(operation.services, operation.environment),
        scratch=operation.scratch,
        installed=installed,
        root=await code_of(operation, work.commit),
        isolation=operation.services.isolation_of(operation.environment),
    )


def notices(inventory: Inventory) -> tuple[str, ...]:
    """For the message that asks for approval: the hosts of the team's own inventory, with their addresses."""
    if not inventory.source:
        return ()
    named = dict.fromkeys((host.name, host.address) for host in inventory.hosts)
    texts = [
        kit.code(name) if name == address else f"{kit.code(name)} ({kit.escape(address)})" for name, address in named
    ]
    ignored = f". Ignored in it: {', '.join(map(kit.code, inventory.ignored))}" if inventory.ignored else ""
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return (f"Hosts of {kit.code(inventory.source)}: {', '.join(texts[:NAMED])}{more}{ignored}",)
