"""What goes first, on the real engine: whatever people press, one operation of a queue acts at a time and none is lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied, UserError
from bot.operations import going_first
from bot.slack.blocks import common
from bot.store.annotations import SUPERSEDED_BY
from bot.store.approvals import Outcome
from bot.store.operations import Status
from tests.unit.bot.operations.lifecycle_world import World, succeed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Record, Request

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow("plays queues on the real engine"),
]


@pytest.fixture(autouse=True)
def what_ended_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    del quick
    monkeypatch.setattr(going_first, "POLL", 0.02)


@dataclass
class Play:
    """A queue that people press in; `acting` are the operations that do something now."""

    world: World
    acting: set[int] = field(default_factory=set)
    acted: list[int] = field(default_factory=list)

    async def act(self, number: int) -> None:
        """What must not happen beside another operation of the queue."""
        assert not self.acting, f"#{number} acts beside {self.acting}"
        self.acting.add(number)
        await asyncio.sleep(0.02)
        self.acting.discard(number)
        self.acted.append(number)

    async def work(self, operation: Operation) -> None:
        await operation.step("work", lambda: self.act(operation.number))
        await succeed(operation)

    async def plan(self, operation: Operation) -> None:
        await operation.step("plan", lambda: self.act(operation.number))
        approval = await operation.approved("b" * 64, 1, lambda view: self._ask(operation, view))
        while approval.outcome == Outcome.PASSED:
            passer = await going_first.give_way(operation)
            await going_first.wait_until_ended(operation, passer)
            await operation.step("open again", lambda: self.world.services.passes.resume(operation.number, 3_600))
            approval = await operation.approved("b" * 64, 1, lambda view: self._ask(operation, view))
        if approval.outcome == Outcome.APPROVED:
            await operation.step("apply", lambda: self.act(operation.number))
        status = Status.SUCCEEDED if approval.outcome == Outcome.APPROVED else Status(approval.outcome)
        await operation.end(status, common.short_message(operation.head, status.value, "over"))

    async def begin_plan(self) -> Request:
        return await self.world.begin(self.plan, kind="plan")

    @staticmethod
    def _ask(operation: Operation, view: ApprovalView) -> Message:
        return common.short_message(operation.head, "approval", f"{view.outcome}")

    async def open(self) -> tuple[Record, ...]:
        return await self.world.services.operations.open_in("dev")

    async def go_first(self, passer: Record) -> bool:
        services = self.world.services
        try:
            holder = await going_first.passable(services, passer)
        except UserError:
            return False
        return await going_first.let_pass(services, holder, passer, "U0LEE")

    async def decide(self, holder: Record, outcome: Outcome) -> None:
        services = self.world.services
        approval = await services.approvals.pending_of(holder.number)
        if approval:
            try:
                await services.approvals.decide(approval.id, "U0LEE", outcome)
            except Denied:
                return
            await services.engine.wake(holder.number)

    async def press(self, random: Random) -> None:
        queue = await self.open()
        if not queue:
            return
        chosen = random.choice(queue)
        match random.choice(["pass", "pass", "approve", "reject", "cancel", "wait"]):
            case "pass":
                await self.go_first(chosen)
            case "approve":
                await self.decide(queue[0], Outcome.APPROVED)
            case "reject":
                await self.decide(queue[0], Outcome.REJECTED)
            case "cancel":
                if await self.world.services.operations.cancel_queued(chosen.number, "U0LEE"):
                    await going_first.supersede(self.world.services, "dev")
            case _:
                await asyncio.sleep(0.1)

    async def finish(self) -> None:
        """Approve whatever asks until all that was begun has ended."""
        for _ in range(1_000):
            queue = await self.open()
            if not queue and await self.world.all_ended():
                return
            for asking in queue:
                await self.decide(asking, Outcome.APPROVED)
            await asyncio.sleep(0.05)
        raise AssertionError(f"lost: {await self.open()}")


async def test_the_next_in_the_queue_passes_a_plan_which_is_open_again_afterwards(world: World) -> None:
    play = Play(world)
    plan = await world.until(await play.begin_plan(), Status.APPROVAL)
    deploy = await world.until(await world.begin(play.work), Status.WAITING)
    later = await world.until(await world.begin(play.work), Status.WAITING)
    assert not await play.go_first(later), "it is not the next"
    assert await play.go_first(deploy)
    assert not await play.go_first(deploy)
    for _ in range(500):
        if deploy.number in play.acted and await world.services.approvals.pending_of(plan.number):
            break
        await asyncio.sleep(0.02)
    assert play.acted == [plan.number, deploy.number]
    assert (await world.services.operations.get(later.number)).status is Status.WAITING
    await play.finish()
    assert play.acted == [plan.number, deploy.number, plan.number, later.number]


async def test_a_queued_plan_supersedes_only_as_the_next(world: World) -> None:
    play, services = Play(world), world.services
    first = await world.until(await play.begin_plan(), Status.APPROVAL)
    between = await world.until(await world.begin(play.work, requester="U0LEE"), Status.WAITING)
    request = await play.begin_plan()
    newer = await world.until(request, Status.WAITING)
    assert await services.approvals.pending_of(first.number), "it was superseded before the other's turn"
    assert await services.operations.cancel_queued(between.number, "U0LEE")
    await going_first.supersede(services, "dev")
    assert await services.annotations.values_of(first.number, SUPERSEDED_BY) == (str(newer.number),)
    await world.until(request, Status.APPROVAL)
    assert (await services.operations.get(first.number)).status is Status.SUPERSEDED
    await play.finish()


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_people_press_one_acts_at_a_time_and_none_is_lost(world: World, seed: int) -> None:
    play, random = Play(world), Random(seed)  # noqa: S311  -- the presses of a test
    begun = []
    for _ in range(7):
        begun.append(await (play.begin_plan() if random.random() < 0.5 else world.begin(play.work)))
        for _ in range(random.randrange(4)):
            await play.press(random)
    await play.finish()
    for request in begun:
        record = await world.until(request, *(status for status in Status if status.ended))
        assert record.ended_at is not None
    assert not play.acting
