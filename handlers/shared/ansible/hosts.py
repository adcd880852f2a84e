"""The hosts of an operation: EC2's by their tags, or those of the team's own inventory at the operation's commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.slack.blocks import kit
from handlers.shared.ansible import playbooks
from handlers.shared.ansible.recorded import with_recorded
from handlers.shared.ansible.scope import vault_password_of
from handlers.shared.checkout import code_of
from runners.ansible import PlaybookJob, own_inventory
from runners.results import host_differences

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work
    from runners.results import HostSettings, Inventory

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
    settings = operation.services.config.host_settings(work.scope.environment, work.settings)
    job = await with_recorded(operation, work, await _job(operation, work, settings), again=True)
    return work.scope.limited(await own_inventory.read(job, source, roles, settings))


async def displayed_hosts_of(operation: Operation, work: Work) -> Inventory:
    """Within a step, before anything starts: the same, where approvers have seen each of these hosts. What is missing is left out.

    Raises UserError for hosts that are new, or have another address, since they were displayed; and as `hosts_of`.
    """
    inventory = await hosts_of(operation, work)
    since = host_differences(work.displayed, inventory.hosts)
    if work.displayed and since.refused:
        lines = [f"{host.name} ({host.instance_id}, {host.address}) is new" for host in since.new]
        lines += [
            f"{now.name} ({now.instance_id}) had {before.address} and has {now.address}" for before, now in since.moved
        ]
        more = f" and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
        raise UserError(
            f"Hosts have changed since they were displayed for approval: {'; '.join(lines[:NAMED])}{more}. No changes were "
            "made. Run the command again: it displays the hosts that there are now."
        )
    return inventory


async def _job(operation: Operation, work: Work, settings: HostSettings) -> PlaybookJob:
    project, installed = await playbooks.prepare(operation, work)
    return PlaybookJob(
        project=project,
        playbook="",
        inventory=settings.inventory(work.scope.environment.whole),
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
    """For the message that asks for approval: the hosts, with their addresses."""
    named = dict.fromkeys((host.name, host.address) for host in inventory.hosts)
    texts = [
        kit.code(name) if name == address else f"{kit.code(name)} ({kit.escape(address)})" for name, address in named
    ]
    ignored = f". Ignored in it: {', '.join(map(kit.code, inventory.ignored))}" if inventory.ignored else ""
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    source = f" of {kit.code(inventory.source)}" if inventory.source else ""
    return (f"Hosts{source}: {', '.join(texts[:NAMED])}{more}{ignored}",)
