"""Who is in which group: looked up, remembered for a short while, never guessed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.access.accounts import Account
from bot.access.directory import CACHE_SECONDS, TIMEOUT, Directory
from bot.access.policy import Person
from bot.slack.web_api import ChatError
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from bot.access.accounts import Accounts
    from bot.slack.client import Chat


class Groups:
    """Slack's answer to who is in a group; it can fail, or never come."""

    def __init__(self, **members: list[str]) -> None:
        self.members = members
        self.fails = False
        self.refused: dict[str, str] = {}  # by group
        self.takes = 0.1
        self.asked = 0

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        assert method == "usergroups.users.list"
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.fails:
            raise ChatError(method, "internal_error")
        if arguments["usergroup"] in self.refused:
            raise ChatError(method, self.refused[arguments["usergroup"]])
        return {"users": self.members[arguments["usergroup"]]}


class Members:
    """Accounts that may all act."""

    async def account(self, *_: object) -> Account:
        return Account("")

    def forget(self) -> None:
        """Nothing is kept."""


def directory_of(groups: Groups) -> Directory:
    return Directory(cast("Chat", groups), groups.members, now, cast("Accounts", Members()))


def test_people_have_the_groups_they_are_in() -> None:
    async def go() -> list[Person]:
        directory = directory_of(Groups(S1=["U1", "U2"], S2=["U2"]))
        return [await directory.person(user) for user in ("U1", "U2", "U3")]

    assert run_virtually(go()) == [
        Person("U1", frozenset({"S1"})),
        Person("U2", frozenset({"S1", "S2"})),
        Person("U3", frozenset()),
    ]


def test_before_an_effect_slack_is_asked_again_at_once() -> None:
    async def go() -> list[frozenset[str]]:
        groups = Groups(S1=["U1"])
        directory = directory_of(groups)
        before = await directory.person("U1")
        groups.members["S1"] = []
        cached = await directory.person("U1")
        directory.forget()
        return [before.groups, cached.groups, (await directory.person("U1")).groups]

    assert run_virtually(go()) == [frozenset({"S1"}), frozenset({"S1"}), frozenset()]


def test_many_questions_at_once_are_asked_once() -> None:
    async def go() -> int:
        groups = Groups(S1=["U1"], S2=[])
        directory = directory_of(groups)
        await asyncio.gather(*(directory.person("U1") for _ in range(50)))
        return groups.asked

    assert run_virtually(go()) == 2


def test_whoever_was_taken_out_has_the_rights_for_half_a_minute_at_most() -> None:
    async def go() -> list[bool]:
        groups = Groups(S1=["U1"])
        directory = directory_of(groups)
        result = [bool((await directory.person("U1")).groups)]
        groups.members["S1"] = []
        result.append(bool((await directory.person("U1")).groups))
        await asyncio.sleep(CACHE_SECONDS + 0.01)
        result.append(bool((await directory.person("U1")).groups))
        return result

    assert run_virtually(go()) == [True, True, False]


@pytest.mark.parametrize("how", ["fails", "is silent"])
def test_without_an_answer_nothing_is_guessed(how: str) -> None:
    async def go() -> tuple[Person, float, Person]:
        groups = Groups(S1=["U1"])
        directory = directory_of(groups)
        await directory.person("U1")
        await asyncio.sleep(CACHE_SECONDS + 1)
        groups.fails, groups.takes = how == "fails", 0.1 if how == "fails" else 60
        began = now()
        unknown = await directory.person("U1")
        took = now() - began
        groups.fails, groups.takes = False, 0.1
        return unknown, took, await directory.person("U1")

    unknown, took, later = run_virtually(go())
    assert unknown.groups == frozenset()
    assert unknown.unreadable == {"S1": "internal_error" if how == "fails" else "no_answer"}
    assert took <= TIMEOUT + 0.01
    assert later == Person("U1", frozenset({"S1"}))


def test_many_questions_while_slack_is_silent_all_end_in_time() -> None:
    async def go() -> float:
        groups = Groups(S1=["U1"], S2=["U1"])
        groups.takes, began = 60, now()
        directory = directory_of(groups)
        await asyncio.gather(*(directory.person("U1") for _ in range(50)))
        return now() - began

    assert run_virtually(go()) <= TIMEOUT + 0.01


@given(
    st.dictionaries(
        st.sampled_from(["S1", "S2", "S3", "S4"]), st.sets(st.sampled_from(["U1", "U2", "U3"])), min_size=1
    ),
    st.dictionaries(st.sampled_from(["S1", "S2", "S3", "S4"]), st.sampled_from(["no_such_subteam", "internal_error"])),
)
def test_a_group_that_cannot_be_read_changes_nothing_about_the_others(
    members: dict[str, set[str]], refused: dict[str, str]
) -> None:
    async def go(user: str) -> Person:
        groups = Groups(**{group: sorted(users) for group, users in members.items()})
        groups.refused = refused
        return await directory_of(groups).person(user)

    for user in ("U1", "U2", "U3"):
        person = run_virtually(go(user))
        assert person.groups == {group for group in members if user in members[group] and group not in refused}
        assert person.unreadable == {group: refused[group] for group in members if group in refused}


def test_a_group_that_does_not_exist_is_not_asked_for_at_each_command(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> int:
        groups = Groups(S1=[])
        groups.refused = {"S1": "no_such_subteam"}
        directory = directory_of(groups)
        for _ in range(20):
            await directory.person("U1")
        return groups.asked

    assert run_virtually(go()) == 1
    assert "user group S1 cannot be read: no_such_subteam" in caplog.text


def test_without_groups_nobody_is_asked() -> None:
    groups = Groups()
    assert run_virtually(directory_of(groups).person("U1")) == Person("U1", frozenset())
    assert groups.asked == 0
