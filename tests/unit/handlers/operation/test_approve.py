"""A click counts when this person may, on this message, in time; whatever does not is refused, kept, and changes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import Denied, ForgedError, UserError
from bot.operations import authority
from bot.operations.registry import ApprovalCheck, Objection
from bot.slack.blocks import kit
from bot.store.approvals import Approval, Outcome
from bot.store.operations import Request
from handlers.operation import approve
from sandbox.slack.block_kit import check_view
from tests.unit.handlers.conftest import SUNDAY, Desk, pressed, refusal_of, sent_off

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.operations.registry import Click
    from bot.services import Services
    from bot.store.audit import Entry


@pytest.fixture(autouse=True)
def nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """No feature objects: the check of the branch has tests of its own."""

    monkeypatch.setattr("handlers.plan.branch_moves.APPROVAL_CHECKS", ())


async def outcome(desk: Desk, approval: Approval) -> Outcome:
    return (await desk.approvals.get(approval.id)).outcome


async def test_an_approval_is_counted_kept_logged_and_wakes_the_operation(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    approval = await desk.asked()
    with caplog.at_level(logging.INFO):
        await approve.approve(desk.services, pressed(approval))
    assert "operation 1: approved by U0LEE, approved" in caplog.text
    assert await outcome(desk, approval) is Outcome.APPROVED
    assert await desk.audit_log() == [("U0LEE", "approved")]
    assert desk.engine.woken == [1]


async def rejected(desk: Desk, approval: Approval, user: str = "U0LEE", reason: str = "") -> Mapping[str, str]:
    """Send off the modal that Reject opens."""
    return await approve.rejected(desk.services, sent_off(user, approval.id, reason=reason))


@pytest.mark.parametrize("reason", ["", "Not <before> the\n demo & lunch"])
async def test_a_rejection_is_asked_why_and_kept_with_its_reason(desk: Desk, reason: str) -> None:
    approval = await desk.asked()
    await approve.reject(desk.services, pressed(approval, action_id="reject"))
    assert await outcome(desk, approval) is Outcome.PENDING
    (view,) = desk.chat.views
    check_view(view, "modal")
    assert view["private_metadata"] == approval.id
    assert await rejected(desk, approval, reason=reason) == {}
    closed = await desk.approvals.get(approval.id)
    assert (closed.outcome, closed.rejection.reason if closed.rejection else None) == (
        Outcome.REJECTED,
        " ".join(reason.split()),
    )
    (entry,) = await _decisions(desk)
    assert (entry.actor, entry.action, entry.detail.get("reason", "")) == (
        "U0LEE",
        "rejected",
        " ".join(reason.split()),
    )
    assert desk.engine.woken == [1]


async def test_a_rejection_that_is_late_changes_nothing_and_wakes_again(desk: Desk) -> None:
    approval = await desk.asked()
    await approve.reject(desk.services, pressed(approval, action_id="reject"))
    await approve.approve(desk.services, pressed(approval, "U0MAX"))
    assert "already approved" in (await rejected(desk, approval, reason="Too late"))["reason"]
    with pytest.raises(Denied, match="already approved"):  # a button that is still displayed opens no modal
        await refused_by(desk, approve.reject(desk.services, pressed(approval, action_id="reject")))
    assert await outcome(desk, approval) is Outcome.APPROVED
    assert desk.engine.woken == [1, 1, 1]
    assert await desk.audit_log() == [("U0MAX", "approved"), ("U0LEE", "click refused")]


async def refused_by(desk: Desk, work: Awaitable[Any]) -> None:
    """Do it; raises Denied for a refusal that a modal says."""
    if refusal := await refusal_of(desk, work):
        raise Denied(refusal)


async def test_whoever_asked_may_withdraw(desk: Desk) -> None:
    approval = await desk.asked()
    assert await rejected(desk, approval, "U0ANA") == {}
    assert await outcome(desk, approval) is Outcome.REJECTED


async def test_who_may_not_decide_sends_off_nothing(desk: Desk) -> None:
    approval = await desk.asked()
    assert "You may not decide" in (await rejected(desk, approval, "U0GUS", "Because"))["reason"]
    assert (
        "do not know this approval"
        in (await approve.rejected(desk.services, sent_off("U0LEE", "guessed", reason="")))["reason"]
    )
    assert await outcome(desk, approval) is Outcome.PENDING


@pytest.mark.parametrize("call", [approve.approve, approve.reject])
async def test_a_guest_changes_nothing(desk: Desk, call: Callable[[Services, Click], Awaitable[Any]]) -> None:
    approval = await desk.asked()
    with pytest.raises(Denied, match="You may not"):
        await refused_by(desk, call(desk.services, pressed(approval, "U0GUS")))
    assert await outcome(desk, approval) is Outcome.PENDING
    assert await desk.audit_log() == [("U0GUS", "click refused")]
    assert not desk.engine.woken


async def test_the_requester_may_not_where_somebody_else_has_to(desk: Desk) -> None:
    approval = await desk.asked("prod", requester="U0LEE", required=2)
    with pytest.raises(Denied, match="You asked for this yourself"):
        await approve.approve(desk.services, pressed(approval, "U0LEE"))
    assert await outcome(desk, approval) is Outcome.PENDING


@pytest.mark.parametrize("address", [{"channel": "C0OTHER"}, {"message_ts": "2.0"}, {"channel": "", "message_ts": ""}])
async def test_a_click_on_another_message_changes_nothing(desk: Desk, address: dict[str, str]) -> None:
    approval = await desk.asked()
    for call in (approve.approve, approve.reject):
        with pytest.raises(Denied, match="does not belong to this message"):
            await refused_by(desk, call(desk.services, pressed(approval, **address)))
    assert await outcome(desk, approval) is Outcome.PENDING


async def test_an_unknown_button_value_is_said(desk: Desk) -> None:
    approval = await desk.asked()
    with pytest.raises(UserError, match="do not know this approval"):
        await approve.approve(desk.services, pressed(approval, value="guessed"))


async def test_a_second_click_changes_nothing_but_wakes_again(desk: Desk) -> None:
    approval = await desk.asked()
    await approve.approve(desk.services, pressed(approval))
    for person in ("U0LEE", "U0MAX"):
        with pytest.raises(Denied, match="already approved"):
            await approve.approve(desk.services, pressed(approval, person))
    assert desk.engine.woken == [1, 1, 1]
    assert (await desk.approvals.get(approval.id)).approvers == ("U0LEE",)


async def test_the_same_person_twice_is_one_of_two(desk: Desk) -> None:
    approval = await desk.asked("prod", required=2)
    await approve.approve(desk.services, pressed(approval, "U0LEE"))
    with pytest.raises(Denied, match="needs another person"):
        await approve.approve(desk.services, pressed(approval, "U0LEE"))
    await approve.approve(desk.services, pressed(approval, "U0MAX"))
    assert await outcome(desk, approval) is Outcome.APPROVED


async def test_after_its_time_nothing_counts(desk: Desk) -> None:
    approval = await desk.asked()
    desk.now += 3_600
    with pytest.raises(Denied, match="expired"):
        await approve.approve(desk.services, pressed(approval))
    assert await outcome(desk, approval) is Outcome.EXPIRED


async def test_outside_of_the_windows_it_can_be_rejected_but_not_approved(desk: Desk) -> None:
    desk.now = SUNDAY
    approval = await desk.asked("prod", required=2)
    assert "only changed during" in str(await approve.approve(desk.services, pressed(approval)))
    assert await rejected(desk, approval) == {}
    assert await outcome(desk, approval) is Outcome.REJECTED


async def test_an_environment_that_left_the_configuration_takes_no_click(desk: Desk) -> None:
    approval = await desk.asked("gone")
    with pytest.raises(Denied, match="no longer in the configuration"):
        await approve.approve(desk.services, pressed(approval))


async def test_where_a_word_must_be_typed_the_click_alone_counts_nothing(desk: Desk) -> None:
    approval = await desk.asked(typed_confirmation="staging")
    await desk.operations.create(Request("k", "plan", "staging", "U0ANA", "Plan for staging", "C0STAGING", {}))
    await approve.approve(desk.services, pressed(approval))
    assert await outcome(desk, approval) is Outcome.PENDING
    (view,) = desk.chat.views
    check_view(view, "modal")
    assert "*#1 Plan for staging*" in view["blocks"][0]["text"]["text"]
    assert view["private_metadata"] == f"{approval.id} 0"
    faults = await approve.typed(desk.services, sent_off("U0LEE", approval.id, word="prod"))
    assert faults == {"word": "That is not staging. Nothing was approved."}
    assert await approve.typed(desk.services, sent_off("U0LEE", approval.id, word=" staging ")) == {}
    assert await outcome(desk, approval) is Outcome.APPROVED


async def test_a_branch_that_moves_on_while_the_word_is_typed_is_said_before_it_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    approval = await desk.asked(typed_confirmation="staging")
    news = ["main has moved on"]

    async def once(*_: object) -> Objection | None:
        return Objection(kit.message(news.pop(), []), "It has moved.") if news else None

    monkeypatch.setattr("handlers.plan.branch_moves.APPROVAL_CHECKS", (ApprovalCheck(once),))
    faults = await approve.typed(desk.services, sent_off("U0LEE", approval.id, word="staging"))
    assert faults == {"word": "It has moved."}
    assert await outcome(desk, approval) is Outcome.PENDING
    assert await approve.typed(desk.services, sent_off("U0LEE", approval.id, word="staging")) == {}
    assert await outcome(desk, approval) is Outcome.APPROVED


async def test_the_typed_word_is_checked_against_who_types_it(desk: Desk) -> None:
    approval = await desk.asked(typed_confirmation="staging")
    faults = await approve.typed(desk.services, sent_off("U0GUS", approval.id, word="staging"))
    assert "You may not approve" in faults["word"]
    desk.now += 3_600
    faults = await approve.typed(desk.services, sent_off("U0LEE", approval.id, word="staging"))
    assert "expired" in faults["word"]
    faults = await approve.typed(desk.services, sent_off("U0LEE", "guessed", word="staging"))
    assert "do not know this approval" in faults["word"]
    assert await outcome(desk, approval) is Outcome.EXPIRED


async def test_an_approval_is_revoked_until_there_are_enough(desk: Desk) -> None:
    approval = await desk.asked("prod", required=2)
    await approve.approve(desk.services, pressed(approval, "U0LEE"))
    for person in ("U0MAX", "U0ANA"):  # who has not approved
        with pytest.raises(Denied, match="no approval of yours"):
            await approve.revoke(desk.services, pressed(approval, person))
    await approve.revoke(desk.services, pressed(approval, "U0LEE"))
    assert (await desk.approvals.get(approval.id)).approvers == ()
    await approve.approve(desk.services, pressed(approval, "U0MAX"))
    assert await outcome(desk, approval) is Outcome.PENDING
    await approve.approve(desk.services, pressed(approval, "U0LEE"))
    assert await outcome(desk, approval) is Outcome.APPROVED
    with pytest.raises(Denied, match="no approval of yours"):
        await approve.revoke(desk.services, pressed(approval, "U0LEE"))
    approved = await desk.approvals.get(approval.id)
    authority._check_recorded(approved, await _decisions(desk))


async def test_a_revoked_vote_that_somebody_puts_back_is_forged(desk: Desk) -> None:
    approval = await desk.asked("prod", required=1)
    two = await desk.asked("prod", required=2, binding="c" * 64)
    await approve.approve(desk.services, pressed(two, "U0LEE"))
    voted = await desk.approvals.get(two.id)
    await approve.revoke(desk.services, pressed(two, "U0LEE"))
    with pytest.raises(ForgedError, match="does not hold the approval"):
        authority._check_recorded(voted, await _decisions(desk))
    assert approval.id != two.id


async def _decisions(desk: Desk) -> list[Entry]:
    """The entries of the audit log, oldest first."""
    return [line.entry for line in reversed(await desk.audit.read(newest=99))]
