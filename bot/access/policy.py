"""Pure: whether a person may run or approve something now. The default is to refuse."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.access import rights
from bot.access.rights import Need
from bot.config import targets
from bot.errors import Denied
from bot.slack.blocks import kit
from bot.slack.errors import Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.config.targets import Target

GROUP = "usergroup:"
SEE = Need("see")
_DOING: Mapping[str, str] = {
    "see": "see this",
    "plan": "run {command}",
    "run": "run {command}",
    "approve": "approve",
    "unlock": "release a lock",
    "emergency": "act in an emergency",
}
# Why Slack gives no members of a group, and what helps.
_CHECK = "; `python -m bot check` shows the state."
_REMEDIES = (
    (
        {Verdict.ACCESS},
        f"Whoever administers the Slack app has to change its scopes, its token or the workspace's plan{_CHECK}",
    ),
    (
        frozenset(Verdict) - {Verdict.ACCESS, Verdict.PASSES},
        f"Enable the group in Slack or name another in signalbox.yaml{_CHECK}",
    ),
    ({Verdict.PASSES}, "Try again in a minute."),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A Slack user by id, with the ids of the usergroups they are in.

    `unreadable` are the groups that Slack gives no members of, with its error codes; `account` is why their account may do
    nothing ("your account is a guest's"), whatever the rules are.
    """

    id: str
    groups: frozenset[str]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    account: str = ""


def allowed(person: Person, rules: Sequence[str]) -> bool:
    """Whether any of the rules (a user id, or "usergroup:<id>") names this person."""
    return not person.account and any(
        rule.removeprefix(GROUP) in person.groups if rule.startswith(GROUP) else rule == person.id for rule in rules
    )


def may(config: Config, person: Person, need: Need, target: Target | None) -> bool:
    """Whether this person has the right on the target; without a target, on any."""
    return any(allowed(person, rule.people) for rule in rights.rules_for(config, need, target))


def sees(config: Config, person: Person, name: str) -> bool:
    """Whether this person may see what is about the target of this name, with or without a lane.

    What is about no target, or one that was removed, is for people who see all targets.
    """
    target = targets.find_target(config, name) if name else None
    if target is not None:
        return may(config, person, SEE, target)
    everywhere = [role.people for role in config.access.roles.values() if role.environments is None]
    return any(allowed(person, people) for people in (config.access.operators, *everywhere))


def hidden_from_nobody(config: Config, name: str) -> bool:
    """Whether no role hides the target of this name: everybody who sees any target sees it."""
    target = targets.find_target(config, name) if name else None
    if target is None:
        return False
    everybody = {rule.key for rule in rights.rules_for(config, SEE, None)}
    return everybody == {rule.key for rule in rights.rules_for(config, SEE, target)}


def visible_to(config: Config, person: Person) -> Config:
    """The configuration with the environments that this person may see: what lists and suggestions are made of."""
    visible = {name: each for name, each in config.environments.items() if sees(config, person, name)}
    return config if len(visible) == len(config.environments) else config.model_copy(update={"environments": visible})


def check_may(config: Config, person: Person, need: Need, target: Target | None) -> None:
    """Raises Denied unless this person has the right on the target; without a target, on any."""
    if may(config, person, need, target):
        return
    where = f" in {target.name}" if target else ""
    refusal = f"You may not {_DOING[need.right].format(command=need.command or 'that')}{where}"
    if need.right in rights.OPERATORS_MAY and not allowed(replace(person, account=""), _of_everybody(config)):
        refusal = "You may not run Signalbox's commands here"
    check_allowed(person, rights.people_of(rights.rules_for(config, need, target)), refusal)


def _of_everybody(config: Config) -> Sequence[str]:
    """All who have any right beside that of approvers."""
    roles = (person for role in config.access.roles.values() for person in role.people)
    return (*config.access.operators, *roles)


def check_allowed(person: Person, rules: Sequence[str], refusal: str) -> None:
    """Raises Denied, which begins with `refusal`, unless a rule names this person; a group that cannot be read names itself."""
    if allowed(person, rules):
        return
    if allowed(replace(person, account=""), rules):
        raise Denied(f"{refusal}: {person.account}. Nothing was done.")
    unreadable = [group for group in person.unreadable if f"{GROUP}{group}" in rules]
    if not unreadable:
        raise Denied(f"{refusal}; {in_words(rules)} may.")
    codes = {person.unreadable[group] for group in unreadable}
    verdicts = {verdict(code) for code in codes}
    remedy = " ".join(text for about, text in _REMEDIES if verdicts & about)
    groups = ", ".join(f"{kit.group(group)} ({group})" for group in unreadable)
    raise Denied(
        f"I could not look up in Slack who is in {groups}: {', '.join(sorted(codes))}. "
        f"Without it I cannot tell whether you may do this, so nothing was done. {remedy}"
    )


