"""Socket Mode: a click whose process dies between its record and its acknowledgement comes again, and counts once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest

from sandbox.slack import payloads
from sandbox.slack.actions import chosen
from sandbox.slack.rendering import elements
from tests.scenarios.acting import shows
from tests.scenarios.machines import second_machine, sharing
from tests.scenarios.moments import until
from tests.scenarios.staged import asked

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("two bots start, and one is killed")]


def envelope(world: World, message: Message, button: str) -> dict[str, object]:
    """One click as Slack sends it, to be sent as often as wanted."""
    backend, person = world.slack.backend, world.person("lee")
    [element] = [each for each in elements(message.blocks) if each.get("action_id") == button]
    action = {**chosen(element, None, backend), "action_ts": backend.workspace.new_ts()}
    payload = payloads.message_action(backend, person.user, message, action, {})
    return {"envelope_id": "click", "type": "interactive", "payload": payload, "accepts_response_payload": False}


def decided(url: str) -> int:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        query = "SELECT count(*) FROM signalbox_audit WHERE action = 'approved'"
        return int(connection.execute(query).fetchall()[0][0])


def used(connection: psycopg.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM signalbox_deliveries").fetchall()[0][0])


async def test_a_click_that_was_recorded_by_a_process_that_died_counts_once(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    world = await start_world(socket_mode=True, **sharing(database_url, "3s"))
    async with second_machine(world, forked) as b:
        await until(lambda: world.slack.socket_mode.connections == 2)
        message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
        click = envelope(world, message, "approve")
        with psycopg.connect(database_url.replace("postgresql+psycopg", "postgresql")) as locking:
            # Both get it. The one that records it cannot decide while this is held, and is killed then.
            locking.execute("LOCK TABLE signalbox_votes")
            before = used(locking)
            await world.slack.socket_mode.redeliver(click)
            await until(lambda: used(locking) > before)
            await asyncio.gather(world.bot.kill(), b.kill())
        assert decided(database_url) == 0
        await asyncio.gather(world.bot.start(), b.start())
        await until(lambda: world.slack.socket_mode.connections == 2)
        for _ in range(2):
            await world.slack.socket_mode.redeliver(click)  # as Slack does with what nobody has acknowledged
        await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
        assert decided(database_url) == 1
