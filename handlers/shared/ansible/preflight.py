"""Whether the playbooks can run at a commit and reach their hosts, before anybody approves and before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.shared.ansible import playbooks
from handlers.shared.ansible.recorded import with_recorded
from handlers.shared.ansible.scope import vault_password_of
from handlers.shared.checkout import code_of
from runners.ansible import PlaybookJob, preflight

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from handlers.shared.ansible.scope import Work
    from runners.results import Inventory

EXAMINED = "examined"  # in the operation's directory: the commit whose playbooks were examined


async def examine(operation: Operation, work: Work, hosts: Inventory) -> None:
    """Within a step: install what the playbooks need, and let Ansible read them; once for each machine.

    Raises:
        NotFoundError: there is no such playbook, or it names groups that the inventory lacks and reaches no host of a role.
        RunnerError: a file is invalid, or Ansible refuses a playbook, for example because of a missing collection.
        UnavailableError: GitHub or a galaxy does not answer.
    """
    mark = operation.scratch / EXAMINED
    project, installed = await playbooks.prepare(operation, work)
    if mark.is_file() and mark.read_text(encoding="ascii") == work.commit.sha:
        return
    roles_of: dict[str, list[str]] = {}
    for role in dict.fromkeys(host.machine for host in hosts.hosts):
        roles_of.setdefault(work.playbook_of(role), []).append(role)
    job = await with_recorded(operation, work, await _job(operation, work, hosts, project, installed))
    plays = await preflight.plays_of(job, [*roles_of])
    for name, roles in roles_of.items():
        preflight.check_reached(plays[name], name, hosts, roles)
    mark.write_text(work.commit.sha, encoding="ascii")


async def _job(
    operation: Operation, work: Work, hosts: Inventory, project: Path, installed: Path | None
) -> PlaybookJob:
    """All that a run gets, but for secrets; and the vault password, without which Ansible reads no encrypted variables."""
    return PlaybookJob(
        project=project,
        playbook="",
        inventory=hosts,
        limit=None,
        extra_vars=work.variables,
        secret_vars=dict.fromkeys(work.settings.secret_vars, ""),  # only their names count here
        private_key=None,
        vault_password=vault_password_of(operation.services, operation.environment),
        scratch=operation.scratch,
        installed=installed,
        variables=work.settings.inventory_vars_of(work.scope.environment.whole),
        root=await code_of(operation, work.commit),
        isolation=operation.services.isolation_of(operation.environment),
    )
