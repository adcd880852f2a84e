"""What cannot begin, or is open already, is answered to the person who typed it; nothing is numbered or posted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import UserError
from bot.operations import typed_requests
from bot.store.operations import Status
from runners.errors import NoSuchRefError, RefusedRefError, UnavailableError
from tests.unit.bot.operations.lifecycle_world import ATTEMPTS, SECRET, World, succeed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Request

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def whispered(world: World, count: int) -> str:
    for _ in range(ATTEMPTS):
        if len(world.chat.whispers) > count:
            return world.chat.whispers[-1][1]
        await asyncio.sleep(0.02)
    raise AssertionError("nobody was answered")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (NoSuchRefError("resolving", "GitHub knows no such branch (mian)", remedy="Check the ref."), "Check the ref. Nothing was started"),
        (RefusedRefError("resolving", "v1 is a branch and a tag", remedy=f"Type {SECRET}."), "v1 is a branch and a tag"),
        (UserError("“bakend” is neither a branch nor a machine type."), "neither a branch"),
    ],
)  # fmt: skip
async def test_a_mistake_is_answered_to_the_person_alone(world: World, error: Exception, says: str) -> None:
    before, posted, asked = await world._all(), len(world.chat.first), len(world.chat.whispers)

    async def about(_: Services, __: Request) -> dict[str, str]:
        raise error

    world.about = about
    await world.begin(succeed, typed=True, requester="U0LEE")
    answer = await whispered(world, asked)
    assert says in answer
    assert SECRET not in answer
    assert world.chat.whispers[-1][0] == "U0LEE"
    assert (await world._all(), len(world.chat.first)) == (before, posted)
    entry = (await world.services.audit.read(newest=1))[0].entry
    assert (entry.actor, entry.action) == ("U0LEE", "not begun")


@pytest.mark.parametrize("fault", [UnavailableError("resolving", "GitHub is away"), TimeoutError(), None])
async def test_what_github_does_not_answer_in_time_begins(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    monkeypatch.setattr(typed_requests, "LOOK_UP_WITHIN", 0.05)

    async def about(_: Services, __: Request) -> dict[str, str]:
        if fault:
            raise fault
        await asyncio.sleep(60)
        raise AssertionError

    world.about = about
    await world.until(await world.begin(succeed, typed=True), Status.SUCCEEDED)


async def test_the_same_is_answered_with_a_link_while_it_is_open(world: World) -> None:
    go_on, asked = asyncio.Event(), len(world.chat.whispers)

    async def about(_: Services, request: Request) -> dict[str, str]:
        return {"commit": request.arguments.get("sha", "a" * 40)}

    async def body(operation: Operation) -> None:
        await go_on.wait()
        await succeed(operation)

    world.about = about
    request = await world.begin(body, typed=True)
    first = await world.until(request, Status.RUNNING)
    posted = len(world.chat.first)
    await world.begin(body, typed=True, requester="U0LEE")
    answer = await whispered(world, asked)
    assert f"Nothing was started: #{first.number} {first.title} is running already, requested by @ana" in answer
    assert "under a minute ago. Cancel or reject it to begin again." in answer
    assert len(world.chat.first) == posted
    other = await world.begin(body, environment="staging", typed=True)
    go_on.set()
    assert (await world.until(other, Status.SUCCEEDED)).number == first.number + 1
    await world.until(request, Status.SUCCEEDED)
    assert (await world.until(await world.begin(body, typed=True), Status.SUCCEEDED)).number == first.number + 2


async def test_the_first_post_says_what_it_does_and_for_whom(world: World) -> None:
    record = await world.until(await world.begin(succeed, title="Deploy main to dev"), Status.SUCCEEDED)
    assert world.chat.first[-1] == "Deploy main to dev, requested by ana"
    by_schedule = await world.begin(succeed, title="Build all <images>", requester="schedule")
    await world.until(by_schedule, Status.SUCCEEDED)
    assert world.chat.first[-1] == "Build all &lt;images&gt;, requested by schedule"
    assert record.requester == "U0ANA"
