"""Emergencies: who may declare one, what it passes, and its review."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from bot.access.rights import EMERGENCY
from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.operations.emergencies import OF, REVIEW_KIND
from bot.operations.registry import Click
from bot.store.approvals import Outcome
from bot.store.closures import Closure, ClosureKind
from bot.store.operations import Request
from handlers.deploy import command as deploy
from handlers.operation import approve, emergency
from handlers.plan import command as plan
from tests.unit.handlers.conftest import CHANNELS, FILE, SUNDAY, Desk, filled, pressed, sent_off, typed

if TYPE_CHECKING:
    from bot.config import Config
    from bot.store.approvals import Approval

ACCESS = 'access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]}'


def config(approvals: int = 1) -> Config:
    roles = "roles: {incident: {people: [U0ANA, U0BEA], may: [emergency], environments: [prod]}}"
    operators = 'operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]'
    text = f"access: {{{operators}, {roles}, emergency: {{approvals: {approvals}}}}}"
    return read_config(FILE.replace(ACCESS, text))


@pytest.fixture
def burning(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setitem(CHANNELS, "#gone", "C0PROD")
    desk.config, desk.now = config(), SUNDAY
    return desk


async def test_a_deploy_and_a_plan_begin_with_the_reason_in_their_request(burning: Desk) -> None:
    await deploy.handle(burning.services, typed("prod! v1 because it burns"))
    await plan.handle(burning.services, typed("prod! because it burns"))
    assert [(each.kind, each.title, each.arguments) for each in burning.engine.begun] == [
        ("deploy", "EMERGENCY: Deploy v1 to prod", {"ref": "v1", EMERGENCY: "it burns"}),
        ("plan", "EMERGENCY: Plan for prod", {EMERGENCY: "it burns"}),
    ]
    assert not plan.chosen(burning.engine.begun[1].arguments).variables


@pytest.mark.parametrize("user", ["U0LEE", "U0GUS"])
@pytest.mark.parametrize("text", ["prod! because it burns", "staging! because it burns"])
async def test_only_the_role_may_and_only_where_it_is_for(burning: Desk, user: str, text: str) -> None:
    for command in (deploy, plan):
        with pytest.raises(Denied, match="You may not"):
            await command.handle(burning.services, typed(text, user))
    assert not burning.engine.begun
    assert {action for _, action in await burning.audit_log()} == {"refused"}


async def test_whoever_may_is_offered_the_window_and_nobody_else(burning: Desk) -> None:
    for user, actions in (("U0ANA", ["start-later", "declare-emergency"]), ("U0LEE", ["start-later"])):
        answer = await deploy.handle(burning.services, typed("prod v1", user))
        assert answer is not None
        assert [button["action_id"] for button in answer.blocks[1]["elements"]] == actions


def click(user: str, value: str = "/deploy prod v1") -> Click:
    return Click(user, "C0OPS", "1.0", "declare-emergency", value, "1.2", "", typed("").registry)


async def test_the_window_asks_for_the_reason_and_begins_it(burning: Desk) -> None:
    await emergency.declare(burning.services, click("U0ANA"))
    await filled()
    (view,) = burning.chat.views
    submission = replace(sent_off(reason=" it  burns "), private_metadata=view["private_metadata"])
    assert await emergency.declared(burning.services, submission) == {}
    assert burning.engine.begun[0].arguments == {"ref": "v1", EMERGENCY: "it burns"}
    assert await emergency.declared(burning.services, replace(submission, values={"reason": " "})) != {}
    stranger = replace(submission, user="U0LEE")
    assert "You may not" in (await emergency.declared(burning.services, stranger))["reason"]
    assert len(burning.engine.begun) == 1


async def asked(desk: Desk, requester: str = "U0ANA", required: int = 1) -> Approval:
    request = Request(
        "key 1", "deploy", "prod", requester, "EMERGENCY", "C0PROD", {"ref": "main", EMERGENCY: "it burns"}
    )
    await desk.operations.create(request)
    return await desk.asked("prod", requester=requester, required=required, channel="C0PROD")


@pytest.mark.parametrize("user", ["U0LEE", "U0BEA"])
async def test_one_other_person_approves_it_outside_of_the_window(burning: Desk, user: str) -> None:
    approval = await asked(burning)
    with pytest.raises(Denied, match="You asked for this yourself"):
        await approve.approve(burning.services, pressed(approval, "U0ANA"))
    await approve.approve(burning.services, pressed(approval, user))
    assert (await burning.approvals.get(approval.id)).outcome is Outcome.APPROVED


async def test_with_no_approvals_the_role_decides_alone(burning: Desk) -> None:
    burning.config = config(approvals=0)
    approval = await asked(burning)
    await approve.approve(burning.services, pressed(approval, "U0ANA"))
    assert (await burning.approvals.get(approval.id)).outcome is Outcome.APPROVED


async def test_a_review_is_confirmed_by_approvers_and_not_by_its_requester(burning: Desk) -> None:
    await burning.operations.create(
        Request("key 1", "deploy", "prod", "U0LEE", "EMERGENCY", "C0PROD", {"ref": "main", EMERGENCY: "x"})
    )
    number = await burning.operations.create(
        Request("key 2", REVIEW_KIND, "prod/review 1", "signalbox", "Review", "C0OPS", {OF: "1"})
    )
    await burning.operations.set_message(number, "C0OPS", "2.0")
    for user in ("U0ANA", "U0LEE", "U0GUS"):
        with pytest.raises(Denied):
            await emergency.confirm(burning.services, Click(user, "C0OPS", "2.0", "x", str(number), "1.2", ""))
    await emergency.confirm(burning.services, Click("U0MAX", "C0OPS", "2.0", "x", str(number), "1.2", ""))
    assert await burning.annotations.values_of(number, emergency.REVIEWED_BY) == ("U0MAX",)
    assert burning.engine.woken == [number]


async def test_the_whole_environment_with_stacks_takes_no_emergency(burning: Desk) -> None:
    with pytest.raises(UserError, match="needs a reason"):
        await plan.handle(burning.services, typed("prod!"))


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  -- the zone is given below
    zone=st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Auckland", "Asia/Kolkata"]),
)
def test_the_next_working_day_is_a_later_day_of_the_week_at_nine(at: datetime, zone: str) -> None:
    begun = at.replace(tzinfo=UTC).timestamp()
    due = datetime.fromtimestamp(emergency.next_working_day(begun, ZoneInfo(zone)), ZoneInfo(zone))
    local = datetime.fromtimestamp(begun, ZoneInfo(zone))
    assert (due.hour, due.minute) == (9, 0)
    assert due.weekday() < 5
    assert 1 <= (due.date() - local.date()).days <= (3 if local.weekday() == 4 else 2 if local.weekday() == 5 else 1)


@pytest.mark.parametrize("text", ["prod! later because it burns", "prod! v1 later because it burns"])
async def test_an_emergency_does_not_start_later(burning: Desk, text: str) -> None:
    with pytest.raises(UserError, match="An emergency starts now"):
        await deploy.handle(burning.services, typed(text))
    assert not burning.engine.begun


async def test_an_emergency_that_a_lock_stops_offers_neither_a_later_start_nor_another(burning: Desk) -> None:
    lock = Closure(ClosureKind.LOCK, "prod", "U0MAX", "migration", burning.now, burning.now + 60)
    await burning.services.closures.close(lock, lambda _: None)
    answer = await deploy.handle(burning.services, typed("prod! because it burns"))
    assert answer is not None
    assert "is locked by" in answer.text
    assert not [block for block in answer.blocks if block["type"] == "actions"]
    assert not burning.engine.begun


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ("operators: [U0ANA], approvers: [U0ANA]", ("U0ANA",)),
        ("operators: [U0ANA, U0BEA], approvers: [U0ANA]", ("U0ANA", "U0BEA")),
        ("operators: [U0BEA], approvers: [U0ANA]", ("U0BEA",)),
        ("operators: [U0BEA], approvers: [U0LEE]", ("U0LEE",)),
        ("operators: [U0BEA], approvers: [U0LEE], emergency: {reviewers: [U0ANA]}", ("U0LEE",)),
        ("operators: [U0BEA], approvers: [U0LEE], emergency: {reviewers: [U0MAX]}", ("U0MAX",)),
    ],
)
async def test_somebody_can_review_each_emergency(burning: Desk, access: str, expected: tuple[str, ...]) -> None:
    burning.config = read_config(
        FILE.replace(ACCESS, f"access: {{{access}}}")
        .replace("required: 1", "required: 0")
        .replace("required: 2", "required: 0")
    )
    number = await burning.operations.create(
        Request("key 1", "deploy", "prod", "U0ANA", "EMERGENCY", "C0PROD", {"ref": "main", EMERGENCY: "x"})
    )
    record = await burning.operations.verified(number)
    rules = emergency.reviewers(burning.services, burning.config.environments["prod"], record)
    assert rules == expected
    review = await burning.operations.create(
        Request("key 2", REVIEW_KIND, "prod/review 1", "signalbox", "Review", "C0OPS", {OF: str(number)})
    )
    await burning.operations.set_message(review, "C0OPS", "2.0")
    reviewer = next((each for each in rules if each != "U0ANA"), "U0ANA")
    press = Click(reviewer, "C0OPS", "2.0", "emergency-seen", str(review), "1.2", "", typed("").registry)
    await emergency.confirm(burning.services, press)
    assert await burning.services.annotations.values_of(review, "seen by") == (reviewer,)
