"""An environment's Terraform settings, and what they require of a plan's approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from runners.results import Change

if TYPE_CHECKING:
    from bot.config import Config, Environment, Terraform
    from runners.results import PlanSummary

USAGE = "/plan [environment] [stack | all] [variable=value ...] [-target=ADDRESS ...] [-replace=ADDRESS ...] [-ref=REF]"
LOSSES = (Change.DELETE, Change.REPLACE, Change.REPLACE_KEEPING_OLD, Change.FORGET)


def settings_of(environment: Environment) -> Terraform:
    """The environment's Terraform settings. Raises UserError when it has none."""
    if environment.terraform is None:
        raise UserError(f"{environment.name} has no Terraform in the configuration.")
    return environment.terraform


def timeout_of(config: Config) -> float:
    """How many seconds a plan or an apply may take."""
    return config.terraform.timeout.total_seconds()


def protected_losses(environment: Environment, summary: PlanSummary) -> tuple[str, ...]:
    """The addresses of protected types that the plan would destroy, replace or forget."""
    types = settings_of(environment).protected
    return tuple(change.address for change in summary.changes if change.type in types and change.change in LOSSES)


def needs_typed_confirmation(environment: Environment, summary: PlanSummary) -> bool:
    """Whether an approver must type a confirmation: for protected losses, or more losses than `confirm_above`."""
    above = settings_of(environment).confirm_above
    losses = sum(1 for change in summary.changes if change.change in LOSSES)
    return bool(protected_losses(environment, summary)) or (above is not None and losses > above)
