"""Direct messages: for those who chose them, in place of a mention, after their quiet hours, once each."""

from __future__ import annotations

import asyncio
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.operations import notices
from bot.operations.delivery import Delivery
from bot.operations.reach import HOUR, quiet_for, reach
from bot.store.approvals import ApprovalRequest, Outcome
from bot.store.operations import Status
from bot.store.preferences import Preference
from tests.unit.bot.operations.posting_world import HOME, Killed, World, says, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.store.approvals import Approval

ANA, LEE, MAX = "U0ANA", "U0LEE", "U0MAX"
GROUPS = ("usergroup:S0LEADS", "usergroup:S0INFRA")


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


async def asked(world: World) -> Approval:
    """Those who may approve (lee and max) are asked."""
    request = ApprovalRequest(
        operation=1, environment="staging", binding="b" * 64, requester=ANA, channel=HOME, message_ts="", required=2,
        expires_after=3_600.0,
    )  # fmt: skip
    approval = await world.services.approvals.create(request)
    record = await world.services.operations.get(1)
    await notices.ask_approvers(world.services, record, approval, says("waits for approval"))
    await delivered(world)
    return approval


async def delivered(world: World) -> None:
    for _ in range(3):
        try:
            await Delivery(world.services).deliver_due()
        except Killed:
            world.start_again()
            world.clock.now += 1_000


def notified(world: World, piece: str = "") -> dict[str, list[str]]:
    """By person, how they were notified."""
    people = dict[str, list[str]]()
    for each in world.slack.workspace.notifications:
        if piece in each.text and each.why != "thread":
            people.setdefault(each.person, []).append(each.why)
    return people


async def test_who_chose_direct_messages_gets_one_and_is_not_mentioned(world: World) -> None:
    await world.services.preferences.change(LEE, turn=True)
    await asked(world)
    assert notified(world, "waits for approval") == {LEE: ["direct"], MAX: ["mention"]}
    message = world.slack.workspace.channels["D0LEE"].messages[-1]
    assert "Decide until" in message.rendered
    assert any("/archives/" in link for link in message.links)


@pytest.mark.parametrize("kill_at", range(2, 14))
async def test_a_kill_at_any_moment_neither_doubles_nor_loses_it(world: World, kill_at: int) -> None:
    await world.services.preferences.change(LEE, turn=True)
    world.calls, world.kill_at = 0, kill_at
    await asked(world)
    assert notified(world, "waits for approval") == {LEE: ["direct"], MAX: ["mention"]}


async def test_one_that_was_decided_meanwhile_is_not_sent(world: World) -> None:
    await world.services.preferences.change(LEE, turn=True, quiet=_quiet_now(world))
    approval = await asked(world)
    await world.services.approvals.decide(approval.id, MAX, Outcome.REJECTED)
    world.clock.now += 2 * HOUR
    await delivered(world)
    assert notified(world, "waits for approval") == {MAX: ["mention"]}


async def test_it_waits_for_the_end_of_quiet_hours(world: World) -> None:
    await world.services.preferences.change(LEE, turn=True, quiet=_quiet_now(world))
    await asked(world)
    assert notified(world, "waits for approval") == {MAX: ["mention"]}
    world.clock.now += HOUR
    await delivered(world)
    assert notified(world, "waits for approval") == {LEE: ["direct"], MAX: ["mention"]}


async def test_somebody_is_mentioned_where_everybody_has_quiet_hours(world: World) -> None:
    for person in (LEE, MAX):
        await world.services.preferences.change(person, turn=True, quiet=_quiet_now(world))
    await asked(world)
    assert notified(world, "waits for approval") == {LEE: ["mention"], MAX: ["mention"]}


