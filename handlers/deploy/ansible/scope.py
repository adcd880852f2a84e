"""Which hosts a deploy by Ansible is about: an environment's, some machine types', or the ones named one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.deploy.arguments import CHECK, HOSTS, ROLES
from runners.aws import inventory
from runners.errors import AccessDeniedError
from runners.ssh.keys import key_text

if TYPE_CHECKING:
    from bot.config import Ansible, Config, Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.aws.client import Clients
    from runners.results import Inventory


LOOKUP_TIMEOUT = 60.0


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
    named = _listed(arguments.get(ROLES, ""))
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


def settings_of(environment: Environment) -> Ansible:
    """How the environment deploys with Ansible. Raises UserError when it does not."""
    if environment.deploy.ansible is None:
        raise UserError(f"{environment.name} does not deploy through Ansible.")
    return environment.deploy.ansible


def private_key_of(services: Services, environment: Environment) -> str | None:
    """The private key that logs in to the machines, as ssh wants it; None where the configuration names none.

    Raises UserError, which names the variable, when there is none in it that can be used without a passphrase.
    """
    name = settings_of(environment).private_key_env
    if not name:
        return None
    try:
        return key_text(services.secrets.value(name), f"reading {name}")
    except AccessDeniedError as error:
        why = error.problem.replace("the private key", f"the private key in {name}", 1)
        raise UserError(f"{why[:1].upper()}{why[1:]}. {error.remedy} Nothing was touched.") from None


def secret_vars_of(services: Services, environment: Environment) -> dict[str, str]:
    """The variables that playbooks get in a file of their own. Raises UserError for one that the bot was not given."""
    named = settings_of(environment).secret_vars
    return {name: services.secrets.value(source) for name, source in named.items()}
