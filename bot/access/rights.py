"""Pure: which rules of signalbox.yaml give a right, where and by which command. What no rule gives nobody may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.config.values import PART

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config
    from bot.config.models.access import Right, Role
    from bot.config.targets import Target

OPERATORS_MAY = ("see", "plan", "run")
APPROVERS_MAY = ("approve", "unlock")
# What an operation of each kind takes of its requester: the command that it belongs to, and the right.
_KINDS: Mapping[str, tuple[str, Right]] = {
    "deploy": ("/deploy", "run"),
    "follow-deploy": ("/deploy", "run"),
    "restart": ("/deploy", "run"),
    "plan": ("/plan", "plan"),
    "plan-stacks": ("/plan", "plan"),
    "drift": ("/plan", "plan"),
    "unlock": ("/plan", "unlock"),
    "build": ("/build", "run"),
    "follow-build": ("/build", "run"),
    "rerun-build": ("/build", "run"),
    "run": ("/run", "run"),
    "builder": ("/infra builders", "run"),
    "remove orphaned resources": ("/infra builders", "run"),
    "clean up": ("/infra amis", "run"),
    "propose clean-up": ("/infra amis", "run"),
    "set secret": ("/infra secret", "run"),
    "rotate key": ("/infra rotate", "run"),
    "emergency review": ("/infra", "run"),
}
EMERGENCY = "-emergency"  # an argument: the reason for which an operation ignores windows, freezes and the order
LATER_KIND = "start later"  # an operation that begins another one when the window opens; INNER is before its arguments
INNER = "with "
APPROVAL = "approval"  # in place of a kind, what begins later: an approval that counts when the window opens
COMMAND = "command"  # an argument of it: the command of what is approved
_CHECK, _NAME = "check", "name"  # arguments: of a deploy that only checks, and the name of a custom operation


@dataclass(frozen=True, slots=True)
class Rule:
    """People whom a key of signalbox.yaml gives a right."""

    key: str
    people: Sequence[str]


@dataclass(frozen=True, slots=True)
class Need:
    """What somebody has to be allowed: a right, and the command by which they use it."""

    right: Right
    command: str = ""


def inner_arguments(arguments: Mapping[str, str]) -> Mapping[str, str]:
    """The arguments of what an operation of the kind LATER_KIND begins."""
    return {name.removeprefix(INNER): value for name, value in arguments.items() if name.startswith(INNER)}


class Requested(Protocol):
    """An operation, or the request for one."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def arguments(self) -> Mapping[str, str]:
        """What was requested."""


def need_of(kind: str, arguments: Mapping[str, str]) -> Need:
    """What it takes to request an operation of this kind. An unknown one takes a right by all commands."""
    if kind == LATER_KIND:
        return need_of(arguments.get("kind", ""), inner_arguments(arguments))
    if kind == APPROVAL:
        return Need("approve", arguments.get(COMMAND, ""))
    command, right = _KINDS.get(kind, ("", "run"))
    if kind == "deploy" and arguments.get(_CHECK):
        right = "plan"
    if arguments.get(EMERGENCY):
        right = "emergency"
    return Need(right, f"{command} {arguments[_NAME]}" if kind == "run" and _NAME in arguments else command)


def effect_of(kind: str, arguments: Mapping[str, str], what: str) -> Need:
    """What it takes, directly before `what` starts: a plan may be requested by more people than may apply it."""
    need = need_of(kind, arguments)
    return Need("run", need.command) if need.right == "plan" and (kind, what) == ("plan", "apply") else need


def needed_for(record: Requested) -> Need:
    """What it takes to request this operation; its command is the one by which roles approve it."""
    return need_of(record.kind, record.arguments)


def rules_for(config: Config, need: Need, target: Target | None) -> list[Rule]:
    """The rules that give this right on the target; without a target, on any."""
    if need.right in APPROVERS_MAY and target is not None:
        return _deciders(config, need, target)
    rules = [Rule("access.operators", config.access.operators)] if need.right in OPERATORS_MAY else []
    return [*rules, *_of_roles(config, need, target)]


def _deciders(config: Config, need: Need, target: Target) -> list[Rule]:
    """A target's own approvers are all that it has; else those of `access` and of the roles.

    Where no approval is required and nobody is named, everyone who may run it may approve it.
    """
    own, roles = target.approval.approvers, _of_roles(config, need, target)
    if own is None:
        rules = [Rule("access.approvers", config.access.approvers), *roles]
    else:
        environment = config.environments.get(target.name)
        key = environment.key_of("approval", "approvers") if environment else "images.approval.approvers"
        rules = [Rule(key, own), *(roles if need.right == "unlock" else ())]
    if target.approval.required == 0 and not any(rule.people for rule in rules):
        return rules_for(config, Need("run", need.command), target)
    return rules


def _of_roles(config: Config, need: Need, target: Target | None) -> list[Rule]:
    own = target.name if target else ""
    names = {own, own.partition(PART)[0]}
    return [
        Rule(f"access.roles.{name}", role.people)
        for name, role in config.access.roles.items()
        if (need.right in role.may or need.right == "see")
        and (
            role.environments is None
            or target is None
            or (not names.isdisjoint(role.environments) or (need.right == "see" and _has_part(role.environments, own)))
        )
        and _takes(role, need)
    ]


def _has_part(covered: Sequence[str], name: str) -> bool:
    """Whether a part of this environment is among these: people who may see a part may see that its environment exists."""
    return any(each.partition(PART)[0] == name for each in covered)


def _takes(role: Role, need: Need) -> bool:
    if role.commands is None or need.right in ("see", "unlock"):
        return True
    return any(need.command == each or need.command.startswith(f"{each} ") for each in role.commands)


def deciders(config: Config, asked: Need, target: Target) -> tuple[str, ...]:
    """All who may approve what somebody asked for: in an emergency those with that right as well."""
    needs = [Need("approve", asked.command), *([asked] if asked.right == "emergency" else [])]
    return people_of([rule for need in needs for rule in rules_for(config, need, target)])


def people_of(rules: Sequence[Rule]) -> tuple[str, ...]:
    """All whom these rules name, each once."""
    return tuple(dict.fromkeys(person for rule in rules for person in rule.people))
