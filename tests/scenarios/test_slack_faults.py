"""Slack that stumbles: whatever fails on its side, the last state arrives, once; rights are never guessed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sandbox.slack import ApiError
from tests.scenarios.acting import answered, asked_of_github, clicks, gets_notice, operations_in, shows, types
from tests.scenarios.conftest import log_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack import ApiCall
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

TOLERATES = ("ratelimited", "internal_error", "not_in_channel")


def limited() -> Exception:
    return ApiError("ratelimited", status=429, headers={"Retry-After": "1"})


def broken() -> Exception:
    return ApiError("internal_error", status=500)


def no_json() -> Exception:
    return RuntimeError("the stand-in answers 500 with a page")


def dropped() -> BaseException:
    return asyncio.CancelledError()  # ends the server's side of the connection without an answer


@dataclass
class Stumble:
    """Fails the next calls of a method, before or after they took effect; `left` counts down."""

    method: str
    phase: str
    fault: Callable[[], BaseException]
    remaining: int

    async def __call__(self, call: ApiCall) -> None:
        if self.remaining and (call.method, call.phase) == (self.method, self.phase):
            self.remaining -= 1
            raise self.fault()


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize(
    ("fault", "phase"),
    [(fault, "before") for fault in (limited, broken, no_json, dropped)] + [(no_json, "after"), (dropped, "after")],
)
async def test_the_last_state_arrives_in_one_message(
    shared_world: World, fault: Callable[[], BaseException], method: str, phase: str
) -> None:
    before = len(shared_world.channel("#dev").messages)
    # A message that was posted though its answer was lost is found, so it does not stumble twice.
    stumble = Stumble(method, phase, fault, 1 if (method, phase) == ("chat.postMessage", "after") else 2)
    shared_world.slack.on_call.append(stumble)
    await types(shared_world, "ana", "#dev", "/plan dev")
    await shows(shared_world, "#dev", f"#{before + 1} ", "up to date")
    shared_world.slack.on_call.remove(stumble)
    assert stumble.remaining == 0
    assert len(shared_world.channel("#dev").messages) == before + 1


async def test_without_its_groups_nobody_may_do_anything(world: World) -> None:
    world.slack.on_call.append(
        Stumble("usergroups.users.list", "before", lambda: ApiError("team_access_not_granted"), 99)
    )
    await types(world, "ana", "#dev", "/deploy dev")
    await gets_notice(world.person("ana"), "I could not look up in Slack who is in")
    assert not operations_in(world)
    world.slack.refused.clear()


async def test_a_disabled_group_denies_what_depends_on_it_alone(start_world: StartWorld) -> None:
    world = await start_world(tolerates=("no_such_subteam",))
    world.slack.workspace.usergroups["S0LEADS"].disabled = True
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "Plan for prod", "Waiting for approval")
    refusal = await answered(world, "lee", ask, "approve")
    assert "S0LEADS" in refusal
    assert "no_such_subteam" in refusal
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "up to date")
    assert "user group S0LEADS cannot be read: no_such_subteam" in log_of(world)


async def test_a_slow_lookup_of_groups_is_answered_in_time(world: World) -> None:
    async def slow(call: ApiCall) -> None:
        if call.method == "usergroups.users.list" and call.phase == "before":
            await asyncio.sleep(4)

    world.slack.on_call.append(slow)
    reply = await types(world, "ana", "#dev", "/deploy dev")
    assert "I could not look up in Slack who is in" in reply.ephemerals[0].rendered
    assert not operations_in(world)


async def test_a_public_channel_is_joined(start_world: StartWorld) -> None:
    world = await start_world(tolerates=("not_in_channel",), config={'channel: "#dev"': 'channel: "#random"'})
    await types(world, "ana", "#ops", "/plan dev")
    await shows(world, "#random", "up to date")


async def test_a_channel_that_is_not_there_is_said_and_nothing_starts(start_world: StartWorld) -> None:
    world = await start_world(config={'channel: "#dev"': 'channel: "#nowhere"'})
    await types(world, "ana", "#ops", "/deploy dev")
    await gets_notice(world.person("ana"), "I cannot post to #nowhere")  # on a busy machine after the acknowledgement
    assert not operations_in(world)
    assert not asked_of_github(world)


async def test_a_channel_that_takes_no_message_starts_nothing(start_world: StartWorld) -> None:
    world = await start_world(tolerates=("is_archived",))
    world.slack.on_call.append(Stumble("chat.postMessage", "before", lambda: ApiError("is_archived"), 1))
    await types(world, "ana", "#dev", "/deploy dev")
    message = await shows(world, "#ops", "#1 Deploy main to dev", "requested by @ana", "is_archived")
    assert "did not start" in message.rendered
    assert [status for _, _, status in operations_in(world)] == ["failed"]
    await types(world, "ana", "#dev", "/plan dev")
    await shows(world, "#dev", "#2 ", "up to date")


async def test_a_modal_opens_in_time_though_its_look_ups_take_longer_than_the_trigger(world: World) -> None:
    async def slow(call: ApiCall) -> None:
        if call.method == "usergroups.users.list" and call.phase == "before":
            await asyncio.sleep(1.5)
        if call.method == "views.update" and call.phase == "before":
            await asyncio.sleep(2)

    world.slack.on_call.append(slow)
    reply = await types(world, "ana", "#dev", "/deploy")
    assert reply.ok, reply.error
    view = await world.person("ana").wait_for_view()
    world.slack.on_call.remove(slow)
    assert (await world.person("ana").submit(view, {"Environment": "dev"})).closed
    await shows(world, "#dev", "#1 Deploy main to dev", "deployed")


async def test_a_command_is_read_and_answered_as_it_was_typed(world: World) -> None:
    await types(world, "ana", "#dev", "/deploy <!channel> & more")
    await gets_notice(world.person("ana"), "“<!channel>”")
    await types(world, "ana", "#staging", '/plan staging -target=terraform_data.host["R&D"]')
    await shows(world, "#staging", 'terraform_data.host["R&D"]')


async def test_a_plan_whose_blocks_slack_refuses_is_approved_in_plain_text(start_world: StartWorld) -> None:
    world = await start_world(tolerates=("invalid_blocks",))

    async def refuse(call: ApiCall) -> None:
        blocks = call.arguments.get("blocks") or ()
        if call.phase == "before" and any(block["type"] == "table" for block in blocks):
            raise ApiError("invalid_blocks")

    world.slack.on_call.append(refuse)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "3 to replace", "Waiting for approval", "Slack refused the usual layout")
    await clicks(world, "lee", ask, "approve")
    done = await shows(world, "#staging", "applied, 3 replaced", "approved by @lee")
    assert not done.buttons
    assert "invalid_blocks" in log_of(world)
