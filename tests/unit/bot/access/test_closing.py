"""Locks, freezes and windows: whom they refuse, and that the refusal names all of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from bot.access import closing
from bot.access.policy import Person
from bot.errors import Denied
from bot.slack.blocks.markup import opened
from bot.store.closures import EVERYTHING, Closure, ClosureKind
from tests.unit.bot.access.test_policy import CONFIG, env

LOCK, FREEZE = ClosureKind.LOCK, ClosureKind.FREEZE
OPEN = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)  # in prod's window
SHUT = datetime(2026, 3, 6, 18, 0, tzinfo=UTC)
PEOPLE = ("U0ANA", "U0LEE")
CLOSURES = st.builds(
    Closure,
    st.sampled_from(ClosureKind),
    st.sampled_from(["dev", "staging", "prod", EVERYTHING]),
    st.sampled_from(PEOPLE),
    st.sampled_from(["migration", "incident"]),
    st.just(1_000_000.0),
    st.sampled_from([None, 2e9]),
)


@given(
    closures=st.lists(CLOSURES, max_size=5),
    name=st.sampled_from(["dev", "staging", "prod"]),
    person=st.sampled_from(PEOPLE),
    now=st.sampled_from([OPEN, SHUT]),
)
def test_a_change_needs_an_open_window_no_freeze_and_no_lock_of_another(
    closures: list[Closure], name: str, person: str, now: datetime
) -> None:
    frozen = any(each.kind is FREEZE and each.target in (name, EVERYTHING) for each in closures)
    locked = any(each.kind is LOCK and each.target in (name, EVERYTHING) and each.person != person for each in closures)
    shut = name == "prod" and now == SHUT
    closed = closing.obstacles(env(name), now, closures, person)
    assert {obstacle.kind for obstacle in closed} == {
        kind for kind, holds in (("freeze", frozen), ("lock", locked), ("window", shut)) if holds
    }
    if not closed:
        closing.check_open(env(name), now, closures, person)
        return
    with pytest.raises(Denied) as refused:
        closing.check_open(env(name), now, closures, person)
    assert all(obstacle.text in str(refused.value) for obstacle in closed)


def test_a_refusal_says_who_why_and_what_ends_it() -> None:
    freeze = Closure(FREEZE, EVERYTHING, "U0LEE", "release week", 1_772_452_800.0, 1_772_552_800.0)
    [obstacle] = closing.obstacles(env("dev"), OPEN, [freeze], "U0LEE")
    assert opened(obstacle.text) == (
        "dev is frozen (everything is frozen) by <@U0LEE> since <!date^1772452800^{date_short_pretty} {time}|2026-03-02 "
        "12:00 UTC> until <!date^1772552800^{date_short_pretty} {time}|2026-03-03 15:46 UTC>: release week. Plans and checks "
        "still run; /infra unfreeze all allows changes again."
    )


@pytest.mark.parametrize(
    ("kind", "person", "closes", "reopens"),
    [
        (LOCK, Person("U0ANA", frozenset({"S0INFRA"})), True, False),
        (LOCK, Person("U0LEE", frozenset({"S0INFRA", "S0APPROVERS"})), True, True),
        (FREEZE, Person("U0ANA", frozenset({"S0INFRA"})), False, False),
        (FREEZE, Person("U0LEE", frozenset({"S0INFRA", "S0APPROVERS"})), True, True),
        (LOCK, Person("U0EVE", frozenset()), False, False),
        (
            FREEZE,
            Person("U0LEE", frozenset({"S0INFRA", "S0APPROVERS"}), account="your account is a guest's"),
            False,
            False,
        ),
    ],
)
def test_operators_lock_and_approvers_freeze_and_open(
    kind: ClosureKind, person: Person, closes: bool, reopens: bool
) -> None:
    target = env("prod")
    assert _may(closing.check_may_close, target, person, kind) is closes
    assert _may(closing.check_may_reopen, target, person, kind, "U0MAX") is reopens
    assert _may(closing.check_may_reopen, target, person, kind, person.id) is bool(person.groups and not person.account)


def _may(check: object, *given: object) -> bool:
    try:
        check(CONFIG, *given)  # type: ignore[operator]
    except Denied:
        return False
    return True
