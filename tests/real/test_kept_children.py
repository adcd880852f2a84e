"""Long children with keepers on a real PostgreSQL: followed from any machine, run once, never beyond their lease."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
import sqlalchemy as sa

from bot.errors import ForgedError
from bot.seals import Keyring
from bot.settings import database_url
from bot.store.children import ChildRows, child_output, children
from bot.store.database import Store
from runners.errors import RunnerError
from runners.processes import supervise
from runners.processes.stragglers import marked
from tests.migrated import migrated
from tests.postgres_server import PostgresServer, running_postgres
from tests.real.keeping_support import OPERATION, Beats, Machine, Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from runners.processes.children import Child

pytestmark = pytest.mark.needs_postgres
KEY = bytes(range(32)).hex()
LEASE = 6.0
LONG = 60.0  # seconds of work: longer than any test waits


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def store(postgres: PostgresServer) -> AsyncIterator[Store]:
    made = await migrated(database_url(postgres.new_database(), ""), Keyring.read(KEY))
    yield made
    made.close()


@pytest.fixture
def here(store: Store, tmp_path: Path) -> Iterator[Machine]:
    """The machine where the program runs."""
    machine = Machine(store, tmp_path / "here", "here", LEASE)
    yield machine
    machine.lose()


@pytest.fixture
def there(store: Store, tmp_path: Path) -> Iterator[Machine]:
    """Another machine, whose directory has nothing of the program."""
    machine = Machine(store, tmp_path / "there", "there", LEASE)
    yield machine
    machine.lose()


@pytest.fixture
def beats(tmp_path: Path) -> Beats:
    return Beats(tmp_path / "beats")


async def lines_of(child: Child) -> list[str]:
    return [line async for line in child.lines()]


async def attached(machine: Machine) -> Child:
    child = await machine.attach()
    assert child is not None
    return child


async def first_output(store: Store) -> None:
    """Wait until the keeper has stored output: it does so once a second."""
    count = sa.select(sa.func.count()).select_from(child_output)
    while not await store.run(lambda connection: connection.scalar(count)):  # noqa: ASYNC110 - the table sends no event
        await asyncio.sleep(0.05)


async def nobody_keeps(machine: Machine) -> None:
    while machine.keepers:  # noqa: ASYNC110  -- another process ends
        await asyncio.sleep(0.05)


async def test_another_machine_follows_it_to_its_end(
    here: Machine, there: Machine, beats: Beats, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.write_bytes(os.urandom(700_000))
    started = await here.start(beats.path, 1.0, leaves=results)
    followed = await attached(there)
    for lines in await asyncio.gather(lines_of(started), lines_of(followed)):
        assert lines == ["begins", "ends"]
    assert await followed.wait(5) == 0
    assert await followed.written_file(results, most=1 << 20) == results.read_bytes()
    with pytest.raises(OSError, match="more than 100 bytes"):
        await followed.written_file(results, most=100)
    await nobody_keeps(here)
    assert len(beats.runs) == 1


async def test_two_machines_start_it_at_once_and_it_runs_once(here: Machine, there: Machine, beats: Beats) -> None:
    both = await asyncio.gather(here.start(beats.path, 0.5), there.start(beats.path, 0.5))
    assert [await child.wait(20) for child in both] == [0, 0]
    again = await there.start(beats.path, 0.5)  # also later: a name is used once
    assert await again.wait(5) == 0
    assert len(beats.runs) == 1


async def test_cancel_reaches_it_from_another_machine(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    followed = await attached(there)
    assert not await followed.was_cancelled()
    await followed.cancel(10)
    assert await followed.was_cancelled()
    assert await followed.wait(1) == 4
    assert await lines_of(followed) == ["begins", "interrupted ends"]


async def test_cancel_kills_what_does_not_listen(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG, "deaf")
    await beats.begun()
    followed = await attached(there)
    await followed.cancel(0.3)
    assert await followed.wait(1) == -9


async def test_a_machine_that_is_gone_keeps_it_for_the_lease_and_no_longer(
    here: Machine, there: Machine, beats: Beats, store: Store
) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    followed = await attached(there)
    await first_output(store)
    here.lose()
    lost_at = time.time()
    assert await followed.is_running()  # nobody can know yet
    assert await followed.wait(3 * LEASE) is None
    assert time.time() - lost_at > LEASE * 0.5
    assert await lines_of(followed) == ["begins"]
    assert beats.last < lost_at + 0.5


@pytest.mark.parametrize("manner", ["listens", "deaf"])
async def test_without_its_keeper_it_ends_before_the_lease_does(
    here: Machine, there: Machine, beats: Beats, manner: str
) -> None:
    await here.start(beats.path, LONG, manner)
    await beats.begun()
    [keeper] = here.keepers
    keeper.kill()
    followed = await attached(there)
    await followed.wait(3 * LEASE)
    assert beats.last < time.time() - 0.5
    assert not any(supervise.started_at(pid) for pid in here.supervised)


async def test_a_keeper_that_is_stopped_gets_nothing_back(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    [keeper] = here.keepers
    keeper.suspend()
    followed = await attached(there)
    assert await followed.wait(3 * LEASE) is None
    assert beats.last < time.time() - 0.5  # it had ended before anybody took the lease for run out
    keeper.resume()
    await nobody_keeps(here)
    assert len(beats.runs) == 1


async def test_without_its_supervisor_it_ends(here: Machine, there: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    os.kill(here.supervised[0], signal.SIGKILL)
    assert await (await attached(there)).wait(5) is None
    assert beats.last < time.time()
    await nobody_keeps(here)


async def test_cut_from_the_database_it_ends_before_its_lease(
    postgres: PostgresServer, store: Store, there: Machine, beats: Beats, tmp_path: Path
) -> None:
    proxy = Proxy(postgres.host, postgres.port)
    async with proxy as port:
        through = Store(store.url.replace(f":{postgres.port}/", f":{port}/"), store.keyring)
        here = Machine(through, tmp_path / "here", "here", LEASE)
        await here.start(beats.path, LONG, "deaf")
        await beats.begun()
        followed = await attached(there)
        proxy.cut = True
        assert await followed.wait(3 * LEASE) is None
        assert beats.last < time.time()
        assert not any(supervise.started_at(pid) for pid in here.supervised)
        here.lose()
        through.close()


@pytest.mark.slow("a use of the database that hangs is given up after ten seconds")
async def test_a_short_cut_changes_nothing(
    postgres: PostgresServer, store: Store, there: Machine, beats: Beats, tmp_path: Path
) -> None:
    proxy = Proxy(postgres.host, postgres.port)
    async with proxy as port:
        through = Store(store.url.replace(f":{postgres.port}/", f":{port}/"), store.keyring)
        here = Machine(through, tmp_path / "here", "here", 60.0)
        await here.start(beats.path, 8.0)
        await beats.begun()
        followed = await attached(there)
        proxy.cut = True
        await asyncio.sleep(1.5)
        proxy.cut = False
        assert await followed.wait(40) == 0
        assert await lines_of(followed) == ["begins", "ends"]
        through.close()


async def test_the_database_restarts(postgres: PostgresServer, store: Store, tmp_path: Path, beats: Beats) -> None:
    here = Machine(store, tmp_path / "here", "here", 20 * LEASE)  # a busy machine may need longer than half a short one
    child = await here.start(beats.path, 3.0)
    await beats.begun()
    await asyncio.to_thread(postgres.stop)
    await asyncio.to_thread(postgres.start)
    assert await lines_of(child) == ["begins", "ends"]
    assert await child.wait(20) == 0


async def test_a_program_that_cannot_start_leaves_no_claim(here: Machine, there: Machine, beats: Beats) -> None:
    (here.home / "apply").mkdir(parents=True)
    (here.home / "apply" / "output").touch()
    with pytest.raises(RunnerError, match="at most once"):
        await here.start(beats.path, 1)
    assert await (await there.start(beats.path, 0.1)).wait(20) == 0
    assert len(beats.runs) == 1


async def test_a_claim_whose_bot_died_is_free_after_the_lease(here: Machine, there: Machine, beats: Beats) -> None:
    claim = here.children._claim("apply")
    assert await here.children.rows.claim(claim, 1.0)
    assert await there.attach() is None
    assert await (await there.start(beats.path, 0.1)).wait(20) == 0
    assert await here.children.rows.revoke(claim)


async def test_what_is_stored_is_secret_and_bound(here: Machine, there: Machine, beats: Beats, store: Store) -> None:
    child = await here.start(beats.path, 0.2)
    await child.wait(20)
    chunks = await store.run(lambda connection: connection.execute(sa.select(child_output.c.content)).scalars().all())
    assert chunks
    assert not any(b"begins" in bytes(chunk) for chunk in chunks)
    moved = sa.update(child_output).values(position=child_output.c.position + 1)
    await store.run(lambda connection: connection.execute(moved))
    with pytest.raises((ForgedError, RunnerError)):
        await lines_of(await attached(there))


@pytest.mark.parametrize("values", [{"exit_code": 3}, {"ended": False}, {"started": False}, {"output_bytes": 1}])
async def test_a_changed_row_is_refused(
    here: Machine, there: Machine, beats: Beats, store: Store, values: dict[str, object]
) -> None:
    await (await here.start(beats.path, 0.1)).wait(20)
    await store.run(lambda connection: connection.execute(sa.update(children).values(values)))
    with pytest.raises(ForgedError, match="#7"):
        await there.attach()


async def test_nobody_reads_the_keepers_secrets(here: Machine, beats: Beats) -> None:
    await here.start(beats.path, LONG)
    await beats.begun()
    [keeper] = here.keepers
    visible = " ".join([*keeper.cmdline(), *(f"{name}={value}" for name, value in keeper.environ().items())])
    assert "postgresql" not in visible
    assert "in-the-environment" not in visible
    assert psutil.Process(here.supervised[1]).environ()["A_SECRET"] == "in-the-environment"
    assert not marked(KEY)
    # A process that is not dumpable: its files in /proc belong to root, whatever its user is (proc(5)).
    assert os.stat(f"/proc/{keeper.pid}/mem").st_uid == 0  # noqa: PTH116


async def test_what_is_over_is_forgotten(here: Machine, there: Machine, beats: Beats, store: Store) -> None:
    rows = ChildRows(store)
    child = await here.start(beats.path, LONG)
    await beats.begun()
    await rows.forget(OPERATION)
    assert await rows.operations() == {OPERATION}  # it still runs
    await child.cancel(5)
    await rows.forget(OPERATION)
    assert await rows.operations() == frozenset()
    assert await store.run(lambda connection: connection.execute(sa.select(child_output)).all()) == []
    assert await there.attach() is None
