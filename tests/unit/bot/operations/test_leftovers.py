"""However an operation ends, nothing of it stays in the store or on the disk; what a death left is swept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings, strategies as st

from bot.errors import Cancelled, Denied, ForgedError, NoLongerApprovedError, UserError
from bot.operations import leftovers
from bot.operations.leftovers import DailySweep
from bot.slack.blocks import common
from bot.store.annotations import Annotations
from bot.store.artifact_places import DatabasePlace
from bot.store.artifacts import Artifacts
from bot.store.operations import Operations, Request, Status
from runners.errors import RunnerError, StalePlanError, UncertainError
from tests.kept import ONE_MACHINE, ROOM
from tests.migrated import migrated
from tests.unit.bot.operations.lifecycle_world import ATTEMPTS, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.database import Store
    from tests.unit.bot.operations.lifecycle_world import Workflow, World


def raising(error: Exception) -> Workflow:
    async def body(_: Operation) -> None:
        raise error

    return body


def ending(status: Status) -> Workflow:
    async def body(operation: Operation) -> None:
        await operation.end(status, common.short_message(operation.head, "failed", status.value))

    return body


async def silently(operation: Operation) -> None:
    await operation.finish_silently(Status.SUCCEEDED)


ENDS: dict[str, Workflow] = {
    "succeeds": succeed,
    "silently": silently,
    **{status.value: ending(status) for status in Status if status.ended},
    **{
        type(error).__name__: raising(error)
        for error in (
            RunnerError("planning", "no"),
            StalePlanError("applying", "no"),
            UncertainError("dispatching", "perhaps"),
            UserError("no"),
            Denied("no"),
            ForgedError("no"),
            NoLongerApprovedError("no"),
            Cancelled("by somebody"),
            ZeroDivisionError(),
        )
    },
}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ENDS)
async def test_no_end_leaves_anything(world: World, name: str) -> None:
    services = world.services
    store = services.operations._store
    services.artifacts = Artifacts(store.keyring, DatabasePlace(store), services.annotations)  # type: ignore[misc]
    began: list[int] = []

    async def body(operation: Operation) -> None:
        async def store_all() -> None:
            operation.scratch.mkdir(parents=True)
            (operation.scratch / "plan").write_bytes(b"secret")
            await services.artifacts.put(operation.number, "plan", b"secret", "the saved plan")

        await operation.step("plan", store_all)
        began.extend(await DatabasePlace(store).operations())
        await ENDS[name](operation)

    request = await world.begin(body)
    record = await world.until(request, *(status for status in Status if status.ended))
    assert began == [record.number]
    for _ in range(ATTEMPTS):  # it cleans up after its last message
        remaining = await DatabasePlace(store).operations()
        if not remaining and not (services.workplace / "operations" / str(record.number)).exists():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"what #{record.number} stored stays: {remaining}")


@given(ended=st.sets(st.integers(1, 12)), stored=st.sets(st.integers(1, 15)), on_disk=st.sets(st.integers(1, 15)))
@settings(max_examples=15)
def test_a_sweep_leaves_what_is_open_and_nothing_else(
    ended: set[int], stored: set[int], on_disk: set[int], tmp_path_factory: Any
) -> None:
    async def work() -> None:
        directory = tmp_path_factory.mktemp("sweep")
        store = await migrated(f"sqlite:///{directory}/signalbox.sqlite")
        services = await services_with(store, directory, ended)
        for number in stored:
            await services.artifacts.put(number, "plan", b"x", "the saved plan")
        for number in on_disk:
            (directory / "operations" / str(number)).mkdir(parents=True)
        (directory / "operations" / "look-1f").mkdir(parents=True)  # of a check of daemons under way
        await leftovers.sweep(services)
        still_open = set(range(1, 13)) - ended
        assert await DatabasePlace(store).operations() == stored & still_open
        names = {path.name for path in (directory / "operations").iterdir()}
        assert names == {*map(str, on_disk & still_open), "look-1f"}
        await leftovers.delete_directories(services, unnamed=True)
        assert not (directory / "operations" / "look-1f").exists()
        store.close()

    asyncio.run(work())


async def services_with(store: Store, directory: Path, ended: set[int]) -> Services:
    """The services of twelve operations, of which these have ended."""
    operations = Operations(store, lambda: 0.0)
    for number in range(1, 13):
        request = Request(f"key-{number}", "plan", "staging", "U0ANA", "Plan", "C1", {})
        assert await operations.create(request) == number
        if number in ended:
            await operations.set_status(number, Status.FAILED)
    artifacts = Artifacts(store.keyring, DatabasePlace(store), Annotations(store, lambda: 0.0))
    made = SimpleNamespace(
        artifacts=artifacts, operations=operations, workplace=directory, redact=str, children=ONE_MACHINE, room=ROOM
    )
    return cast("Services", made)


async def test_a_store_that_does_not_answer_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tries = asyncio.Queue[int]()

    async def fail(_: object) -> int:
        tries.put_nowait(1)
        raise RunnerError("listing the artifacts", "S3 does not answer")

    made = SimpleNamespace(
        artifacts=SimpleNamespace(sweep=fail), operations=SimpleNamespace(open_numbers=None), redact=str
    )
    sweeping = DailySweep(cast("Services", made), interval=0.0)
    await tries.get()
    await tries.get()
    await sweeping.close()
    assert "stays until the next sweep: listing the artifacts: S3 does not answer" in caplog.text
