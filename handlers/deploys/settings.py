"""How an environment deploys with Ansible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.errors import AccessDeniedError
from runners.ssh.keys import key_text

if TYPE_CHECKING:
    from bot.config import Ansible, Environment
    from bot.services import Services


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
