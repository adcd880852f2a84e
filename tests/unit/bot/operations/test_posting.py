"""Whatever Slack refuses, whenever the bot is killed: one message says how an operation stands, and it is the current one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.errors import LeaseLostError
from bot.operations.outgoing import TextFile
from bot.operations.posting import attach_file, deliver, deliver_once, post_announcement, post_in_thread
from bot.slack import errors
from bot.slack.errors import Verdict
from bot.slack.web_api import ChatError
from sandbox.slack import ApiError
from tests.unit.bot.operations.posting_world import CODES, HOME, LOSSES, OPS, WHERE, World, lose, says, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from sandbox.slack import ApiCall


@pytest.fixture
async def world(tmp_path: Path, quick: None) -> AsyncIterator[World]:
    async with world_in(tmp_path) as made:
        yield made


@pytest.mark.parametrize("what", ["message", "thread", "file"])
async def test_a_process_that_lost_its_lease_since_the_mark_posts_nothing(world: World, what: str) -> None:
    """As after a sleep in the line to Slack, or between two tries."""

    async def lost() -> None:
        raise LeaseLostError

    number = await world.second_operation()
    record = await world.services.operations.get(number)
    posts: dict[str, Callable[[], Awaitable[object]]] = {
        "message": lambda: post_announcement(world.services, record, says("starting")),
        "thread": lambda: post_in_thread(world.services, record, "note", says("a note")),
        "file": lambda: attach_file(world.services, record, TextFile("log.txt", "Log", "text")),
    }
    if what != "message":
        await posts["message"]()
    world.services.chat.check_lease = lost
    for _ in range(2):  # also the second try, for which it is marked already
        with pytest.raises(LeaseLostError):
            await posts[what]()
    world.start_again()
    before = len(world.slack.workspace.channels[HOME].all_messages)
    await posts[what]()
    await posts[what]()
    assert len(world.slack.workspace.channels[HOME].all_messages) == before + 1, "another process posts it, once"


@pytest.mark.parametrize("how", LOSSES)
async def test_a_lost_message_is_posted_again_where_it_is_taken(world: World, how: str) -> None:
    lose(world, how)
    await world.delivered("applied: 2 added")
    message = await world.current()
    assert message
    assert message.channel == WHERE.get(how, HOME)
    assert "applied: 2 added" in message.rendered
    assert ("Posted " in message.rendered) is (how != "removed from a public channel")
    assert len(world.copies("applied: 2 added")) == 1


@pytest.mark.parametrize("code", ["channel_not_found", "missing_scope", "internal_error"])
async def test_a_deleted_message_is_posted_again_where_no_channel_is_listed(world: World, code: str) -> None:
    async def refuse(call: ApiCall) -> None:
        if call.method == "conversations.list" and call.phase == "before":
            raise ApiError(code)

    world.slack.on_call.append(refuse)
    world.slack.workspace.channels[OPS].archived = True
    lose(world, "deleted")
    await world.delivered("applied: 2 added")
    (message,) = world.copies("applied: 2 added")
    assert message.channel == HOME


async def test_later_states_change_the_new_message_which_still_says_why_it_is_there(world: World) -> None:
    lose(world, "archived")
    await world.delivered("applying")
    await world.delivered("applied: 2 added")
    (message,) = world.copies("applied: 2 added")
    assert message.channel == OPS
    assert "Posted here because #staging takes no message from Signalbox" in message.rendered
    assert not world.copies("applying")


async def test_a_message_that_is_lost_twice_is_posted_twice(world: World) -> None:
    for text in ("one", "two"):
        lose(world, "deleted")
        await world.delivered(f"state {text}")
    assert [message.rendered.count("state two") for message in world.copies("state")] == [1]


async def test_many_changes_at_once_post_it_again_once(world: World) -> None:
    lose(world, "deleted")
    await asyncio.gather(*(deliver(world.services, 1, says(f"state {number}")) for number in range(8)))
    assert len(world.copies("state")) == 1


async def test_progress_posts_a_deleted_message_again_and_leaves_other_faults_to_what_follows(world: World) -> None:
    lose(world, "deleted")
    await deliver_once(world.services, 1, says("half done"))
    assert len(world.copies("half done")) == 1

    async def broken(call: ApiCall) -> None:
        if call.method == "chat.update" and call.phase == "before":
            raise ApiError("internal_error")

    world.slack.on_call.append(broken)
    with pytest.raises(ChatError, match="internal_error"):
        await deliver_once(world.services, 1, says("most done"))


async def test_the_thread_is_that_of_the_new_message(world: World) -> None:
    lose(world, "archived")
    await world.delivered("applied")
    record = await world.services.operations.get(1)
    await post_in_thread(world.services, record, "log", says("the log"))
    (message,) = world.copies("applied")
    assert [reply.rendered for reply in world.slack.workspace.channels[OPS].replies(message.ts)] != []


@given(how=st.sampled_from(LOSSES), kill_at=st.integers(2, 17))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kill_at_any_moment_neither_doubles_nor_loses_it(tmp_path: Path, quick: None, how: str, kill_at: int) -> None:
    async def go() -> None:
        async with world_in(tmp_path) as world:
            lose(world, how)
            world.calls, world.kill_at = 0, kill_at
            await world.delivered("applied: 2 added")
            message = await world.current()
            assert message
            assert "applied: 2 added" in message.rendered
            assert len(world.copies("applied: 2 added")) == 1

    asyncio.run(go())


@given(
    code=st.sampled_from([*CODES, "a_code_of_tomorrow"]),
    refused=st.sampled_from(["every update", "every post to its channel and update", "every block", "two calls"]),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_slack_refuses_one_message_says_how_it_stands(
    tmp_path: Path, quick: None, code: str, refused: str
) -> None:
    async def go() -> None:
        async with world_in(tmp_path) as world:
            remaining = 2

            async def refuse(call: ApiCall) -> None:
                nonlocal remaining
                own = call.arguments.get("channel") == HOME
                if call.phase != "before" or not call.method.startswith("chat."):
                    return
                matches = {
                    "every update": call.method == "chat.update" and own,
                    "every post to its channel and update": own,
                    "every block": bool(call.arguments.get("blocks")),
                    "two calls": remaining > 0,
                }[refused]
                if matches:
                    remaining -= 1
                    raise ApiError(code)

            world.slack.on_call.append(refuse)
            await world.delivered("applied: 2 added")
            message = await world.current()
            blocks_matter = errors.verdict(code) in (Verdict.CONTENT, Verdict.UNKNOWN)
            if refused == "every block" and not blocks_matter:
                return  # Slack would say something else about blocks
            assert message
            assert "applied: 2 added" in f"{message.rendered} {message.text}"

    asyncio.run(go())
