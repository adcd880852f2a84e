"""What a deploy runs by Ansible: the environment's playbooks, on the hosts that its arguments name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import inputs
from handlers.deploy.arguments import CHECK, HOSTS, ROLES
from handlers.shared.ansible.scope import Scope, Work, settings_of

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.results import Commit, Host


def scope_of(operation: Operation) -> Scope:
    """The scope that the operation's arguments name; roles in the configured order."""
    arguments, environment = operation.record.arguments, operation.environment
    named = _listed(arguments.get(ROLES, ""))
    roles = tuple(role for role in environment.machines if not named or role in named)
    return Scope(environment, roles, _listed(arguments.get(HOSTS, "")), check=bool(arguments.get(CHECK)))


def work_of(operation: Operation, commit: Commit, displayed: tuple[Host, ...] = ()) -> Work:
    """What the operation deploys at this commit; approvers have seen the hosts `displayed`."""
    given = inputs.given(operation.record.arguments)
    return Work(scope_of(operation), settings_of(operation.environment), commit, given, displayed)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
