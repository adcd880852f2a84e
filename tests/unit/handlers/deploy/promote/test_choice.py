"""A choice under a promotion is stored with the person and the time, and wakes the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied, UserError
from bot.operations.registry import Click
from bot.store.operations import Request, Status
from handlers.deploy.promote import workflow as promote_workflow
from handlers.deploy.promote.workflow import CHOICE

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


async def under_way(desk: Desk, kind: str = "deploy") -> int:
    title = "Deploy stable to staging"
    number = await desk.operations.create(Request("k", kind, "staging", "U0ANA", title, "C0STAGING", {"ref": "stable"}))
    await desk.operations.set_message(number, "C0STAGING", f"{number}.0")
    await desk.operations.start(number)
    return number


def press(number: int, user: str = "U0LEE") -> Click:
    return Click(user, "C0STAGING", f"{number}.0", "x", str(number), "1.2", "")


async def test_choices_are_kept_and_told(desk: Desk) -> None:
    number = await under_way(desk)
    await promote_workflow.open_pulls(desk.services, press(number))
    desk.now += 2.5
    await promote_workflow.skip(desk.services, press(number, "U0ANA"))
    choices = await desk.annotations.values_of(number, CHOICE)
    assert choices == (f"open U0LEE {desk.now - 2.5:.3f}", f"skip U0ANA {desk.now:.3f}")
    assert desk.engine.woken == [number, number]
    assert await desk.audit_log() == [("U0LEE", "open pull requests"), ("U0ANA", "deploy without promoting")]


async def test_guests_choose_nothing(desk: Desk) -> None:
    number = await under_way(desk)
    with pytest.raises(Denied):
        await promote_workflow.skip(desk.services, press(number, "U0GUS"))
    assert not await desk.annotations.values_of(number, CHOICE)


@pytest.mark.parametrize("kind", ["deploy", "plan"])
async def test_what_is_over_or_no_deploy_has_no_choice(desk: Desk, kind: str) -> None:
    number = await under_way(desk, kind)
    if kind == "deploy":
        await desk.operations.set_status(number, Status.CANCELLED)
    with pytest.raises(UserError, match="is over already"):
        await promote_workflow.open_pulls(desk.services, press(number))
    assert not desk.engine.woken
