"""An approval that is refused by a window counts when the window opens: once, checked again, and not if anything has changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.rights import LATER_KIND, Need, need_of
from bot.errors import Denied, UserError
from bot.store.approvals import Approval, Outcome
from bot.store.operations import Record, Status
from handlers.operation import approve, approve_later, later
from handlers.shared.closed import APPROVE_LATER
from tests.unit.handlers.conftest import SUNDAY, Desk, pressed
from tests.unit.handlers.directory import GROUPS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message

MONDAY = SUNDAY + 86_400


@pytest.fixture(autouse=True)
def nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """No feature objects: the check of the branch has tests of its own."""
    monkeypatch.setattr("handlers.plan.branch_moves.APPROVAL_CHECKS", ())


@pytest.fixture
async def asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Approval:
    """A plan of prod waits for two approvals on a Sunday, when prod is closed; all channels can be posted to."""
    monkeypatch.setattr("tests.unit.handlers.conftest.CHANNELS", {"#gone": "C0GONE", "#ops": "C0OPS"})
    desk.now = SUNDAY
    return await desk.asked("prod", required=2, expires_after=200_000.0)


class Waiting:
    """The operation that waits for the window, as its workflow has it."""

    def __init__(self, desk: Desk) -> None:
        (self.request,) = desk.engine.begun
        fields = (7, self.request.kind, self.request.environment, self.request.requester, self.request.title)
        self.record = Record(*fields, self.request.arguments, "C0GONE", "7.0", Status.RUNNING, "", desk.now, None)
        self.services = desk.services
        self.target = desk.config.environments["prod"]
        self.head = SimpleNamespace(number=7, title=self.request.title, requester=self.request.requester, reason="")
        self.ended: list[tuple[Status, str]] = []

    async def step(self, _: str, work: Callable[[], Awaitable[Any]]) -> Any:
        await work()  # an interrupted step runs again
        return await work()

    async def end(self, status: Status, message: Message) -> None:
        self.ended.append((status, str(message.text)))

    @property
    def operation(self) -> Operation:
        return cast("Operation", self)


async def offered(desk: Desk, approval: Approval, user: str = "U0LEE") -> Message | None:
    return await approve.approve(desk.services, pressed(approval, user))


async def scheduled(desk: Desk, approval: Approval, user: str = "U0LEE") -> Waiting:
    """This person has pressed the button that the refusal offers."""
    click = pressed(approval, user, action_id=APPROVE_LATER, channel="C0GONE", message_ts="9.9")
    assert await approve_later.press(desk.services, click) is None
    return Waiting(desk)


async def test_the_refusal_offers_the_opening_and_the_approval_counts_then_once(desk: Desk, asked: Approval) -> None:
    message = await offered(desk, asked)
    assert message
    button = next(block for block in message.blocks if block["type"] == "actions")["elements"][0]
    assert (button["text"]["text"], button["value"]) == ("Approve Mon 09:00 UTC", asked.id)
    waiting = await scheduled(desk, asked)
    assert (waiting.record.kind, waiting.request.environment[:11]) == (LATER_KIND, "prod/start ")
    assert need_of(LATER_KIND, waiting.record.arguments) == Need("approve", "/plan")
    assert await later._opens_at(waiting.operation) == MONDAY - 3 * 3_600
    desk.now = MONDAY
    assert await later._opens_at(waiting.operation) == later.OPEN
    await approve_later.end(waiting.operation)
    assert [status for status, _ in waiting.ended] == [Status.SUCCEEDED]
    assert (await desk.approvals.get(asked.id)).approvers == ("U0LEE",)
    assert [action for actor, action in await desk.audit_log() if actor == "U0LEE"] == ["click refused", "approved"]


async def test_who_may_not_approve_is_told_that_and_offered_nothing(desk: Desk, asked: Approval) -> None:
    for user in ("U0ANA", "U0GUS"):
        with pytest.raises(Denied, match="You may not approve for prod"):
            await offered(desk, asked, user)
        with pytest.raises(Denied, match="You may not approve for prod"):
            await scheduled(desk, asked, user)
    assert desk.engine.begun == []


async def test_who_left_the_group_meanwhile_does_not_count(
    desk: Desk, asked: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = await scheduled(desk, asked)
    monkeypatch.setitem(GROUPS, "U0LEE", {"S0INFRA"})
    desk.now = MONDAY
    await approve_later.end(waiting.operation)
    assert waiting.ended[0][0] is Status.FAILED
    assert "not approved: You may not approve for prod" in waiting.ended[0][1]
    assert (await desk.approvals.get(asked.id)).votes == ()


async def test_what_has_changed_since_the_press_does_not_count(desk: Desk, asked: Approval) -> None:
    waiting = await scheduled(desk, asked)
    await desk.annotations.add(1, "branch moved", "c" * 40)
    desk.now = MONDAY
    await approve_later.end(waiting.operation)
    assert waiting.ended == [(Status.FAILED, f"#7 {waiting.request.title}: not approved: {approve_later.CHANGED}")]
    assert (await desk.approvals.get(asked.id)).votes == ()


async def test_what_was_decided_is_not_waited_for(desk: Desk, asked: Approval) -> None:
    waiting = await scheduled(desk, asked)
    assert await later._opens_at(waiting.operation) > desk.now
    await desk.approvals.decide(asked.id, "U0MAX", Outcome.REJECTED)
    assert await later._opens_at(waiting.operation) == later.OPEN
    await approve_later.end(waiting.operation)
    assert "not approved: This was already rejected" in waiting.ended[0][1]


async def test_what_has_to_be_typed_is_not_scheduled(desk: Desk) -> None:
    approval = await desk.asked("prod", required=2, typed_confirmation="prod")
    with pytest.raises(UserError, match="confirmed by typing"):
        await scheduled(desk, approval)
