"""Reminders of an open approval: in time, to those who have not decided, each once, whichever process checks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings, strategies as st

from bot.access.policy import Person
from bot.config import read
from bot.operations import notices
from bot.store.approvals import Approval, Outcome, Vote
from bot.store.preferences import Preference
from tests.unit.bot.operations.lifecycle_world import FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.config import Config
    from bot.store.operations import Record

GROUPS = {"S0LEADS": frozenset({"U0LEE", "U0MAX"}), "S0INFRA": frozenset({"U0ANA", "U0LEE", "U0MAX"})}
MINUTE = 60.0


def config_of(approval: str) -> Config:
    return read(FILE.replace("{required: 2, expires_after: 1s}", approval), "signalbox.yaml")


class World:
    """Services whose outbox records what is put there, and remembers what was posted."""

    def __init__(self, config: Config) -> None:
        self.config, self.now = config, 0.0
        self.put: list[tuple[float, str, str]] = []
        self.services = cast(
            "Any",
            SimpleNamespace(
                config=config,
                clock=lambda: self.now,
                directory=self,
                operations=self,
                outbox=self,
                chat=self,
                preferences=self,
            ),
        )
        self.services.outbox = SimpleNamespace(put=self._put)

    async def person(self, user: str) -> Person:
        return Person(user, frozenset(group for group, members in GROUPS.items() if user in members))

    async def members(self, group: str) -> frozenset[str]:
        return GROUPS[group]

    async def of(self, people: Iterable[str]) -> dict[str, Preference]:
        return {person: Preference() for person in people}

    async def side_effects_of(self, _: int) -> tuple[str, ...]:
        return tuple(f"thread {name.partition(' ')[2]}" for _, name, _ in self.put)

    def redacted(self, content: Any) -> Any:
        return content

    async def _put(self, _: int, name: str, _lane: int, content: bytes) -> None:
        self.put.append((self.now, name, content.decode()))

    async def checked(self, approval: Approval, at: float) -> None:
        self.now = at
        await notices.remind(self.services, RECORD, approval)


RECORD = cast(
    "Record",
    SimpleNamespace(
        number=7, kind="plan", arguments={}, title="Plan for staging", environment="staging", requester="U0ANA"
    ),
)


def approval_of(minutes: float, *approved: str) -> Approval:
    votes = tuple(Vote(person, Outcome.APPROVED, 1.0) for person in approved)
    return Approval("a1", 7, "staging", "b", "U0ANA", "C", "1.0", 2, "", Outcome.PENDING, 0.0, minutes * MINUTE, votes)


@settings(deadline=None)
@given(
    minutes=st.integers(1, 90),
    before=st.integers(1, 30),
    checks=st.lists(st.floats(0, 90 * MINUTE), max_size=30),
)
async def test_one_reminder_at_the_first_check_in_the_last_minutes(
    minutes: int, before: int, checks: list[float]
) -> None:
    world = World(config_of(f"{{required: 2, remind_before: {before}m, approvers: ['usergroup:S0LEADS']}}"))
    for at in sorted(checks):
        await world.checked(approval_of(minutes), at)
    due = [at for at in sorted(checks) if at >= (minutes - before) * MINUTE and minutes >= 2 * before]
    assert [(at, name) for at, name, _ in world.put] == [(at, "broadcast reminder a1") for at in due[:1]]


@pytest.mark.parametrize(
    ("rules", "approved", "mentioned"),
    [
        (["usergroup:S0LEADS"], [], {"S0LEADS"}),
        (["usergroup:S0LEADS"], ["U0LEE"], {"U0MAX"}),
        (["usergroup:S0INFRA"], ["U0LEE"], {"U0MAX"}),  # the requester is in the group
        (["U0LEE", "U0MAX", "U0ANA"], ["U0LEE"], {"U0MAX"}),
        (["U0LEE", "U0MAX", "usergroup:S0LEADS"], ["U0LEE"], {"U0MAX"}),
    ],
)
async def test_those_who_have_not_decided_are_reminded(
    rules: list[str], approved: list[str], mentioned: set[str]
) -> None:
    world = World(config_of(f"{{required: 2, approvers: {rules}}}"))
    await world.checked(approval_of(60, *approved), 55 * MINUTE)
    ((_, _, text),) = world.put
    everybody = {"S0LEADS", "S0INFRA", "U0ANA", "U0LEE", "U0MAX"}
    assert {name for name in everybody if name in text} == mentioned
    assert f"needs {2 - len(approved)} approval" in text


async def test_it_escalates_once_to_others() -> None:
    world = World(config_of("{required: 2, escalate: {after: 20m, to: [U0BOSS]}, approvers: ['usergroup:S0LEADS']}"))
    for minute in (5.0, 19.0, 20.0, 21.0, 40.0):
        await world.checked(approval_of(60), minute * MINUTE)
    assert [(at / MINUTE, name, "U0BOSS" in text) for at, name, text in world.put] == [
        (20.0, "broadcast escalation a1", True)
    ]
