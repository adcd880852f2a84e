"""Worlds to act in: the real bot as a child, the stand-ins around it; and what every scenario must leave behind."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import pytest_asyncio

from sandbox.aws import AwsHandle, AwsStandIn
from sandbox.bot_process import Launch, launch
from sandbox.world import Options, World
from tests import forked_aws, forked_bot
from tests.fork_servers import of_the_run
from tests.forked_aws import ForkedAws, started
from tests.postgres_server import PostgresServer, running_postgres
from tests.scenarios.manners import limited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from tests.forked_aws import StartAws

FAST = 60.0  # simulated seconds per real one on GitHub, where a test does not watch a run under way
_HERE = Path(__file__).parent
_running: list[World] = []  # whose channels and log are printed under a failing test


class StartWorld(Protocol):
    """Starts a world that ends with the test; the keywords are those of `Options`.

    `tolerates` are Slack's error words that the test brings about itself: calls refused so are no fault of the bot's.
    """

    async def __call__(self, *, tolerates: tuple[str, ...] = (), **options: Any) -> World: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A world that the tests of a module share lives on one event loop, so all of them run on it."""
    for item in items:
        if item.path.parent == _HERE and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under a failure: the channels as they are, and the end of the bot's log."""
    report = yield
    if report.failed:
        for world in _running:
            report.sections.append(("the channels", channels_of(world)))
            report.sections.append(("the end of the bot's log", log_of(world)[-5000:]))
    return report


@pytest.fixture(scope="session")
def start_aws(pytestconfig: pytest.Config) -> Iterator[StartAws]:
    """Starts an AWS of one's own, by fork: in a quarter of the time."""
    if sys.platform != "linux":
        yield lambda: started(AwsStandIn())
        return
    with of_the_run(pytestconfig, forked_aws.MODULE) as address:
        yield lambda: started(ForkedAws(address))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def aws(start_aws: StartAws) -> AsyncIterator[AwsHandle]:
    """One AWS for all worlds: scenarios only read it."""
    async with start_aws() as handle:
        yield handle


@pytest.fixture(scope="session")
def forked(pytestconfig: pytest.Config) -> Iterator[Launch]:
    """Starts bots by fork, in a fifth of the time. A test of how a process looks from outside takes `launch` instead."""
    if sys.platform != "linux":
        yield launch
        return
    with of_the_run(pytestconfig, forked_bot.MODULE) as address:
        yield forked_bot.launch_at(address)


@pytest_asyncio.fixture(loop_scope="module")
async def start_world(aws: AwsHandle, forked: Launch) -> AsyncIterator[StartWorld]:
    """For tests that need a world set up in a way of their own."""
    async with AsyncExitStack() as ends:

        async def start(*, tolerates: tuple[str, ...] = (), **options: Any) -> World:
            # Processes that share a database pace their posts apart, and try again what Slack refuses.
            paced = ("ratelimited",) if "DATABASE_URL" in options.get("environment", {}) else ()
            return await ends.enter_async_context(running(Options(aws=aws, **options), (*tolerates, *paced), forked))

        yield start


@pytest_asyncio.fixture(loop_scope="module")
async def world(start_world: StartWorld) -> World:
    """A world of this test's own, as `python -m sandbox` starts it."""
    return await start_world()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world(aws: AwsHandle, forked: Launch, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """One world for all tests of a module, which leave no operation open behind them.

    The module's SHARED are Options of its own, TOLERATES what its tests make Slack refuse.
    """
    options, tolerates = getattr(request.module, "SHARED", {}), getattr(request.module, "TOLERATES", ())
    async with running(Options(**{"aws": aws, "speed": FAST, **options}), tolerates, forked) as started:
        yield started


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all; see `database_url`."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """A new, empty database on a real PostgreSQL."""
    return postgres.new_database()


@asynccontextmanager
async def running(options: Options, tolerates: tuple[str, ...] = (), launch: Launch = launch) -> AsyncIterator[World]:
    """A world; when it ends without a failure, the bot must have behaved towards Slack."""
    async with World(options, launch) as started:
        _running.append(started)
        try:
            yield started
            check_manners(started, tolerates)
        finally:
            _running.remove(started)


def check_manners(world: World, tolerates: tuple[str, ...] = ()) -> None:
    """Slack refused nothing the bot sent, nobody was notified at large, and every message says itself in one line."""
    refused = [
        f"{call.method}: {call.answer}"
        for call in world.slack.refused
        if call.error not in tolerates and not limited(call, world.slack.calls, world.bot.starts)
    ]
    assert not refused, f"Slack refused {refused}"
    assert not world.slack.workspace.broadcasts
    for message in messages_of(world):
        assert message.files or message.text.strip(), f"no text beside its blocks: {message}"
        assert "\n" not in message.text, f"its text is more than one line: {message.text!r}"


def messages_of(world: World) -> list[Any]:
    """Every message of the bot: in channels, in threads, to single people."""
    workspace = world.slack.workspace
    public = [message for channel in workspace.channels.values() for message in channel.all_messages]
    private = [message for messages in workspace.ephemerals.values() for message in messages]
    return [message for message in public + private if message.bot_id]


def channels_of(world: World) -> str:
    """Every channel in which something was said, as people read it."""
    used = [channel for channel in world.slack.workspace.channels.values() if channel.messages]
    return "\n".join(f"#{channel.name}\n{channel.as_read}" for channel in used)


def log_of(world: World) -> str:
    """What the bot logged so far."""
    return world.bot.log.read_text(errors="replace")
