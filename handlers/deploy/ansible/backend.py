"""Ansible as a deploy backend: playbooks deploy to all roles or some, from any ref, or only check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.deploy.ansible import preflight
from handlers.deploy.ansible.rollout import roll_out
from handlers.deploy.ansible.scope import private_key_of, scope_of, secret_vars_of, settings_of, vault_password_of
from runners.github.runs.workflow_file import Input

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from runners.results import Commit

__all__ = ["TAKES_CHECK", "TAKES_ROLES", "asks", "examine", "required_checks", "roll_out", "title", "verify"]

TAKES_ROLES = True
TAKES_CHECK = True


def title(_: Environment) -> str:
    """The same for every environment."""
    return "Ansible"


def required_checks(_: Environment) -> bool | tuple[str, ...]:
    """None: playbooks are deployed from any commit."""
    return False


async def verify(operation: Operation, _: str) -> None:
    """Raises UserError when the private key, a secret variable or the vault password is missing from the bot's environment."""
    private_key_of(operation.services, operation.environment)
    secret_vars_of(operation.services, operation.environment)
    vault_password_of(operation.services, operation.environment)


async def asks(_: Services, environment: Environment, __: str) -> tuple[Input, ...]:
    """As the configuration has them: a playbook declares no variables."""
    return tuple(Input(name, options=each.choices) for name, each in settings_of(environment).command_inputs.items())


async def examine(operation: Operation, commit: Commit) -> None:
    """Raises RunnerError where a playbook cannot run at this commit or reaches no host: see preflight.examine."""
    hosts = await scope_of(operation).find_hosts(operation.services)
    await operation.unless_cancelled(preflight.examine(operation, commit, hosts))
