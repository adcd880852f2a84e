"""Who is in which group: looked up, remembered for a short while, never guessed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.directory import CACHE_SECONDS, TIMEOUT, Directory
from bot.access.policy import Person
from bot.errors import UserError
from bot.slack.web_api import ChatError
from tests.virtual_time import now, run_virtually

if TYPE_CHECKING:
    from bot.slack.client import Chat


class Groups:
    """Slack's answer to who is in a group; it can fail, or never come."""

    def __init__(self, **members: list[str]) -> None:
        self.members = members
        self.fails = False
        self.takes = 0.1
        self.asked = 0

    async def query(self, method: str, **arguments: Any) -> dict[str, Any]:
        assert method == "usergroups.users.list"
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.fails:
            raise ChatError(method, "internal_error")
        return {"users": self.members[arguments["usergroup"]]}


def directory_of(groups: Groups) -> Directory:
    return Directory(cast("Chat", groups), groups.members, now)


def test_people_have_the_groups_they_are_in() -> None:
    async def go() -> list[Person]:
        directory = directory_of(Groups(S1=["U1", "U2"], S2=["U2"]))
        return [await directory.person(user) for user in ("U1", "U2", "U3")]

    assert run_virtually(go()) == [
        Person("U1", frozenset({"S1"})),
        Person("U2", frozenset({"S1", "S2"})),
        Person("U3", frozenset()),
    ]


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
    async def go() -> tuple[str, float, Person]:
        groups = Groups(S1=["U1"])
        directory = directory_of(groups)
        await directory.person("U1")
        await asyncio.sleep(CACHE_SECONDS + 1)
        groups.fails, groups.takes = how == "fails", 0.1 if how == "fails" else 60
        began = now()
        with pytest.raises(UserError) as refused:
            await directory.person("U1")
        took = now() - began
        groups.fails, groups.takes = False, 0.1
        return str(refused.value), took, await directory.person("U1")

    rendered, took, later = run_virtually(go())
    assert "could not look up in Slack" in rendered
    assert took <= TIMEOUT + 0.01
    assert later.groups == {"S1"}


def test_without_groups_nobody_is_asked() -> None:
    groups = Groups()
    assert run_virtually(directory_of(groups).person("U1")) == Person("U1", frozenset())
    assert groups.asked == 0
