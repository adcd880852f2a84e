"""How an environment deploys with Ansible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError

if TYPE_CHECKING:
    from bot.config import Ansible, Environment


def settings_of(environment: Environment) -> Ansible:
    """How the environment deploys with Ansible. Raises UserError when it does not."""
    if environment.deploy.ansible is None:
        raise UserError(f"{environment.name} does not deploy through Ansible.")
    return environment.deploy.ansible
