"""Each row of tests/data/policy.md, asked of the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.access import closing, policy
from bot.access.policy import Person
from bot.access.rights import EMERGENCY, Need, effect_of, need_of
from bot.config import read
from bot.config.targets import find_target
from bot.errors import Denied
from tests.unit.bot.access.policy_table import (
    ACCOUNTS,
    DEEDS,
    PEOPLE,
    PLACES,
    SUNDAY,
    WINDOW,
    Row,
    read_table,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.config.targets import Target

from tests.unit.bot.access.policy_table import FILE

CONFIG = read(FILE)
OTHER = "U0OTHER"  # who requested what somebody decides about


def _requests(kind: str, **arguments: str) -> Callable[[Person, Target, datetime], None]:
    def check(person: Person, target: Target, now: datetime) -> None:
        need = need_of(kind, arguments)
        policy.check_may(CONFIG, person, need, target)
        if need.right != "plan":
            closing.check_open(target, now, (), person.id, emergency=need.right == "emergency")

    return check


def _approves(kind: str, *, own: bool = False, **arguments: str) -> Callable[[Person, Target, datetime], None]:
    asked = need_of(kind, arguments)

    def check(person: Person, target: Target, now: datetime) -> None:
        closing.check_open(target, now, (), person.id, emergency=asked.right == "emergency")
        policy.check_may_approve(CONFIG, target, person, person.id if own else OTHER, asked)

    return check


def _rejects(*, own: bool) -> Callable[[Person, Target, datetime], None]:
    def check(person: Person, target: Target, _: datetime) -> None:
        policy.check_may_reject(CONFIG, target, person, person.id if own else OTHER, need_of("deploy", {}))

    return check


EMERGENCIES: Any = {EMERGENCY: "the site is down"}
CHECKS: dict[str, Callable[[Person, Target, datetime], None]] = {
    "see it": lambda person, target, _: policy.check_may(CONFIG, person, policy.SEE, target),
    "plan": _requests("plan"),
    "have their plan applied": lambda person, target, _: policy.check_may(
        CONFIG, person, effect_of("plan", {}, "apply"), target
    ),
    "check a deploy": _requests("deploy", check="check"),
    "deploy": _requests("deploy"),
    "build images": _requests("build"),
    "run tidy": _requests("run", name="tidy"),
    "approve a deploy": _approves("deploy"),
    "approve an apply": _approves("plan"),
    "approve their own apply": _approves("plan", own=True),
    "reject a deploy": _rejects(own=False),
    "cancel their own deploy": _rejects(own=True),
    "release a state lock": _requests("unlock"),
    "deploy in an emergency": _requests("deploy", **EMERGENCIES),
    "approve an emergency": _approves("deploy", **EMERGENCIES),
}


def person_of(who: str) -> Person:
    user, groups = PEOPLE[who]
    account = f"your account is {ACCOUNTS[who]}" if who in ACCOUNTS else ""
    return Person(user, frozenset(groups), account=account)


def may(row: Row, now: datetime) -> bool:
    target = find_target(CONFIG, row.where)
    assert target is not None
    try:
        CHECKS[row.deed](person_of(row.who), target, now)
    except Denied:
        return False
    return True


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("deed", DEEDS)
def test_the_policy_is_what_the_table_says(deed: str, where: str) -> None:
    of_it = [row for row in read_table() if (row.deed, row.where) == (deed, where)]
    result = [Row(row.who, deed, where, may(row, WINDOW), may(row, SUNDAY)) for row in of_it]
    assert result == of_it


def test_the_table_is_what_the_issue_says() -> None:
    assert read_table() == list(rows())
    assert len(read_table()) > 400


def test_nobody_sees_what_no_rule_names() -> None:
    for who in PEOPLE:
        person = person_of(who)
        visible = [place for place in PLACES if policy.sees(CONFIG, person, place)]
        assert visible == [
            row.where for row in read_table() if (row.who, row.deed) == (who, "see it") and row.in_window
        ]
        everything = {"an operator", "a lead", "a planner", "an auditor", "somebody who tidies"}
        assert policy.sees(CONFIG, person, "") is (who in everything)


def test_an_unknown_kind_is_for_those_who_may_use_every_command() -> None:
    target = find_target(CONFIG, "staging")
    need = need_of("a kind of tomorrow", {})
    assert need == Need("run", "")
    may_run = [who for who in PEOPLE if policy.may(CONFIG, person_of(who), need, target)]
    assert may_run == ["an operator", "a lead"]
