"""A value that a person sets goes to its place and nowhere else; a bot that is killed meanwhile asks for it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from aiohttp import ClientError, ClientSession

from sandbox.stories import _keys, secret_set
from sandbox.stories.secret_set import address_in, opened, sent
from tests.scenarios.acting import clicks, shows, types
from tests.scenarios.conftest import running
from tests.scenarios.moments import dies_at_github, until
from tests.scenarios.searching import files_of, said_to_slack, secrets_in, stored_in_database, watching_children

if TYPE_CHECKING:
    from sandbox.bot_process import Launch
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.moments import Phase

pytestmark = pytest.mark.slow("each starts a bot of its own")
CANARY = {"the value": "canary-7f3a-zwölf\nsecond-line-of-the-canary <&> '\"\n"}
OPTIONS = secret_set.OPTIONS


async def waits(world: World) -> Message:
    """The value is waited for."""
    _keys.hold(world, "DATABASE_PASSWORD", "old", 300, "staging")
    await types(world, "ana", "#staging", "/infra secret set DATABASE_PASSWORD in staging")
    ask = await shows(world, "#staging", "#1 Set DATABASE_PASSWORD", "waiting for approval")
    await clicks(world, "lee", ask, "approve")
    return await shows(world, "#staging", "#1 ", "waiting for @ana")


async def link(world: World, message: Message) -> str:
    """A new link for ana."""
    ana = world.person("ana")
    before = len(ana.ephemerals)
    await clicks(world, "ana", message, "enter-value")
    await until(lambda: len(ana.ephemerals) > before)
    return address_in(world, ana.ephemerals[-1])


def held(world: World) -> str:
    return _keys.repository_of(world).environment_vaults["staging"].secrets["DATABASE_PASSWORD"].value


def of_processes(world: World) -> list[tuple[str, bytes]]:
    """The environments and command lines of the bot and what it has started."""
    bot = psutil.Process(world.bot.pid)
    processes = [bot, *bot.children(recursive=True)]
    return [(f"{each.pid} {name}", Path(f"/proc/{each.pid}/{name}").read_bytes()) for each in processes for name in ("environ", "cmdline")]  # fmt: skip


async def test_the_value_is_in_its_place_and_nowhere_else() -> None:
    temporary = set(Path("/tmp").iterdir())
    async with running(OPTIONS) as world, watching_children(world) as children:
        address = await link(world, await waits(world))
        _, page = await opened(address)
        status, answer = await sent(address, page, CANARY["the value"])
        assert status == 200
        await shows(world, "#staging", ":white_check_mark:", "#1 ", "@ana stored a value")
        assert held(world) == CANARY["the value"]
        log = (world.files / "bot.log").read_bytes()
        new = [path for path in Path("/tmp").iterdir() if path not in temporary and path.is_file()]
        places: list[tuple[str, str | bytes]] = [
            *said_to_slack(world), *files_of(world, ()), *stored_in_database(world), *of_processes(world), *children.seen,
            ("the log", log), ("the answer", answer), *((str(path), path.read_bytes()) for path in new),
        ]  # fmt: skip
        assert len(places) > 50
        assert [where for where, content in places if secrets_in(content, CANARY)] == []
        token = address.rpartition("/")[2]
        assert token.encode() not in log
        metrics = await opened_metrics(world)
        assert token not in metrics


async def opened_metrics(world: World) -> str:
    """What Prometheus reads."""
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{world.bot.port}/metrics") as answer:
        return await answer.text()


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_killed_page_is_entered_again(forked: Launch, phase: Phase) -> None:
    async with running(OPTIONS, launch=forked) as world:
        message = await waits(world)
        address = await link(world, message)
        _, page = await opened(address)
        death = dies_at_github(world, "PUT", "/DATABASE_PASSWORD", phase)
        with pytest.raises(ClientError):
            await sent(address, page, "first")
        await death.wait()
        await world.bot.start()
        assert (await opened(address))[0] == 404, "a link works twice"
        message = await shows(world, "#staging", "#1 ", "waiting for @ana")
        newer = await link(world, message)
        assert newer != address
        assert (await sent(newer, (await opened(newer))[1], "second"))[0] == 200
        await shows(world, "#staging", ":white_check_mark:", "#1 ", "@ana stored a value")
        assert held(world) == "second"


async def test_a_newer_link_replaces_the_older_and_a_cancel_all(forked: Launch) -> None:
    async with running(OPTIONS, launch=forked) as world:
        message = await waits(world)
        first = await link(world, message)
        second = await link(world, message)
        assert [(await opened(each))[0] for each in (first, second)] == [404, 200]
        page = (await opened(second))[1]
        await clicks(world, "ana", message, "cancel")
        await shows(world, "#staging", "#1 ", "cancelled by @ana")
        assert (await sent(second, page, "late"))[0] == 404
        assert held(world) == "old"
