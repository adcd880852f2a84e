"""GitHub Actions as a deploy backend: a workflow deploys to all machines, from a branch or tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.deploy.arguments import COMMIT_SHA
from handlers.deploy.github_actions.rollout import roll_out, settings_of

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation

__all__ = ["TAKES_CHECK", "TAKES_ROLES", "required_checks", "roll_out", "title", "verify"]

TAKES_ROLES = False
TAKES_CHECK = False


def title(environment: Environment) -> str:
    """GitHub Actions, with the workflow's file."""
    return f"GitHub Actions {settings_of(environment).workflow}"


def required_checks(environment: Environment) -> bool | tuple[str, ...]:
    """As configured; by default those that the branch requires."""
    return settings_of(environment).required_checks


async def verify(_: Operation, ref: str) -> None:
    """Raises UserError for a commit: GitHub starts no workflow on one."""
    if COMMIT_SHA.fullmatch(ref):
        raise UserError("GitHub starts workflows on a branch or tag only; name one of these rather than a commit.")