def environment_of(config: Config, name: str) -> Environment:
    """The environment of an operation, with or without a lane. Raises Denied if it was removed from the configuration."""
    name = targets.without_lane(name)
    if name not in config.environments:
        raise Denied(f"{name} is no longer in the configuration; nothing changed.")
    return config.environments[name]


def target_of(config: Config, name: str) -> Target:
    """The target of an operation. Raises Denied if it was removed from the configuration."""
    target = targets.find_target(config, name)
    if target is None:
        raise Denied(f"{name} is no longer in the configuration; nothing changed.")
    return target


def required_approvals(config: Config, target: Target, asked: Need, *, at_least: int) -> int:
    """The number of required approvals; an apply always takes at least one, even where none is configured."""
    emergency = asked.right == "emergency"
    return max(config.access.emergency.approvals if emergency else target.approval.required, at_least)


def check_may_approve(config: Config, target: Target, person: Person, requester: str, asked: Need) -> None:
    """Raises Denied unless this person may approve there what `requester` asked for."""
    check_allowed(person, rights.deciders(config, asked, target), f"You may not approve for {target.name}")
    if person.id == requester and not _counts_requester(config, target, asked):
        raise Denied(f"You asked for this yourself, and {target.name} wants somebody else to approve it.")


def _counts_requester(config: Config, target: Target, asked: Need) -> bool:
    if asked.right == "emergency":
        return config.access.emergency.approvals == 0
    return target.approval.requester_may_approve or target.approval.required == 0


def depends_on_unreadable(person: Person, rules: Sequence[str]) -> bool:
    """Whether one of these rules may name this person by a group that Slack gives no members of."""
    return not person.account and any(f"{GROUP}{group}" in rules for group in person.unreadable)


def check_may_reject(config: Config, target: Target, person: Person, requester: str, asked: Need) -> None:
    """Raises Denied unless this person may reject or cancel: the approvers, and the requester."""
    if person.id != requester or person.account:
        check_allowed(person, rights.deciders(config, asked, target), f"You may not decide for {target.name}")


def approvers_in_words(config: Config, target: Target, requester: str, asked: Need) -> str:
    """Who may approve what `requester` asked for, in Slack's mentions."""
    rules = rights.deciders(config, asked, target)
    # The members of a usergroup are unknown here.
    concerned = any(rule.startswith(GROUP) or rule == requester for rule in rules)
    free = _counts_requester(config, target, asked)
    if free or not concerned:
        return in_words(rules)
    others = [rule for rule in rules if rule != requester]
    members = any(rule.startswith(GROUP) for rule in others)
    return f"{in_words(others)} except {kit.user(requester)}" if members else in_words(others)


def is_named(config: Config, person: Person) -> bool:
    """Whether any rule of the configuration names this person, whose account may act."""
    return allowed(person, _all_rules(config))


def people_named(config: Config) -> frozenset[str]:
    """All user ids in the configuration."""
    return frozenset(rule for rule in _all_rules(config) if not rule.startswith(GROUP))


def groups_named(config: Config) -> frozenset[str]:
    """All usergroup ids in the configuration."""
    return frozenset(rule.removeprefix(GROUP) for rule in _all_rules(config) if rule.startswith(GROUP))


def _all_rules(config: Config) -> Sequence[str]:
    rules = [
        *_of_everybody(config),
        *config.access.approvers,
        *config.access.emergency.reviewers,
        *(config.images_approval.approvers or ()),
    ]
    for images in config.builds.values():
        rules += images.approval.approvers or ()
    for environment in config.environments.values():
        rules += environment.approval.approvers or ()
    return rules


def mentions(rules: Sequence[str], *, but: str) -> list[str]:
    """The mentions of the people and groups that these rules name, without this person."""
    return [in_words([rule]).removeprefix("anyone of ") for rule in rules if rule != but]


def is_user(actor: str) -> bool:
    """Whether an actor is a person in Slack, rather than a schedule or somebody at GitHub."""
    return re.fullmatch("[UW][A-Z0-9]+", actor, re.ASCII) is not None


def in_words(rules: Sequence[str]) -> str:
    """The people whom these rules name, in Slack's mentions."""
    people = [kit.group(rule.removeprefix(GROUP)) if rule.startswith(GROUP) else kit.user(rule) for rule in rules]
    if len(people) == 1 and not rules[0].startswith(GROUP):
        return people[0]
    return f"anyone of {', '.join(people)}" if people else "nobody"
