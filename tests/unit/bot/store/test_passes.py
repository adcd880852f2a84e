"""Letting something go first excludes a decision, a cancel and a second pass; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied
from bot.store.annotations import Annotations
from bot.store.approvals import ApprovalRequest, Approvals, Outcome
from bot.store.database import Store
from bot.store.operations import Operations, Request, Status
from bot.store.passes import LETS_PASS, PASSES, Passes

if TYPE_CHECKING:
    import sqlalchemy as sa

    from bot.store.approvals import Approval
    from tests.unit.bot.conftest import Clock

CROWD = [f"U{number:03}" for number in range(50)]


async def queue(store: Store, clock: Clock, followers: int = 1) -> Approval:
    """A plan that waits for one approval, and operations that are queued behind it."""
    operations = Operations(store, clock)
    for number in range(1 + followers):
        await operations.create(Request(f"key {number}", "plan", "staging", "U0ANA", "Plan", "C0", {}))
    await operations.set_status(1, Status.APPROVAL)
    request = ApprovalRequest(1, "staging", "b" * 64, "U0ANA", "C0", "1.0", required=1, expires_after=3_600)
    return await Approvals(store, clock).create(request)


def nothing(_: sa.Connection) -> None:
    """No record."""


@pytest.mark.parametrize("first", range(3))
async def test_fifty_at_once_decide_once_or_pass_once(url: str, store: Store, clock: Clock, first: int) -> None:
    made = await queue(store, clock, followers=5)
    other = Store(url, store.keyring)

    async def press(number: int, person: str) -> str:
        used = (store, other)[number % 2]
        match (number + first) % 3:
            case 0:
                try:
                    return (await Approvals(used, clock).decide(made.id, person, Outcome.APPROVED)).outcome.value
                except Denied:
                    return ""
            case 1:
                return "passed" if await Passes(used, clock).let_pass(1, 2 + number % 5, nothing) else ""
            case _:
                return "cancelled" if await Operations(used, clock).cancel_queued(2 + number % 5, person) else ""

    results = await asyncio.gather(*(press(number, person) for number, person in enumerate(CROWD)))
    other.close()
    closing = [result for result in results if result in ("approved", "passed")]
    assert len(closing) <= 1, closing
    outcome = (await Approvals(store, clock).get(made.id)).outcome.value
    assert outcome == (closing[0] if closing else "pending")
    passers = await Annotations(store, clock).values_of(1, LETS_PASS)
    assert len(passers) == (closing == ["passed"])
    for passer in passers:
        assert await Annotations(store, clock).values_of(int(passer), PASSES) == ("1",)


async def test_votes_stay_and_there_is_time_again(store: Store, clock: Clock) -> None:
    made = await queue(store, clock)
    approvals, passes = Approvals(store, clock), Passes(store, clock)
    assert await passes.let_pass(1, 2, nothing)
    assert not await passes.let_pass(1, 2, nothing)
    with pytest.raises(Denied, match="Something else goes first"):
        await approvals.decide(made.id, "U0LEE", Outcome.APPROVED)
    clock.now += 7_200
    assert (await approvals.get(made.id)).outcome is Outcome.PASSED, "its time passes while it cannot be decided"
    for _ in range(2):
        await passes.resume(1, 3_600)
        assert (await approvals.get(made.id)).expires_at == clock.now + 3_600
    assert (await approvals.decide(made.id, "U0LEE", Outcome.APPROVED)).outcome is Outcome.APPROVED
    await passes.resume(1, 3_600)
    assert (await approvals.get(made.id)).outcome is Outcome.APPROVED, "a decision was opened again"


async def test_what_has_expired_or_begun_passes_nothing(store: Store, clock: Clock) -> None:
    await queue(store, clock, followers=2)
    operations, passes = Operations(store, clock), Passes(store, clock)
    await operations.start(2)
    assert not await passes.let_pass(1, 2, nothing)
    assert await operations.cancel_queued(3, "U0LEE")
    assert not await passes.let_pass(1, 3, nothing)
    assert not await passes.let_pass(1, 9, nothing)
    await operations.set_status(2, Status.WAITING)
    clock.now += 3_600
    assert not await passes.let_pass(1, 2, nothing)