async def test_the_requester_hears_the_end_as_they_chose(world: World) -> None:
    await world.services.preferences.change(ANA, ended=True)
    record = await world.services.operations.get(1)
    await notices.report_end(world.services, record, Status.FAILED, says("failed now"))
    await delivered(world)
    assert notified(world, "failed now") == {ANA: ["direct"]}
    replies = world.slack.workspace.channels[HOME].replies(record.message_ts or "")
    assert [reply.buttons for reply in replies] == [["Plan again"]], "the button is in the thread"


async def test_what_is_alarming_mentions_everybody(world: World) -> None:
    for person in (ANA, LEE):
        await world.services.preferences.change(person, turn=True, ended=True, quiet=_quiet_now(world))
    record = await world.services.operations.get(1)
    await notices.report_end(world.services, record, Status.INTERRUPTED, says("interrupted now"))
    await delivered(world)
    assert notified(world, "interrupted now") == {ANA: ["mention"], LEE: ["mention"], MAX: ["mention"]}


async def test_where_slack_takes_no_direct_message_they_are_mentioned(world: World) -> None:
    await world.services.preferences.change(LEE, turn=True)
    world.slack.workspace.users[LEE].deleted = True  # conversations.open refuses it
    await asked(world)
    assert "D0LEE" not in world.slack.workspace.channels
    assert any("waits for approval" in each.text for each in world.slack.workspace.channels[HOME].all_messages)
    assert (await world.services.outbox.claim(1)) is None


RULES = st.lists(st.sampled_from([ANA, LEE, MAX, *GROUPS]), unique=True, min_size=1)
CHOSEN = st.sets(st.sampled_from([ANA, LEE, MAX]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=RULES, chosen=CHOSEN, but=st.sampled_from([ANA, LEE, ""]), everybody=st.booleans())
def test_everybody_is_reached_and_nobody_twice(rules: list[str], chosen: set[str], but: str, everybody: bool) -> None:
    groups = {"S0LEADS": {LEE, MAX}, "S0INFRA": {ANA, LEE, MAX}}
    services = _Services(groups, chosen)
    reached = asyncio.run(reach(cast("Any", services), rules, but=but, direct=everybody))
    named = {person for rule in rules for person in groups.get(rule.removeprefix("usergroup:"), {rule})}
    mentioned = list[str]()
    for mention in reached.mentions:
        group = next((name for name in groups if name in mention), None)
        mentioned += groups[group] if group else [next(each for each in (ANA, LEE, MAX) if each in mention)]
    assert {*mentioned, *reached.direct} - {but} == named - {but}
    assert not set(reached.direct) & set(mentioned), "somebody is notified in two ways"
    assert but not in reached.direct
    assert set(reached.direct) == (named if everybody else named & chosen) - {but}


class _Services:
    """Groups, and who chose direct messages; nobody has quiet hours."""

    def __init__(self, groups: dict[str, set[str]], chosen: set[str]) -> None:
        self.groups, self.chosen = groups, chosen
        self.preferences = self.directory = self

    def clock(self) -> float:
        return 0.0

    async def of(self, people: list[str]) -> dict[str, Any]:
        return {person: Preference(turn=person in self.chosen) for person in people}

    async def members(self, group: str) -> frozenset[str]:
        return frozenset(self.groups[group])

    async def zone(self, _: str) -> tzinfo:
        return UTC


@pytest.mark.parametrize(("offset", "held"), [(0, 1), (-8, 9), (9, 0)])
async def test_quiet_hours_are_those_of_the_persons_time_zone(world: World, offset: int, held: int) -> None:
    world.clock.now = 1_700_000_000 - 1_700_000_000 % 86_400 + 6 * HOUR  # 06:00 UTC
    cast("Any", world.services.directory).offsets[LEE] = offset * 3_600
    await world.services.preferences.change(LEE, quiet=(22, 7))
    assert await quiet_for(world.services, LEE) == held * HOUR


def _quiet_now(world: World) -> tuple[int, int]:
    hour = int(world.clock.now // HOUR) % 24
    return hour, (hour + 1) % 24
