"""The inputs of a deploy: those that its environment always sends, and those that a person gives with the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import inputs
from bot.errors import UserError
from handlers.shared.requests import deploy_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.operation import Operation
    from handlers.deploy.views import Release


def check_given(environment: Environment, given: Mapping[str, str]) -> None:
    """Raises UserError for an input that the environment's deploys do not take, or not with this value."""
    deploy = deploy_of(environment)
    key = environment.key_of("deploy", deploy.backend, "command_inputs")
    inputs.check_allowed(given, deploy.settings.given_inputs, f"Deploys to {environment.words}", key)


def inputs_of(environment: Environment, arguments: Mapping[str, str]) -> dict[str, str]:
    """All inputs of a deploy with these arguments, but for its mark. Raises UserError as `check_given` does."""
    given = inputs.given(arguments)
    check_given(environment, given)
    return {**deploy_of(environment).settings.fixed_inputs, **given}


async def check_unchanged(operation: Operation, release: Release) -> None:
    """Durable, after the approval: raises UserError where the configuration has other inputs by now, or allows others."""
    if release.given:
        await operation.step("inputs again", lambda: _check_unchanged(operation, release))


async def _check_unchanged(operation: Operation, release: Release) -> None:
    if inputs_of(operation.environment, operation.record.arguments) != dict(release.inputs):
        raise UserError(
            "The inputs in signalbox.yaml have changed since this was requested, so nothing was deployed. Run the "
            "command again."
        )
