"""A deploy that its checks forbade: tried again, or asked for all the same by somebody who may, for exactly that commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied, UserError
from bot.operations.registry import Click, Submission
from bot.store.operations import Record, Request, Status
from handlers.deploy import override_checks
from handlers.deploy.checks import OVERRIDDEN_COMMIT, OVERRIDE_REASON, REFUSED
from handlers.deploy.commit_views import REASON
from tests.unit.handlers.conftest import refusal_of

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

SHA = "a1b2c3d4" * 5
WORD = {OVERRIDDEN_COMMIT: "f" * 40, OVERRIDE_REASON: "an older one"}


async def refused(desk: Desk, environment: str = "staging", **arguments: str) -> Record:
    """A deploy that ended because the checks of SHA were not green."""
    title = f"Deploy stable to {environment}"
    request = Request("first", "deploy", environment, "U0ANA", title, "C0STAGING", {"ref": "stable", **arguments})
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    await desk.annotations.add(number, REFUSED, SHA)
    await desk.operations.set_status(number, Status.FAILED)
    return await desk.operations.get(number)


def press(record: Record, user: str) -> Click:
    return Click(user, "C0STAGING", record.message_ts or "", "x", str(record.number), "1.2", "")


def reason(record: Record, user: str, text: str = "The fix for the outage") -> Submission:
    return Submission(user, REASON, str(record.number), {"reason": text}, "key")


async def test_it_is_tried_again_once_and_as_any_other(desk: Desk) -> None:
    record = await refused(desk, **WORD)
    await override_checks.try_again(desk.services, press(record, "U0LEE"))
    (begun,) = desk.engine.begun
    assert (begun.kind, begun.requester, begun.title) == ("deploy", "U0LEE", "Deploy stable to staging")
    assert begun.arguments == {"ref": "stable"}, "a word that was given for another commit holds no longer"
    await desk.operations.create(begun)
    with pytest.raises(UserError, match="begun anew from this message already"):
        await override_checks.try_again(desk.services, press(record, "U0LEE"))


async def test_guests_may_not_try_again(desk: Desk) -> None:
    record = await refused(desk)
    with pytest.raises(Denied):
        await override_checks.try_again(desk.services, press(record, "U0GUS"))
    assert not desk.engine.begun


async def test_whoever_may_approve_gives_a_reason_and_it_holds_for_that_commit(desk: Desk) -> None:
    record = await refused(desk)
    await override_checks.ask_reason(desk.services, press(record, "U0LEE"))
    assert "Why does it go to staging all the same?" in str(desk.chat.views)
    assert await override_checks.override(desk.services, reason(record, "U0LEE", "The fix\nfor  the outage")) == {}
    (begun,) = desk.engine.begun
    assert begun.arguments == {"ref": "stable", OVERRIDDEN_COMMIT: SHA, OVERRIDE_REASON: "The fix for the outage"}
    assert begun.requester == "U0LEE"
    await desk.operations.create(begun)
    faults = await override_checks.override(desk.services, reason(record, "U0MAX"))
    assert "begun anew from this message already" in faults["reason"]


@pytest.mark.parametrize("text", ["", "  \n "])
async def test_no_reason_is_none(desk: Desk, text: str) -> None:
    record = await refused(desk)
    assert "Say why" in (await override_checks.override(desk.services, reason(record, "U0LEE", text)))["reason"]
    assert not desk.engine.begun


async def test_a_long_reason_is_cut(desk: Desk) -> None:
    record = await refused(desk)
    await override_checks.override(desk.services, reason(record, "U0LEE", "x" * 3_000))
    assert len(desk.engine.begun[0].arguments[OVERRIDE_REASON]) == 300


async def test_who_may_not_approve_may_not_say_so(desk: Desk) -> None:
    record = await refused(desk)
    asked = override_checks.ask_reason(desk.services, press(record, "U0GUS"))
    assert "You may not approve for staging" in await refusal_of(desk, asked)
    assert not desk.chat.views
    faults = await override_checks.override(desk.services, reason(record, "U0GUS"))
    assert "You may not approve for staging" in faults["reason"]
    await desk.refused_attempts.flush()
    assert await desk.audit_log() == [("U0GUS", "click refused"), ("U0GUS", "click refused")]
    assert not desk.engine.begun


async def test_whoever_asked_first_may_not_where_another_must_approve(desk: Desk) -> None:
    title, arguments = "Deploy main to prod", {"ref": "main"}
    number = await desk.operations.create(Request("p", "deploy", "prod", "U0LEE", title, "C0STAGING", arguments))
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    await desk.annotations.add(number, REFUSED, SHA)
    record = await desk.operations.get(number)
    asked = override_checks.ask_reason(desk.services, press(record, "U0LEE"))
    assert "wants somebody else to approve it" in await refusal_of(desk, asked)


async def test_a_deploy_that_was_not_refused_by_its_checks_has_nothing_to_pass_over(desk: Desk) -> None:
    title = "Deploy stable to staging"
    number = await desk.operations.create(Request("o", "deploy", "staging", "U0ANA", title, "C0STAGING", {"ref": "s"}))
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    record = await desk.operations.get(number)
    asked = override_checks.ask_reason(desk.services, press(record, "U0LEE"))
    assert "was not refused by its checks" in await refusal_of(desk, asked)
    faults = await override_checks.override(desk.services, reason(record, "U0LEE"))
    assert "was not refused by its checks" in faults["reason"]


async def test_a_button_of_another_message_does_nothing(desk: Desk) -> None:
    record = await refused(desk)
    other_message = Click("U0LEE", "C0STAGING", "99.0", "x", str(record.number), "1.2", "")
    for button in (override_checks.try_again, override_checks.ask_reason):
        assert "does not belong to this message" in await refusal_of(desk, button(desk.services, other_message))
    assert not desk.engine.begun
