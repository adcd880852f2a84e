"""What people type after /deploy's environment: roles, `check`, and the branch, tag or commit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.access import arguments as typed_arguments, inputs
from bot.errors import UserError
from handlers.shared.machine_types import MACHINES, machine_types, twice
from handlers.shared.requests import default_ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Environment
    from bot.operations.requests import OperationRequest


USAGE = "/deploy <environment> [service] [machine,machine] [branch, tag or commit] [check] [input=value ...]"
SHORT_SHA = 7  # digits
ANY_REF = "<branch, tag or commit>"  # in a command that somebody is to complete
# The names of an operation's arguments; roles and hosts (EC2's instance ids) are lists separated by commas.
ROLES, HOSTS, CHECK = MACHINES, "hosts", "check"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a /deploy: `ref` is "" for the default ref, `roles` empty for all roles, `given` are inputs."""

    ref: str = ""
    roles: tuple[str, ...] = ()
    check: bool = False
    given: Mapping[str, str] = field(default_factory=dict)


def read(environment: Environment, words: Sequence[str]) -> Arguments:
    """The words in any order. Raises UserError for words that are no arguments, or are given twice."""
    arguments = Arguments()
    for word in words:
        arguments = _with(arguments, environment, word)
    return arguments


def limited(request: OperationRequest, arguments: Arguments) -> OperationRequest:
    """The request for a deploy to all roles, limited to these arguments, with their inputs."""
    ref, name = request.arguments["ref"], request.target.name
    what = f"Check {ref} against {name}" if arguments.check else f"Deploy {ref} to {name}"
    only = f" ({', '.join(arguments.roles)})" if arguments.roles else ""
    extra = {ROLES: ",".join(arguments.roles), CHECK: CHECK if arguments.check else ""}
    stored = {**request.arguments, **{name: value for name, value in extra.items() if value}}
    title = inputs.titled(f"{what}{only}", arguments.given)
    return replace(request, title=title, arguments={**stored, **inputs.stored(arguments.given)})


def command_text(
    environment: Environment,
    ref: str,
    roles: Sequence[str] = (),
    *,
    check: bool = False,
    given: Mapping[str, str] | None = None,
) -> str:
    """The command to type for a deploy, without the defaults: the default ref, and all roles. `given` are inputs."""
    all_roles = set(roles) >= set(environment.machines)
    words = [
        "" if all_roles else ",".join(roles),
        "" if ref == default_ref(environment) else ref if ref == ANY_REF else typed_arguments.typed_ref(ref),
        CHECK if check else "",
        *inputs.typed(given or {}),
    ]
    return " ".join(filter(None, [f"/deploy {environment.words}", *words]))


def repeating_command(environment: Environment, arguments: Mapping[str, str]) -> str:
    """The command to type for an operation's arguments again. Single hosts cannot be typed: they become all roles."""
    ref = arguments["ref"][:SHORT_SHA] if HOSTS in arguments else arguments["ref"]
    roles = arguments[ROLES].split(",") if arguments.get(ROLES) else ()
    given = inputs.given(arguments)
    return command_text(environment, ref, roles, check=bool(arguments.get(CHECK)), given=given)


def _with(arguments: Arguments, environment: Environment, word: str) -> Arguments:
    if word == CHECK and not isinstance(word, typed_arguments.QuotedRef):
        return replace(arguments, check=True)
    roles = machine_types(word, environment.machines, environment.name, USAGE)
    if roles and arguments.roles:
        raise twice(USAGE)
    return replace(arguments, roles=roles) if roles else _with_ref(arguments, word)


def _with_ref(arguments: Arguments, word: str) -> Arguments:
    if arguments.ref:
        both = f"{typed_arguments.quoted(arguments.ref)} and {typed_arguments.quoted(word)}"
        raise UserError(f"{both}: I can deploy one branch, tag or commit. Usage: {USAGE}")
    return replace(arguments, ref=typed_arguments.ref(word, USAGE))
