"""Notices: who must act and who requested it are mentioned in a new post, once each; nobody else is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.access import policy
from bot.config import read
from bot.operations import notices
from bot.operations.delivery import Delivery
from bot.store.annotations import SUPERSEDED_BY
from bot.store.approvals import ApprovalRequest, Outcome
from bot.store.operations import Status
from tests.unit.bot.operations.lifecycle_world import FILE
from tests.unit.bot.operations.posting_world import HEAD, HOME, Killed, World, says, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.store.approvals import Approval
    from sandbox.slack import Notification

REQUESTER, APPROVERS = "U0ANA", ["U0LEE", "U0MAX"]
ENDED = [status for status in Status if status.ended]


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


async def approval_of(world: World) -> Approval:
    request = ApprovalRequest(
        operation=1, environment="staging", binding="b" * 64, requester=REQUESTER, channel=HOME, message_ts="",
        required=2, expires_after=3_600.0,
    )  # fmt: skip
    return await world.services.approvals.create(request)


async def delivered(world: World) -> None:
    """Deliver in a process that may be killed, which is started again until it is done; its claim runs out meanwhile."""
    for _ in range(3):
        try:
            await Delivery(world.services).deliver_due()
        except Killed:
            world.start_again()
            world.clock.now += 1_000


def mentions(world: World, piece: str) -> list[Notification]:
    notified = world.slack.workspace.notifications
    return [each for each in notified if each.why == "mention" and piece in each.text]


def people(world: World, piece: str) -> list[str]:
    return sorted(each.person for each in mentions(world, piece))


async def ended(world: World, status: Status) -> None:
    record = await world.services.operations.get(1)
    await notices.report_end(world.services, record, status, says(f"{status.value} now"))
    await delivered(world)


@pytest.mark.parametrize("kill_at", [None, *range(2, 12)])
async def test_those_who_may_approve_are_notified_once_whenever_the_bot_is_killed(
    world: World, kill_at: int | None
) -> None:
    record, approval = await world.services.operations.get(1), await approval_of(world)
    world.calls, world.kill_at = 0, kill_at
    await notices.ask_approvers(world.services, record, approval, says("waits for approval"))
    await delivered(world)
    assert people(world, "waits for approval") == APPROVERS
    (post,) = {each.ts for each in mentions(world, "waits for approval")}
    posted = world.slack.workspace.channels[HOME].find(post)
    assert posted
    assert posted.broadcast
    assert posted.thread_ts == record.message_ts
    assert any("/archives/" in link for link in posted.links)


async def test_a_question_that_was_decided_meanwhile_is_not_posted(world: World) -> None:
    record, approval = await world.services.operations.get(1), await approval_of(world)
    await notices.ask_approvers(world.services, record, approval, says("waits for approval"))
    await world.services.approvals.decide(approval.id, "U0LEE", Outcome.REJECTED)
    await delivered(world)
    assert people(world, "waits for approval") == []
    assert (await world.services.outbox.claim(1)) is None


@pytest.mark.parametrize("status", ENDED)
async def test_the_requester_is_notified_of_each_end_once(world: World, status: Status) -> None:
    await ended(world, status)
    await ended(world, status)
    interrupted = status is Status.INTERRUPTED
    assert people(world, f"{status.value} now") == [REQUESTER, *(APPROVERS if interrupted else ())]
    (post,) = {each.ts for each in mentions(world, "now")}
    posted = world.slack.workspace.channels[HOME].find(post)
    assert posted
    assert posted.broadcast is interrupted


async def test_the_requester_reads_who_rejected_it_and_why_and_nobody_else_is_mentioned(world: World) -> None:
    approval = await approval_of(world)
    await world.services.approvals.decide(approval.id, "U0LEE", Outcome.REJECTED, reason="No <b>, & not <@U0MAX>")
    await ended(world, Status.REJECTED)
    (notified,) = mentions(world, "rejected now")
    assert notified.person == REQUESTER
    posted = world.slack.workspace.channels[HOME].find(notified.ts)
    assert posted
    assert "rejected now. Rejected by lee: “No <b>, & not <@U0MAX>”." in posted.rendered


@pytest.mark.parametrize("status", ENDED)
async def test_what_may_be_requested_again_has_a_button_for_that(world: World, status: Status) -> None:
    await ended(world, status)
    (post,) = {each.ts for each in mentions(world, "now")}
    posted = world.slack.workspace.channels[HOME].find(post)
    assert posted
    assert posted.buttons == (["Plan again"] if status in notices.REPEATABLE else [])


async def test_what_is_worse_than_a_failure_notifies_the_approvers_in_the_channel(world: World) -> None:
    record = await world.services.operations.get(1)
    await notices.report_end(world.services, record, Status.FAILED, says("2 were destroyed"), alarming=True)
    await delivered(world)
    assert people(world, "2 were destroyed") == [REQUESTER, *APPROVERS]
    (post,) = {each.ts for each in mentions(world, "2 were destroyed")}
    posted = world.slack.workspace.channels[HOME].find(post)
    assert posted
    assert posted.broadcast


async def test_who_cancelled_rejected_or_replaced_it_is_not_told_what_they_know(world: World) -> None:
    services = world.services
    await services.operations.request_cancel(1, REQUESTER)
    await ended(world, Status.CANCELLED)
    approval = await approval_of(world)
    await services.approvals.decide(approval.id, REQUESTER, Outcome.REJECTED)
    await ended(world, Status.REJECTED)
    await services.annotations.add(1, SUPERSEDED_BY, str(await world.second_operation()))
    await ended(world, Status.SUPERSEDED)
    assert mentions(world, "now") == []


async def test_what_a_schedule_began_notifies_nobody_of_its_end(world: World) -> None:
    record = replace(await world.services.operations.get(1), requester="signalbox")
    await notices.report_end(world.services, record, Status.SUCCEEDED, says("succeeded now"))
    await delivered(world)
    assert mentions(world, "now") == []


PEOPLE = st.lists(st.sampled_from(["U0ANA", "U0LEE", "U0MAX", "usergroup:S0LEADS", "usergroup:S0INFRA"]), unique=True)


@given(rules=PEOPLE, required=st.integers(0, 3), requester=st.sampled_from(["U0ANA", "U0LEE", "signalbox"]))
def test_exactly_those_whom_the_rules_name_are_asked_and_never_the_requester_alone(
    rules: list[str], required: int, requester: str
) -> None:
    if required:  # a configuration that nobody could approve is refused
        rules = list(dict.fromkeys([*rules, "usergroup:S0INFRA"]))
    listed = "{approvers: [" + ", ".join(f'"{rule}"' for rule in rules) + f"], required: {required}" + "}"
    config = read(FILE.replace("{required: 2, expires_after: 1s}", listed), "signalbox.yaml")
    services, record = cast("Any", type("Services", (), {"config": config})), record_of(requester)
    asked = " ".join(notices._who_decides(services, record))
    named = rules or (["U0ANA"] if required == 0 else [])
    expected = {rule.removeprefix("usergroup:") for rule in named} - {requester}
    if required == 0 and policy.is_user(requester):
        expected = {requester}
    assert {name for name in ("U0ANA", "U0LEE", "U0MAX", "S0LEADS", "S0INFRA") if name in asked} == expected


def record_of(requester: str) -> Any:
    fields = {"kind": "deploy", "arguments": {}, "environment": HEAD.environment, "requester": requester}
    return type("Record", (), fields)
