"""The places of values: their names, whether they can be written, and writing. A value passes through and is forgotten."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from runners.aws import secrets as aws_secrets
from runners.aws.client import Account, asked
from runners.errors import AccessDeniedError
from runners.github import secrets as github_secrets
from runners.hcp import variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.config import Config, Environment
    from bot.config.models.secrets import HcpVariable, SecretPlace
    from bot.services import Services
    from runners.hcp.client import HcpTerraform
    from runners.results import AwsPlace

TIMEOUT = 60.0  # seconds


def name_of(config: Config, place: SecretPlace) -> str:
    """The place in words: what people approve, and what messages and the audit log have."""
    if place.github:
        where = f" of the environment {place.github_environment}" if place.github_environment else ""
        return f"GitHub secret {place.github}{where} of {place.repository or config.github.repository}"
    if place.parameter:
        return f"SSM parameter {place.parameter}"
    if place.secrets_manager:
        return f"Secrets Manager {place.secrets_manager}"
    variable = _variable(place)
    return f"HCP Terraform variable {variable.variable} of {variable.organization}/{variable.workspace}"


def _variable(place: SecretPlace) -> HcpVariable:
    if place.hcp is None:  # the model has exactly one place
        raise ValueError("a place without a place")
    return place.hcp


async def check(services: Services, environment: Environment, place: SecretPlace) -> None:
    """Raises RunnerError where it is certain that the place cannot be written."""
    name = name_of(services.config, place)
    if place.github:
        repository = place.repository or services.config.github.repository
        await github_secrets.check_settable(services.github, repository, environment=place.github_environment)
    elif place.parameter:
        await _in_aws(services, environment, f"checking the {name}", aws_secrets.check_parameter, place.parameter)
    elif place.secrets_manager:
        await _in_aws(services, environment, f"checking {name}", aws_secrets.check_entry, place.secrets_manager)
    else:
        variable = _variable(place)
        await variables.find(_hcp(services, name), variable.organization, variable.workspace, variable.variable)


async def write(services: Services, environment: Environment, place: SecretPlace, value: str) -> None:
    """Write the value; the same again changes nothing but its time. Raises RunnerError, which never has the value."""
    name = name_of(services.config, place)
    if place.github:
        repository = place.repository or services.config.github.repository
        await github_secrets.set_value(
            services.github, repository, place.github, value, environment=place.github_environment
        )
    elif place.parameter:
        await _in_aws(services, environment, f"writing the {name}", aws_secrets.set_parameter, place.parameter, value)
    elif place.secrets_manager:
        await _in_aws(services, environment, f"writing {name}", aws_secrets.set_entry, place.secrets_manager, value)
    else:
        variable = _variable(place)
        hcp = _hcp(services, name)
        await variables.set_value(hcp, variable.organization, variable.workspace, variable.variable, value)


async def _in_aws(
    services: Services, environment: Environment, doing: str, work: Callable[..., None], *words: str
) -> None:
    account = account_of(services, environment)
    await asked(partial(work, account, *words), timeout=TIMEOUT, doing=doing)


def _hcp(services: Services, name: str) -> HcpTerraform:
    if services.hcp is None:
        raise AccessDeniedError(f"writing the {name}", "the bot was started without TFE_TOKEN", remedy="Set TFE_TOKEN.")
    return services.hcp


def account_of(services: Services, environment: Environment) -> Account:
    """The AWS account of an environment, with all of AWS's services."""
    place = services.config.aws_of(environment)
    return services.account if place is None or place == services.config.aws_place else _account(place)


@cache
def _account(place: AwsPlace) -> Account:
    return Account([place.region], place.profile, place.role)


def account_once(services: Services, environment: Environment) -> Account:
    """The same, for a call that must not be repeated by itself."""
    place = services.config.aws_of(environment)
    if place is None:
        return services.account  # refuses in words
    return _account_once(place)


@cache
def _account_once(place: AwsPlace) -> Account:
    return Account([place.region], place.profile, place.role, attempts=1)
