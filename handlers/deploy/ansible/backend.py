"""Ansible as a deploy backend: playbooks deploy to all roles or some, from any ref, or only check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.deploy.ansible import rollout
from handlers.deploy.ansible.scope import work_of
from handlers.shared.ansible import examination
from handlers.shared.ansible.scope import check_secrets, settings_of
from handlers.shared.inputs import configured_inputs

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from handlers.shared.examined import Examined
    from runners.github.runs.workflow_file import Input
    from runners.results import Commit

TAKES_ROLES = True
TAKES_CHECK = True
TAKES_ROOM = True
roll_out = rollout.roll_out


def title(_: Environment) -> str:
    """The same for every environment."""
    return "Ansible"


def required_checks(_: Environment) -> bool | tuple[str, ...]:
    """None: playbooks are deployed from any commit."""
    return False


async def ref_at(_: Operation, sha: str) -> str:
    """The commit itself."""
    return sha


async def verify(operation: Operation, _: str) -> None:
    """Raises UserError or RunnerError where secrets are missing from the bot's environment: see check_secrets."""
    await check_secrets(operation)


async def asks(_: Services, environment: Environment, __: str) -> tuple[Input, ...]:
    """As the configuration has them: a playbook declares no variables."""
    return configured_inputs(settings_of(environment).command_inputs)


async def examine(operation: Operation, commit: Commit) -> Examined:
    """The hosts, for the approvers. Raises RunnerError where a playbook cannot run at this commit or reaches no host: see preflight.examine."""
    return await examination.examine(operation, work_of(operation, commit))
