"""Roles of an account that GitHub's workflows may assume by OIDC, in place of a stored key. Blocks."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from runners.aws.client import listed

if TYPE_CHECKING:
    from runners.aws.client import Account

ISSUER = "token.actions.githubusercontent.com"


def roles_for(account: Account, repository: str) -> tuple[str, ...]:
    """The names of the roles whose trust policy lets workflows of this repository in."""
    roles = listed(account.client("iam"), "list_roles", "Roles")
    return tuple(str(role["RoleName"]) for role in roles if _trusts(role.get("AssumeRolePolicyDocument"), repository))


def _trusts(policy: Any, repository: str) -> bool:
    return any(_lets_in(statement, repository) for statement in _listed(_mapping(policy).get("Statement")))


def _lets_in(statement: Any, repository: str) -> bool:
    statement = _mapping(statement)
    federated = _listed(_mapping(statement.get("Principal")).get("Federated"))
    if statement.get("Effect") != "Allow" or not any(str(each).endswith(f"/{ISSUER}") for each in federated):
        return False
    conditions = _mapping(statement.get("Condition"))
    subjects = [subject for each in conditions.values() for subject in _listed(_mapping(each).get(f"{ISSUER}:sub"))]
    # A subject is repo:owner/name:ref:refs/heads/main and the like; the policy's may have wildcards.
    of_repository = f"repo:{repository}:".lower()
    return any(_may_be(str(subject).lower(), of_repository) for subject in subjects)


def _may_be(pattern: str, of_repository: str) -> bool:
    plain = pattern.partition("*")[0].partition("?")[0]
    return pattern.startswith(of_repository) or (
        plain != pattern
        and of_repository.startswith(plain)
        and fnmatch.fnmatchcase(of_repository, f"{pattern.rstrip('*')}*")
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
