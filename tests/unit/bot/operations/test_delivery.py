"""What Slack does not take is delivered when it is back: the newest state of each message, decisions first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.operations import outgoing
from bot.operations.delivery import PAUSES, Delivery
from bot.operations.outgoing import TextFile
from bot.operations.posting import deliver, deliver_once
from bot.operations.thread import post_file, post_message
from sandbox.slack import ApiError
from tests.unit.bot.operations.posting_world import OPS, World, lose, says, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.slack import ApiCall


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


class Outage:
    """Slack answers nothing but this code, until it `ends`."""

    def __init__(self, world: World, code: str = "internal_error") -> None:
        self._calls = world.slack.on_call
        self._code = code
        self._calls.append(self._refuse)

    async def _refuse(self, call: ApiCall) -> None:
        if call.phase == "before":
            raise ApiError(self._code)

    def ends(self) -> None:
        self._calls.remove(self._refuse)


async def hours_pass(world: World, hours: float) -> None:
    """What the task of the bot delivers meanwhile."""
    step = max(hours * 360, *PAUSES)
    for _ in range(max(2, round(hours * 3_600 / step))):
        await Delivery(world.services).deliver_due()
        world.clock.now += step


@pytest.mark.parametrize("code", ["invalid_auth", "internal_error", "ekm_access_denied", "token_revoked"])
async def test_the_newest_state_is_displayed_after_any_outage_also_after_a_restart(world: World, code: str) -> None:
    outage = Outage(world, code)
    await deliver(world.services, 1, says("applying"))
    await deliver(world.services, 1, says("applied: 2 added"), until_displayed=True)
    await hours_pass(world, 3)
    assert not world.copies("appl")
    backlog = await world.services.outbox.backlog()
    assert (backlog.count, code in backlog.error) == (1, True)
    world.start_again()
    outage.ends()
    await hours_pass(world, max(PAUSES) / 3_600)
    assert len(world.copies("applied: 2 added")) == 1
    assert (await world.services.outbox.backlog()).count == 0
    await deliver(world.services, 1, says("run again"))
    assert len(world.copies("run again")) == 1


async def test_after_an_outage_decisions_come_first_then_the_thread_and_files_each_once(world: World) -> None:
    record = await world.services.operations.get(1)
    outage, before = Outage(world), len(world.slack.calls)
    await post_file(world.services, record, TextFile("plan.txt", "The plan", "text"), None)
    await post_message(world.services, record, "log", says("the log"), None)
    await deliver(world.services, 1, says("applied: 2 added"), until_displayed=True)
    await hours_pass(world, 0.25)
    outage.ends()
    before = len(world.slack.calls)
    await hours_pass(world, 0.25)
    methods = [call.method for call in list(world.slack.calls)[before:] if not call.method.startswith("conversations.")]
    assert methods[:3] == ["chat.update", "chat.postMessage", "files.getUploadURLExternal"]
    (message,) = world.copies("applied: 2 added")
    replies = world.slack.workspace.channels[message.channel].replies(message.ts)
    assert sum("the log" in reply.rendered for reply in replies) == 1
    assert [file.name for reply in replies for file in reply.files] == ["plan.txt"]


async def test_what_slack_refuses_for_good_is_tried_again_and_holds_nothing_else_back(world: World) -> None:
    record = await world.services.operations.get(1)
    world.slack.workspace.channels[OPS].archived = True
    lose(world, "archived")
    await deliver(world.services, 1, says("applied: 2 added"), until_displayed=True)
    await post_message(world.services, record, "log", says("the log"), None)
    await hours_pass(world, 2)
    assert (await world.services.outbox.backlog()).count == 1
    world.slack.workspace.channels[OPS].archived = False
    await hours_pass(world, 2)
    (message,) = world.copies("applied: 2 added")
    assert message.channel == OPS


@given(
    st.lists(st.sampled_from(["state", "progress", "ends", "begins", "delivers", "restarts"]), min_size=1, max_size=15)
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_message_says_the_newest_state_once_slack_is_back(
    tmp_path: Path, quick: None, events: list[str]
) -> None:
    async def go() -> None:
        async with world_in(tmp_path) as world:
            outage: Outage | None = None
            newest = "starting"
            for number, event in enumerate(events):
                match event:
                    case "state":
                        newest = f"state {number}"
                        await deliver(world.services, 1, says(newest), until_displayed=number % 2 == 0)
                    case "progress" if outage is None and not await world.services.outbox.waits(1, outgoing.MESSAGE):
                        newest = f"state {number}"
                        await deliver_once(world.services, 1, says(newest))
                    case "begins" if outage is None:
                        outage = Outage(world)
                    case "ends" if outage:
                        outage.ends()
                        outage = None
                    case "delivers":
                        await hours_pass(world, 0.1)
                    case "restarts":
                        world.start_again()
            if outage:
                outage.ends()
            await hours_pass(world, 0.1)
            message = await world.current()
            assert message
            assert newest in message.rendered

    asyncio.run(go())
