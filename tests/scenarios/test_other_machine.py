"""A machine is lost with its disk: what waited there continues on another one, from the store of artifacts."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.settings import database_url as for_sqlalchemy
from sandbox.bot_process import BotProcess
from tests.scenarios.acting import rejects
from tests.scenarios.staged import asked, shows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

    Loses = Callable[..., Coroutine[Any, Any, None]]

pytestmark = pytest.mark.needs_postgres
OPERATIONS = 'operations:\n  directory: "{files}/var"\n'
WAITING = "Waiting for approval"
BUCKET = "signalbox-artifacts"


@pytest_asyncio.fixture(loop_scope="module")
async def machine_is_lost() -> AsyncIterator[Loses]:
    """Takes a world's machine and its disk away, politely or not, and starts another with an empty disk."""
    async with AsyncExitStack() as ends:

        async def lose(world: World, *, politely: bool = True) -> None:
            await (world.bot.stop() if politely else world.bot.kill())
            shutil.rmtree(world.files / "var")
            config = world.files / "signalbox.yaml"
            other = world.files / "other.yaml"
            other.write_text(config.read_text().replace(f'{world.files}/var"', f'{world.files}/other"'))
            environment = {**world.bot._environment, "SIGNALBOX_EXECUTOR": "other"}
            world.bot = BotProcess(other, environment, world.bot.port, world.bot.log, world.bot._launch)
            ends.push_async_callback(world.bot.stop)
            await world.bot.start()

        yield lose


def rows(database_url: str, statement: str) -> list[Any]:
    engine = sa.create_engine(for_sqlalchemy(database_url, ""))
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        values = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return values


def in_database(url: str) -> int:
    return int(rows(url, "SELECT count(*) FROM signalbox_artifacts")[0][0])


def client_of(world: World) -> Any:
    aws = world.aws.environment()
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )


def in_bucket(world: World) -> int:
    listed = client_of(world).list_object_versions(Bucket=BUCKET)
    return len(listed.get("Versions", ())) + len(listed.get("DeleteMarkers", ()))


def in_directory(world: World) -> int:
    return sum(path.is_file() for path in (world.files / "shared").rglob("*"))


async def nothing_is_left(count: Callable[[], int], world: World) -> None:
    async with asyncio.timeout(60):
        while count() or list(world.files.glob("other/operations/*")):  # noqa: ASYNC110  -- no event says so
            await asyncio.sleep(0.05)


@pytest.mark.slow("two bots, two terraform init, a plan and an apply for each kind of store")
@pytest.mark.parametrize("kind", ["database", "directory", "bucket"])
async def test_an_approved_plan_is_applied_on_another_machine(
    start_world: StartWorld, database_url: str, kind: str, machine_is_lost: Loses
) -> None:
    places = {"database": "database", "directory": "{files}/shared", "bucket": f"s3://{BUCKET}/plans"}
    configured = OPERATIONS + f'  artifacts: "{places[kind]}"\n'
    world = await start_world(environment={"DATABASE_URL": database_url}, config={OPERATIONS: configured})
    if kind == "bucket":
        client_of(world).create_bucket(Bucket=BUCKET)
        enabled = {"Status": "Enabled"}
        client_of(world).put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    counts: dict[str, Callable[[], int]] = {
        "database": lambda: in_database(database_url),
        "directory": lambda: in_directory(world),
        "bucket": lambda: in_bucket(world),
    }
    count = counts[kind]
    message = await asked(world, "/plan staging", "#staging", "#1 ", WAITING)
    assert count() == 2, "the plan and its text"
    await machine_is_lost(world)
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
    await nothing_is_left(count, world)
    await asked(world, "/plan staging", "#staging", "#2 ", "up to date")
    assert count() == 0


async def test_a_machine_that_died_is_replaced_once_its_lease_has_run_out(
    start_world: StartWorld, database_url: str, machine_is_lost: Loses
) -> None:
    short = {OPERATIONS: OPERATIONS + "  lease: 10s\n"}
    world = await start_world(environment={"DATABASE_URL": database_url}, config=short)
    message = await asked(world, "/plan staging", "#staging", "#1 ", WAITING)
    await machine_is_lost(world, politely=False)
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
    await nothing_is_left(lambda: in_database(database_url), world)


async def test_a_plan_that_somebody_exchanged_in_the_store_is_not_applied(
    start_world: StartWorld, database_url: str, machine_is_lost: Loses
) -> None:
    world = await start_world(environment={"DATABASE_URL": database_url})
    message = await asked(world, "/plan staging", "#staging", "#1 ", WAITING)
    rows(
        database_url,
        "UPDATE signalbox_artifacts SET content = set_byte(content, 99, 255 - get_byte(content, 99))",
    )
    await machine_is_lost(world)
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "The saved plan of #1 does not verify", "Nothing was started")
    await nothing_is_left(lambda: in_database(database_url), world)
    await asked(world, "/plan staging", "#staging", "#2 ", WAITING, "3 to replace")


async def test_a_rejected_plan_leaves_nothing_in_the_store(
    start_world: StartWorld, database_url: str, machine_is_lost: Loses
) -> None:
    world = await start_world(environment={"DATABASE_URL": database_url})
    message = await asked(world, "/plan staging", "#staging", "#1 ", WAITING)
    await machine_is_lost(world)
    await rejects(world, "lee", message)
    await shows(world, "#staging", "#1 ", "rejected")
    await nothing_is_left(lambda: in_database(database_url), world)


@pytest.mark.slow("playbooks of four roles")
async def test_an_approved_deploy_by_ansible_runs_on_another_machine(
    start_world: StartWorld, database_url: str, machine_is_lost: Loses
) -> None:
    world = await start_world(environment={"DATABASE_URL": database_url})
    message = await asked(world, "/deploy staging backend", "#staging", "#1 ", WAITING)
    await machine_is_lost(world)
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", ":white_check_mark: *#1 ", "approved by @lee", timeout=180)
    await nothing_is_left(lambda: in_database(database_url), world)
