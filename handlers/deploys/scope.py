"""Which hosts a deploy by Ansible is about: an environment's, some machine types', or the ones named one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.deploys.settings import settings_of
from runners import inventory

if TYPE_CHECKING:
    from bot.config import Config, Environment
    from bot.operation import Operation
    from bot.services import Services
    from runners.aws import Clients
    from runners.results import Inventory

LOOKUP_TIMEOUT = 60.0
MACHINES, HOSTS, CHECK = "machines", "hosts", "check"  # words in an operation's arguments; lists by commas


@dataclass(frozen=True, slots=True)
class Scope:
    """What an operation is about. `instances` are EC2's ids; without any, all hosts of the machine types."""

    environment: Environment
    machines: tuple[str, ...]
    instances: tuple[str, ...] = ()
    check: bool = False

    async def find_hosts(self, services: Services) -> Inventory:
        """The running machines that it is about. Raises UserError when a host that is named runs no more."""
        found = await find_hosts(services.config, self.environment, services.aws, self.machines)
        if not self.instances:
            return found
        kept = tuple(host for host in found.hosts if host.instance_id in self.instances)
        gone = set(self.instances) - {host.instance_id for host in kept}
        if gone:
            raise UserError(
                f"{', '.join(sorted(gone)[:6])} no longer runs in {self.environment.name}, so nothing was done. "
                f"Run /deploy {self.environment.name} again for the machines that run now."
            )
        return replace(found, hosts=kept)


def scope_of(operation: Operation) -> Scope:
    """What the operation's arguments say; machine types in the configured order."""
    arguments, environment = operation.record.arguments, operation.environment
    named = _listed(arguments.get(MACHINES, ""))
    machines = tuple(machine for machine in environment.machines if not named or machine in named)
    return Scope(environment, machines, _listed(arguments.get(HOSTS, "")), check=bool(arguments.get(CHECK)))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


async def find_hosts(
    config: Config, environment: Environment, clients: Clients, machines: tuple[str, ...] | None = None
) -> Inventory:
    """The running machines of an environment, or of some of its types, reached as its configuration says."""
    settings = settings_of(environment)
    return await inventory.find_hosts(
        clients.ec2,
        environment=environment.name,
        machines=environment.machines if machines is None else machines,
        tag=config.instance_tag,
        address=settings.address,
        user=settings.user,
        port=settings.port,
        connection=settings.connection,
        timeout=LOOKUP_TIMEOUT,
    )
