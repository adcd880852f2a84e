"""An operation that nobody continues is ended in words, and nothing of it waits for people any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied
from bot.operations.unfinished import end
from bot.slack.blocks import common
from bot.store.approvals import Outcome
from bot.store.operations import Status

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from tests.unit.bot.operations.lifecycle_world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asks(operation: Operation) -> None:
    """A workflow that waits for an approval, which nobody gives."""
    await operation.approved("b" * 64, 1, lambda pending: common.short_message(operation.head, "approval", pending.id))


async def test_the_open_approval_of_what_is_ended_in_words_is_closed(world: World) -> None:
    request = await world.begin(asks)
    record = await world.until(request, Status.APPROVAL)
    approval = await world.services.approvals.of_binding(record.number, "b" * 64)
    assert approval
    await world.services.engine.abandon(record.number)
    await end(world.services, record.number, "Its workflow was ended.")
    assert "stopped: Signalbox cannot continue it" in await world.until_said(record, "stopped")
    assert (await world.services.approvals.get(approval.id)).outcome is Outcome.ENDED
    with pytest.raises(Denied, match="This has ended, and its message says how"):
        await world.services.approvals.decide(approval.id, "U0LEE", Outcome.APPROVED)
