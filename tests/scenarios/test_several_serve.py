"""Two processes that answer Slack on one database: behind a load balancer over HTTP, and both in Socket Mode."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import psycopg
import pytest

from sandbox.slack import payloads
from tests.scenarios.acting import shows, thread_of
from tests.scenarios.balancer import balancing
from tests.scenarios.machines import second_machine, sharing
from tests.scenarios.moments import until
from tests.scenarios.test_bad_requests import signed

if TYPE_CHECKING:
    from sandbox.bot_process import BotProcess, Launch
    from sandbox.world import World
    from tests.scenarios.balancer import Balancer
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_postgres, pytest.mark.slow("two bots start, and operations go from one to the other")]


def accepted(bot: BotProcess) -> int:
    """How many operations this process has accepted and numbered."""
    return bot.log.read_text().count(", for U0ANA")


def command_of(world: World, text: str) -> dict[str, str]:
    """What Slack sends when Ana types a command: each call is a command of its own."""
    backend, name = world.slack.backend, text.split(maxsplit=1)[0]
    command = backend.registration.commands[name]
    return payloads.command_fields(
        backend, world.person("ana").user, world.channel("#dev"), command, text.removeprefix(f"{name} ")
    )


def messages(world: World) -> list[str]:
    return [each.rendered for each in world.channel("#dev").messages if not each.thread_ts]


async def modal_and_home(world: World, balancer: Balancer) -> None:
    """A modal that one process opens is submitted to the other, and the Home tab comes from either."""
    ana = world.person("ana")
    assert (await ana.type("#dev", "/deploy")).ok
    view = await ana.wait_for_view()
    answer = await ana.submit(view, {"Environment": "dev", "Branch, tag or commit": "main"})
    assert answer.closed, "the other process did not know the modal"
    assert len(set(balancer.served)) == 2
    await shows(world, "#dev", "#1 Deploy main to dev", "deployed", timeout=120)
    for _ in range(2):
        assert "#1" in (await ana.open_home()).rendered


async def test_what_one_process_begins_another_goes_on_with_behind_a_balancer(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    world = await start_world(**sharing(database_url, "3s"), tolerates=("expired_trigger_id",))
    async with second_machine(world, forked) as b, balancing([world.bot.port, b.port]) as balancer:
        world.slack.deliver_to(f"{balancer.url}/slack/events")
        ana, lee = world.person("ana"), world.person("lee")

        await modal_and_home(world, balancer)

        # One delivery that reaches both, at the same time and again, begins one operation.
        body = urlencode(command_of(world, "/plan dev")).encode()
        urls = [f"http://127.0.0.1:{port}/slack/events" for port in (world.bot.port, b.port)]
        post = world.slack._http.post_raw
        answers = await asyncio.gather(*(post(url, body, signed(body)) for url in urls * 3))
        assert {status for status, _ in answers} == {200}
        await shows(world, "#dev", "#2 ", "up to date")

        # A double click, of which each process gets one half, counts once; so do two people at once.
        assert (await ana.type("#staging", "/plan staging")).ok
        ask = await shows(world, "#staging", "#3 ", "Waiting for approval")
        old = ask.snapshot()
        await asyncio.gather(*(person.click(old, "approve") for person in (lee, lee, world.person("max"))))
        done = await shows(world, "#staging", "#3 ", "applied")
        assert "applied" in done.rendered
        assert thread_of(world, done)
        assert len(operations_in_database(database_url)) == 3

        # One process is killed: the balancer goes on with the other, whatever is typed.
        accepted_before = accepted(b)
        await world.bot.kill()
        for same in ("", " -ref=main", " -ref=refs/heads/main"):
            assert (await ana.type("#dev", f"/plan dev{same}")).ok
        await until(lambda: accepted(b) == accepted_before + 3)
        await shows(world, "#dev", "#6 ", "up to date")
        await world.bot.start()


def operations_in_database(url: str) -> list[int]:
    """The numbers of all operations."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM signalbox_operations ORDER BY number")]


async def test_both_connect_in_socket_mode_and_what_a_killed_one_has_not_acknowledged_comes_to_the_other(
    start_world: StartWorld, database_url: str, forked: Launch
) -> None:
    world = await start_world(socket_mode=True, **sharing(database_url, "3s"))
    async with second_machine(world, forked) as b:
        socket, ana = world.slack.socket_mode, world.person("ana")
        await until(lambda: socket.connections == 2)
        for number in range(1, 5):
            assert (await ana.type("#dev", "/plan dev")).ok
            await shows(world, "#dev", f"#{number} ", "up to date")
        assert accepted(world.bot) == accepted(b) == 2, "Slack's envelopes go to both in turn"

        # A second delivery of one envelope reaches both.
        envelope = {"envelope_id": "again", "type": "slash_commands", "payload": command_of(world, "/plan dev")}
        for _ in range(2):
            await socket.redeliver({**envelope, "accepts_response_payload": True})
        await shows(world, "#dev", "#5 ", "up to date")

        # One that hangs acknowledges nothing; once it is dead, the other gets what it had.
        os.kill(b.pid, signal.SIGSTOP)
        plans = ("/plan dev", "/plan dev -ref=main")
        typed = [asyncio.create_task(ana.type("#dev", each)) for each in plans]
        await until(lambda: accepted(world.bot) + accepted(b) >= 6)
        await b.kill()
        assert all([(await each).ok for each in typed])
        await shows(world, "#dev", "#7 ", "up to date")
        assert len(operations_in_database(database_url)) == 7
        assert len(messages(world)) == 7
        assert socket.connections == 1
