"""What Ansible runs in an operation, and on which hosts: all of an environment, those of some roles, or single instances."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.aws import inventory
from runners.aws.credentials import credential_variables
from runners.concurrency import run_blocking
from runners.errors import AccessDeniedError
from runners.ssh import session_manager
from runners.ssh.keys import key_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Ansible, Config, Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.aws.client import Clients
    from runners.results import Commit, Host, Inventory


LOOKUP_TIMEOUT = 60.0
HOSTS_NAMED = 6  # in an error


@dataclass(frozen=True, slots=True)
class Scope:
    """The hosts that an operation changes: those of the roles, or of these only the `instances` (EC2's ids)."""

    environment: Environment
    roles: tuple[str, ...]
    instances: tuple[str, ...] = ()
    check: bool = False

    async def find_hosts(self, services: Services) -> Inventory:
        """The running hosts of the scope. Raises UserError when one of its instances no longer runs."""
        return self.limited(
            await find_hosts(services.config, self.environment, services.aws_of(self.environment), self.roles)
        )

    def limited(self, running: Inventory) -> Inventory:
        """Of these hosts the scope's. Raises UserError when one of its instances is not among them."""
        if not self.instances:
            return running
        hosts = tuple(host for host in running.hosts if host.instance_id in self.instances)
        missing = set(self.instances) - {host.instance_id for host in hosts}
        if missing:
            names = ", ".join(sorted(missing)[:HOSTS_NAMED])
            raise UserError(
                f"{names} no longer runs in {self.environment.name}, so nothing was done. "
                f"Run /deploy {self.environment.words} again for the machines that run now."
            )
        return replace(running, hosts=hosts)


@dataclass(frozen=True, slots=True)
class Work:
    """The playbooks of `settings` at a commit, on the hosts of the scope, with variables that a person gave.

    `displayed` are the hosts that approvers have seen; empty where they have seen none.
    """

    scope: Scope
    settings: Ansible
    commit: Commit
    given: Mapping[str, str] = field(default_factory=dict)
    displayed: tuple[Host, ...] = ()

    def playbook_of(self, role: str) -> str:
        """The file of the role's playbook, below the directory of the playbooks."""
        return self.settings.playbook.format(machine=role, environment=self.scope.environment.whole)

    @property
    def variables(self) -> dict[str, object]:
        """The variables of the configuration, those that a person gave, and the commit."""
        return {**self.settings.extra_vars, **self.given, "signalbox_commit": self.commit.sha}


async def find_hosts(
    config: Config, environment: Environment, clients: Clients, roles: tuple[str, ...] | None = None
) -> Inventory:
    """The running hosts of an environment, or of some of its roles, with the configured way to reach them."""
    settings = settings_of(environment)
    if settings.inventory:
        raise UserError(
            f"The hosts of {environment.name} are in {settings.inventory_of(environment.whole)} of the repository, which "
            "Signalbox reads when it deploys. This command knows only hosts that EC2 lists."
        )
    wanted = config.wanted_hosts(environment, settings, roles)
    return await inventory.find_hosts(clients.ec2, wanted, timeout=LOOKUP_TIMEOUT)


def settings_of(environment: Environment) -> Ansible:
    """The environment's section `ansible`. Raises UserError when it has none."""
    if environment.deploy is None or environment.deploy.ansible is None:
        raise UserError(f"{environment.name} does not deploy through Ansible.")
    return environment.deploy.ansible


def private_key_of(services: Services, environment: Environment) -> str | None:
    """The private key of ssh in the form that ssh reads; None where the configuration names none.

    Raises UserError, which names the variable, when its value is no key, or a key with a passphrase.
    """
    return _key_of(services, settings_of(environment).private_key_env)


async def route_secret_of(services: Services, environment: Environment) -> str | None:
    """The private key for the bastion, as `private_key_of`, or the environment's AWS credentials for sessions; None where ssh needs neither.

    Raises RunnerError where AWS gives no credentials.
    """
    settings = settings_of(environment)
    if not settings.through_sessions:
        return _key_of(services, settings.bastion_key_env)
    place = services.config.aws_of(environment)
    if place is None:
        raise UserError(f"Sessions to the hosts of {environment.name} need `aws` in signalbox.yaml.")
    doing = "reading the AWS credentials"
    variables = await run_blocking(credential_variables, place, timeout=LOOKUP_TIMEOUT, doing=doing)
    return session_manager.secret_text(variables)


def _key_of(services: Services, name: str | None) -> str | None:
    if not name:
        return None
    try:
        return key_text(services.secrets.value(name), f"reading {name}")
    except AccessDeniedError as error:
        why = error.problem.replace("the private key", f"the private key in {name}", 1)
        raise UserError(f"{why[:1].upper()}{why[1:]}. {error.remedy} No changes were made.") from None


def vault_password_of(services: Services, environment: Environment) -> str | None:
    """The password of Ansible Vault; None where the configuration names none. Raises UserError when it is missing."""
    name = settings_of(environment).vault_password_env
    return services.secrets.value(name) if name else None


def secret_vars_of(services: Services, environment: Environment) -> dict[str, str]:
    """The variables that playbooks get in a file of their own. Raises UserError when one is missing."""
    sources = settings_of(environment).secret_vars
    return {name: services.secrets.value(source) for name, source in sources.items()}


async def check_secrets(operation: Operation) -> None:
    """Raises UserError when a private key, a secret variable or the vault password is missing from the bot's environment.

    Raises RunnerError where sessions to the hosts lack a program or credentials.
    """
    private_key_of(operation.services, operation.environment)
    if settings_of(operation.environment).through_sessions:
        session_manager.require_programs(f"preparing sessions to the hosts of {operation.environment.name}")
    await route_secret_of(operation.services, operation.environment)
    secret_vars_of(operation.services, operation.environment)
    vault_password_of(operation.services, operation.environment)
