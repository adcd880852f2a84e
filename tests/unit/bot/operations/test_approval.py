"""Approvals of operations on the real engine: a decision wakes the operation, time ends it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.slack.blocks import common, kit
from bot.store.approvals import Outcome
from bot.store.operations import Status
from tests.unit.bot.operations.lifecycle_world import World, succeed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from bot.store.approvals import Approval
    from tests.unit.bot.operations.lifecycle_world import Workflow


CHECKS = 24 * 60  # of a day, one a minute

pytestmark = pytest.mark.asyncio(loop_scope="module")


def asking(required: int, observed: list[str]) -> Workflow:
    async def body(operation: Operation) -> None:
        view = await operation.approved(
            f"binding of {operation.number}", required, lambda item: _open(operation, item, observed)
        )
        observed.append(view.outcome)
        await succeed(operation)

    return body


def _open(operation: Operation, view: common.ApprovalView, observed: list[str]) -> Message:
    observed.append(f"{view.id} {len(view.votes)}")
    buttons = common.decision_buttons(view, approve="Approve", question="Sure?")
    return kit.message("open", [buttons, common.approval_lines(view), common.requester_block(operation.head)])


async def test_an_approval_wakes_the_operation_and_votes_are_shown(world: World) -> None:
    observed: list[str] = []
    request = await world.begin(asking(2, observed))
    record = await world.until(request, Status.APPROVAL)
    approval_id = observed[0].split()[0]
    for person in ("U0LEE", "U0MAX"):
        displayed = len(observed)
        await world.services.approvals.decide(approval_id, person, Outcome.APPROVED)
        await world.services.engine.wake(record.number)
        while len(observed) == displayed:  # noqa: ASYNC110  -- the next vote comes after this one is displayed
            await asyncio.sleep(0.02)
    await world.until(request, Status.SUCCEEDED)
    assert observed == [f"{approval_id} 0", f"{approval_id} 1", "approved"]


async def test_an_approval_that_nobody_gives_expires_by_itself(world: World) -> None:
    observed: list[str] = []
    began = time.monotonic()
    await world.until(await world.begin(asking(1, observed), "staging"), Status.SUCCEEDED)
    assert observed[-1] == "expired"
    assert time.monotonic() - began >= 1
    assert any(line.entry.action == "expired" for line in await world.services.audit.read(newest=5))


async def test_a_message_that_somebody_deletes_while_it_waits_is_posted_again_with_its_buttons(world: World) -> None:
    observed: list[str] = []
    request = await world.begin(asking(1, observed))
    before = await world.until(request, Status.APPROVAL)
    await asyncio.sleep(0.3)
    world.chat.delete(before.message_ts or "")
    await world.services.engine.wake(before.number)  # as each minute does
    for _ in range(200):
        after = await world.services.operations.get(before.number)
        if after.message_ts != before.message_ts:
            break
        await asyncio.sleep(0.02)
    text = world.said_of(after)
    assert "[Approve]" in text
    assert "was deleted" in text
    await world.services.approvals.decide(observed[0].split()[0], "U0LEE", Outcome.APPROVED)
    await world.services.engine.wake(before.number)
    await world.until(request, Status.SUCCEEDED)
    await world.until_said(after, "all done")


async def test_a_day_of_waiting_stores_a_few_rows_and_notices_what_nothing_announces(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.operations.approval.CHECK_INTERVAL", 0.001)
    checks, enough, get = 0, asyncio.Event(), world.services.approvals.get

    async def counted(approval_id: str) -> Approval:
        nonlocal checks
        checks += 1
        if checks >= CHECKS:
            enough.set()
        return await get(approval_id)

    monkeypatch.setattr(world.services.approvals, "get", counted)
    observed: list[str] = []
    record = await world.until(await world.begin(asking(1, observed)), Status.APPROVAL)
    await enough.wait()
    assert await rows_of(world, record.number) < 50
    # Nothing wakes the operation: its own checks find the decision.
    await world.services.approvals.decide(observed[0].split()[0], "U0LEE", Outcome.APPROVED)
    await world.until_said(record, "all done")
    assert await rows_of(world, record.number) < 50


async def rows_of(world: World, number: int) -> int:
    """How many rows the engine's tables have about an operation."""
    metadata = sa.MetaData()

    def work(connection: sa.Connection) -> int:
        metadata.reflect(connection)
        keys = [
            column
            for table in metadata.tables.values()
            for column in table.columns
            if column.name in ("workflow_uuid", "destination_uuid")
        ]
        assert len(keys) > 2
        counts = [sa.select(sa.func.count()).where(key == f"operation-{number}") for key in keys]
        return sum(connection.scalar(count) or 0 for count in counts)

    return await world.services.operations._store.run(work)
