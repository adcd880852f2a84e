"""Queued operations: one at a time in order, and their messages display what they wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bot.operations import outgoing
from bot.operations.delivery import Delivery
from bot.slack.blocks import common
from bot.store.operations import Request, Status
from tests.unit.bot.operations.lifecycle_world import ATTEMPTS, World, succeed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from bot.slack.client import Posted


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_one_at_a_time_in_order_and_those_in_line_are_told_for_what(world: World) -> None:
    gate, order = asyncio.Event(), list[int]()

    async def hold(operation: Operation) -> None:
        order.append(operation.number)
        await operation.show(
            "busy", common.short_message(operation.head, "running", "busy"), Status.RUNNING, "is <busy>"
        )
        await gate.wait()
        await succeed(operation)

    async def follow(operation: Operation) -> None:
        order.append(operation.number)
        await succeed(operation)

    first = await world.begin(hold)
    ahead = await world.until(first, Status.RUNNING)
    followers = []
    for _ in range(3):
        followers.append(await world.begin(follow))
        await world.until(followers[-1], Status.WAITING)
    outside = await world.until(await world.begin(follow, "staging"), Status.SUCCEEDED)
    waiting = await world.until(followers[0], Status.WAITING)
    for _ in range(ATTEMPTS):
        if "queued behind" in world.chat.says.get(waiting.message_ts or "", ""):
            break
        await asyncio.sleep(0.02)
        waiting = await world.until(followers[0], Status.WAITING)
    assert f"queued behind #{ahead.number} (Test {first.key}, requested by @ana)" in world.said_of(waiting)
    gate.set()
    ended = [await world.until(follower, Status.SUCCEEDED) for follower in followers]
    assert order == [ahead.number, outside.number, *sorted(item.number for item in ended)]


async def test_who_waits_is_told_as_soon_as_the_one_ahead_does_something_else(world: World) -> None:
    moves, gate = asyncio.Event(), asyncio.Event()

    async def hold(operation: Operation) -> None:
        starting = common.short_message(operation.head, "running", "approved")
        await operation.show("approved", starting, Status.RUNNING, "starts")
        await moves.wait()
        await operation.step("work", lambda: operation.set_activity("is deploying"))
        await gate.wait()
        await succeed(operation)

    async def says(request: Request, words: str) -> bool:
        for _ in range(ATTEMPTS):
            record = await world.until(request, Status.WAITING)
            if words in world.chat.says.get(record.message_ts or "", ""):
                return True
            await asyncio.sleep(0.02)
        return False

    await world.until(await world.begin(hold), Status.RUNNING)
    behind = await world.begin(succeed)
    assert await says(behind, "which starts")
    moves.set()
    assert await says(behind, "which is deploying")
    gate.set()
    await world.until(behind, Status.SUCCEEDED)


async def test_one_that_went_on_while_the_message_behind_it_was_posted_is_told_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, post = asyncio.Event(), world.chat.post

    async def hold(operation: Operation) -> None:
        await operation.services.operations.set_status(operation.number, Status.RUNNING, "starts")
        await gate.wait()
        await succeed(operation)

    ahead = await world.until(await world.begin(hold), Status.RUNNING)

    async def slow(channel: str, message: Message, **more: Any) -> Posted:
        await world.services.operations.set_status(ahead.number, Status.RUNNING, "is deploying")
        return await post(channel, message, **more)

    monkeypatch.setattr(world.chat, "post", slow)
    behind = await world.begin(succeed)
    for _ in range(ATTEMPTS):
        record = await world.until(behind, Status.WAITING)
        if "which is deploying" in world.chat.says.get(record.message_ts or "", ""):
            break
        await asyncio.sleep(0.02)
    assert "which is deploying" in world.said_of(record)
    monkeypatch.undo()
    gate.set()
    await world.until(behind, Status.SUCCEEDED)


async def test_one_that_was_withdrawn_while_it_waited_does_not_begin(world: World) -> None:
    gate, began = asyncio.Event(), list[int]()

    async def hold(operation: Operation) -> None:
        await gate.wait()
        await succeed(operation)

    async def body(operation: Operation) -> None:
        began.append(operation.number)
        await succeed(operation)

    await world.until(await world.begin(hold), Status.RUNNING)
    waits = await world.begin(body)
    record = await world.until(waits, Status.WAITING)
    while not record.message_ts:  # only what has a message has the button
        await asyncio.sleep(0.02)
        record = await world.until(waits, Status.WAITING)
    assert await world.services.operations.cancel_queued(record.number, "U0LEE")
    last = await world.begin(body)
    gate.set()
    after = await world.until(last, Status.SUCCEEDED)
    # What was cancelled has its turn as well, and shows in it that it is over.
    await world.until_said(record, "cancelled by @lee before it had begun")
    assert began == [after.number]
    assert (await world.services.operations.get(record.number)).status is Status.CANCELLED


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.operations.posting.QUICK", (0.01,) * 2)
    monkeypatch.setattr("bot.operations.announcement.JUST_ANNOUNCED", 0.0)
    monkeypatch.setattr("bot.operations.announcement.DISPLAY_POLL_INTERVAL", 0.01)


async def queued(world: World) -> tuple[asyncio.Event, Request, Request, list[int]]:
    """An operation that runs until the event, and one that waits for it; the numbers of those that began."""
    gate, began = asyncio.Event(), list[int]()

    async def hold(operation: Operation) -> None:
        await gate.wait()
        await succeed(operation)

    async def follow(operation: Operation) -> None:
        began.append(operation.number)
        await succeed(operation)

    first = await world.begin(hold)
    await world.until(first, Status.RUNNING)
    second = await world.begin(follow)
    for _ in range(ATTEMPTS):
        if (await world.until(second, Status.WAITING)).message_ts:
            break
        await asyncio.sleep(0.02)
    return gate, first, second, began


async def test_while_slack_is_away_the_turn_passes_and_nothing_begins_unseen(world: World, quick: None) -> None:
    gate, first, second, began = await queued(world)
    world.chat.away = True
    gate.set()
    ended = await world.until(first, Status.SUCCEEDED)
    record = await world.until(second, Status.WAITING)
    for _ in range(ATTEMPTS):
        if (await world.services.outbox.backlog()).count == 2:
            break
        await asyncio.sleep(0.02)
    assert await world.services.outbox.waits(record.number, outgoing.MESSAGE), "the turn has not passed on"
    assert not began
    world.chat.away = False
    await Delivery(world.services).deliver_due()
    await world.until(second, Status.SUCCEEDED)
    assert began == [record.number]
    await world.until_said(ended, "all done")
    await world.until_said(record, "all done")


async def test_one_that_waits_to_be_seen_can_be_withdrawn(world: World, quick: None) -> None:
    gate, _, second, began = await queued(world)
    world.chat.away = True
    gate.set()
    record = await world.until(second, Status.WAITING)
    while not await world.services.outbox.waits(record.number, outgoing.MESSAGE):  # noqa: ASYNC110  -- a row
        await asyncio.sleep(0.02)
    assert await world.services.operations.cancel_queued(record.number, "U0LEE")
    world.services.queue_display.cancelled(world.services, record)
    await world.services.queue_display.drawn()
    world.chat.away = False
    await Delivery(world.services).deliver_due()
    await world.until_said(record, "cancelled by @lee")
    await world.until(await world.begin(succeed), Status.SUCCEEDED)
    assert not began


async def test_an_announcement_waits_for_slack_and_the_operation_for_it(world: World, quick: None) -> None:
    world.chat.away = True
    request = await world.begin(succeed)
    record = await world.until(request, Status.WAITING)
    await asyncio.sleep(0.1)
    record = await world.until(request, Status.WAITING)
    assert record.message_ts is None
    world.chat.away = False
    await world.until_said(await world.until(request, Status.SUCCEEDED), "all done")


async def test_the_next_begins_while_the_messages_of_the_queue_are_not_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, _, second, _ = await queued(world)
    third = await world.begin(succeed)
    await world.until(third, Status.WAITING)
    await world.services.queue_display.drawn()
    held = asyncio.Event()

    async def hold(*_: object) -> None:
        await held.wait()

    monkeypatch.setattr("bot.operations.queue.deliver_once", hold)
    gate.set()
    await world.until(second, Status.SUCCEEDED)
    await world.until(third, Status.SUCCEEDED)
    held.set()
    await world.services.queue_display.drawn()
