"""Retention: generated operations of any age and state, two rounds at once, and a kill between any two deletions."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from dbos import DBOS
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.config import read
from bot.engine.ended_workflows import delete_ended
from bot.engine.engine import Engine, EngineSettings
from bot.operations.registry import DueRun
from bot.seals import Keyring
from bot.store.host_keys import HostKeys, host_keys
from bot.store.operation_tables import OPEN_STATUSES
from bot.store.retention import Retention
from bot.store.workers import Identity, Lease, Workers
from handlers.infra import retention
from runners.ssh.host_keys import HostKey
from tests.migrated import migrated
from tests.unit.bot.conftest import KEY, Clock
from tests.unit.bot.store.engine_rows import DAY, Case, EngineRows
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.services import Services
    from bot.store.database import Store

# The engine's threads draw random numbers of their own while an example is generated.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the .random. module")
DAYS = 30.0  # the default retention
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
ACTIVE = ("PENDING", "ENQUEUED", "DELAYED")
OVER = ("succeeded", "failed", "rejected", "expired", "interrupted", "cancelled", "superseded")
CONFIG = read(FILE, "signalbox.yaml")


class KilledError(BaseException):
    """Nothing catches it, as a kill."""


class World:
    """An engine, a database and a round of retention, on an event loop that all examples share."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self._runner = asyncio.Runner()
        self.store: Store = self._runner.run(migrated(url, Keyring.read(KEY)))
        DBOS.destroy(destroy_registry=True)  # the workflows of other tests in this process
        self.engine = Engine(EngineSettings(url, "test", self.store.keyring))
        self._runner.run(self.engine.launch())
        self.rows = EngineRows(self.engine, self.store, self.clock.now)
        self._due = 0.0

    def round(self, processes: int = 1, *, claimed: bool = False) -> None:
        """A round that is due, in so many processes; not `claimed`, each of them makes it."""
        self._due += 1.0
        runs = [DueRun("database", self._due + (0 if claimed else each)) for each in range(processes)]
        self._due += processes
        self._runner.run(self._rounds(runs))

    async def _rounds(self, runs: list[DueRun]) -> None:
        await asyncio.gather(*(retention.collect(self._process(), run) for run in runs))

    def _process(self) -> Services:
        stored = Retention(self.store, self.clock)
        return cast("Services", SimpleNamespace(config=CONFIG, clock=self.clock, retention=stored))

    def close(self) -> None:
        DBOS.destroy(destroy_registry=True)
        self.store.close()
        self._runner.close()


@pytest.fixture
def world(url: str) -> Iterator[World]:
    made = World(url)
    yield made
    made.close()


def ages() -> st.SearchStrategy[float]:
    # Never exactly the limit: the engine stores milliseconds.
    return st.sampled_from([0.0, 1.0, 29.9, 30.1, 31.0, 400.0])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    status = draw(st.sampled_from([*OPEN_STATUSES, *OVER, *OVER, None]))
    requested = draw(ages())
    ended = draw(st.sampled_from([age for age in (0.0, 1.0, 29.9, 30.1, 31.0, 400.0) if age <= requested]))
    workflow = st.sampled_from([*ENDED, *ENDED, *ACTIVE, None])
    return Case(status, ended if status in OVER else None, requested, draw(workflow), draw(workflow))


def retained(case: Case, status: str | None) -> bool:
    """By the promise alone: whether the rows of this workflow of the case stay."""
    if status is None:
        return False
    operation_is_recent = case.status in OPEN_STATUSES or (case.ended is not None and case.ended < DAYS)
    return status in ACTIVE or operation_is_recent or case.requested < DAYS


def workflows_of(generated: list[Case]) -> set[str]:
    stay = {f"begin-key {number}" for number, case in enumerate(generated, 1) if retained(case, case.begin)}
    return stay | {f"operation-{number}" for number, case in enumerate(generated, 1) if retained(case, case.operation)}


def check_promises(world: World, generated: list[Case]) -> None:
    assert world.rows.workflows() == workflows_of(generated)
    working = world.rows.working()
    for number, case in enumerate(generated, 1):
        if case.status in OPEN_STATUSES or (case.ended is not None and case.ended < DAYS):
            assert number in working
        elif case.operation in ENDED and case.requested > DAYS:
            assert number not in working
    assert world.rows.recorded() == {number for number, case in enumerate(generated, 1) if case.status is not None}


LISTS = st.lists(cases(), max_size=12)
GENERATED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(LISTS, st.integers(1, 5), st.integers(1, 3))
@GENERATED
def test_only_what_ended_long_ago_is_deleted_whatever_the_batch(
    world: World, generated: list[Case], batch: int, processes: int
) -> None:
    world.rows.write(generated)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention, "BATCH", batch)
        patched.setattr(retention, "PAUSE", 0.0)
        world.round(processes)
        world.round()  # rounds at once skip what another one has deleted meanwhile
    check_promises(world, generated)


@given(LISTS, st.integers(0, 8))
@GENERATED
def test_a_round_that_is_killed_leaves_nothing_that_the_next_one_does_not_delete(
    world: World, generated: list[Case], deletions: int
) -> None:
    world.rows.write(generated)
    remaining = deletions

    def interrupted(function: object) -> object:
        async def call(*given: object) -> object:
            nonlocal remaining
            remaining -= 1
            if remaining < 0:
                raise KilledError
            return await function(*given)  # type: ignore[operator]

        return call

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retention, "BATCH", 2)
        patched.setattr(retention, "PAUSE", 0.0)
        patched.setattr(retention, "delete_ended", interrupted(delete_ended))
        patched.setattr(Retention, "delete_working_rows", interrupted(Retention.delete_working_rows))
        with suppress(KilledError):
            world.round()
        stay = workflows_of(generated)
        assert stay <= world.rows.workflows()
    world.round()
    check_promises(world, generated)


def test_of_several_processes_one_makes_a_round(world: World) -> None:
    world.rows.write([Case("succeeded", 31.0, 31.0, "SUCCESS", "SUCCESS")])
    claims: list[bool] = []
    claim = Retention.claim

    async def recorded(self: Retention, due_at: float) -> bool:
        claims.append(await claim(self, due_at))
        return claims[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Retention, "claim", recorded)
        world.round(5, claimed=True)
    assert sorted(claims) == [False] * 4 + [True]
    assert world.rows.workflows() == set()


async def test_workers_that_ended_and_host_keys_that_nothing_uses_are_deleted(store: Store, clock: Clock) -> None:
    workers, keys = Workers(store, CONFIG.operations.lease), HostKeys(store, clock)
    ended = await workers.acquire(Identity("pod-1", "m", "h", "2"))
    await workers.acquire(Identity("pod-2", "m", "h", "2"))
    assert isinstance(ended, Lease)
    await workers.release(ended)
    key = HostKey("ssh-ed25519", "AAAA")
    await keys.trust({"i-1": [key], "i-2": [key]})
    clock.now += 200 * DAY
    assert await keys.trusted(["i-1"]) == {"i-1": (key,)}
    clock.now += 200 * DAY
    await Retention(store, clock).delete_unused(before=2e10)
    assert [each.executor for each in await workers.all()] == ["pod-2"]
    assert set(await keys.trusted(["i-1", "i-2"])) == {"i-1"}
    assert (await store.run(lambda connection: connection.execute(host_keys.select()).mappings().one()))["used_at"]
