"""Pure: whether a person may run or approve something now. The default is to refuse."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.config import targets
from bot.errors import Denied
from bot.slack.blocks import kit
from bot.slack.errors import Verdict, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.config import Config, Environment
    from bot.config.targets import Target

GROUP = "usergroup:"
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


def check_may_use(config: Config, person: Person) -> None:
    """Raises Denied unless this person may run commands at all."""
    check_allowed(person, config.access.operators, "You may not run Signalbox's commands here")


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


def required_approvals(target: Target, *, at_least: int) -> int:
    """The number of required approvals; an apply always takes at least one, even where none is configured."""
    return max(target.approval.required, at_least)


def check_may_approve(config: Config, target: Target, person: Person, requester: str) -> None:
    """Raises Denied unless this person may approve what `requester` requested there."""
    rules = approver_rules(config, target)
    check_allowed(person, rules, f"You may not approve for {target.name}")
    nobody_else_needed = target.approval.required == 0
    if person.id == requester and not (target.approval.requester_may_approve or nobody_else_needed):
        raise Denied(f"You asked for this yourself, and {target.name} wants somebody else to approve it.")


def depends_on_unreadable(config: Config, target: Target, person: Person) -> bool:
    """Whether this person may be an approver by a group that Slack gives no members of."""
    return any(f"{GROUP}{group}" in approver_rules(config, target) for group in person.unreadable)


def check_may_reject(config: Config, target: Target, person: Person, requester: str) -> None:
    """Raises Denied unless this person may reject or cancel: the approvers, and the requester."""
    if person.id != requester or person.account:
        check_allowed(person, approver_rules(config, target), f"You may not decide for {target.name}")


def approver_rules(config: Config, target: Target) -> Sequence[str]:
    """Who may approve: the target's own approvers, else those of `access`.

    Where no approval is required and no approver is configured, everyone who may run commands may approve.
    """
    own = target.approval.approvers
    named = config.access.approvers if own is None else own
    return named or (config.access.operators if target.approval.required == 0 else ())


def approvers_in_words(config: Config, target: Target, requester: str) -> str:
    """Who may approve what `requester` requested, in Slack's mentions."""
    rules = approver_rules(config, target)
    free = target.approval.requester_may_approve or target.approval.required == 0
    # The members of a usergroup are unknown here.
    concerned = any(rule.startswith(GROUP) or rule == requester for rule in rules)
    return in_words(rules) if free or not concerned else f"{in_words(rules)} except {kit.user(requester)}"


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
    rules = [*config.access.operators, *config.access.approvers, *(config.images_approval.approvers or ())]
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
