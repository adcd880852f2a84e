"""Withdrawing an operation that waits in line: who may, and that it never begins afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied, UserError
from bot.operations.registry import Click
from bot.slack.client import Posted
from bot.store.operations import Request, Status
from handlers.operation import cancel
from tests.unit.bot.drawn import buttons, read

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


async def waiting(desk: Desk, key: str) -> int:
    """The number of an operation that waits in staging's line; its message is "<number>.0"."""
    title = f"Deploy {key} to staging"
    number = await desk.operations.create(Request(key, "deploy", "staging", "U0ANA", title, "C0STAGING", {"ref": key}))
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    return number


def press(number: int, user: str) -> Click:
    return Click(user, "C0STAGING", f"{number}.0", "cancel", str(number), "1.2", "")


@pytest.mark.parametrize("user", ["U0ANA", "U0LEE"])
async def test_one_that_waits_is_withdrawn_at_once_and_never_begins(desk: Desk, user: str) -> None:
    ahead, number, behind = [await waiting(desk, key) for key in ("a", "b", "c")]
    assert await desk.operations.start(ahead)
    desk.now += 42
    answer = await cancel.cancel(desk.services, press(number, user))
    assert answer is not None
    assert f"#{number} is cancelled" in read(answer)
    assert not desk.chat.says, "the person is answered first"
    await desk.queue_display.drawn()
    message = desk.chat.says[Posted("C0STAGING", f"{number}.0")]
    name = {"U0ANA": "ana", "U0LEE": "lee"}[user]
    assert f"cancelled by @{name} before it had begun; nothing was changed" in read(message)
    assert "after 42 s" in read(message)
    assert not buttons(message)
    waiting_message = desk.chat.says[Posted("C0STAGING", f"{behind}.0")]
    assert f"queued behind #{ahead} " in read(waiting_message)
    assert buttons(waiting_message) == ["open-ahead", "cancel"]
    assert not await desk.operations.start(number)
    assert (await desk.operations.get(number)).status is Status.CANCELLED
    assert await desk.audit_log() == [(user, "withdraw"), ("signalbox", "ended")]
    with pytest.raises(UserError, match="is over already"):
        await cancel.cancel(desk.services, press(number, user))


async def test_one_that_has_begun_is_not_withdrawn(desk: Desk) -> None:
    number = await waiting(desk, "a")
    assert await desk.operations.start(number)
    assert not await desk.operations.cancel_queued(number, "U0ANA")
    assert (await desk.operations.get(number)).status is Status.RUNNING
    assert await desk.operations.cancel_requested(number) is None
    assert await desk.operations.start(number), "a turn that was interrupted is taken again"


async def test_others_may_not_withdraw(desk: Desk) -> None:
    number = await waiting(desk, "a")
    with pytest.raises(Denied, match="You may not decide for staging"):
        await cancel.cancel(desk.services, press(number, "U0GUS"))
    assert (await desk.operations.get(number)).status is Status.WAITING
