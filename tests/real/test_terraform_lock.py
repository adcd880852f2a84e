"""A state's lock that outlives its holder, with real terraform and a backend that keeps it."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest

from runners import terraform
from runners.errors import NotFoundError, RunnerError, StateLockedError
from runners.terraform import TerraformRun, is_orphaned_lock, own_name
from sandbox.aws import AwsStandIn
from tests.postgres_server import running_postgres
from tests.real.terraform_support import LONG, ProgressLog, applied, none_runs, planned, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]
SLOW = 'resource "terraform_data" "slow" {\n  provisioner "local-exec" { command = "sleep 50" }\n}\n'
BACKEND = """
    terraform {
      required_version = ">= 1.10"
      backend "s3" {
        bucket                      = "states"
        key                         = "staging/terraform.tfstate"
        region                      = "us-west-2"
        use_lockfile                = true
        use_path_style              = true
        skip_credentials_validation = true
        skip_requesting_account_id  = true
        skip_metadata_api_check     = true
      }
    }
"""


@dataclass(frozen=True)
class Bucket:
    """S3's `states`: a lock in there stays when its holder dies."""

    url: str
    environment: dict[str, str]

    async def keys(self) -> str:
        async with aiohttp.ClientSession() as session, session.get(self.url) as response:
            return await response.text()


@pytest.fixture
async def bucket() -> AsyncIterator[Bucket]:
    aws = AwsStandIn()
    handle = await aws.start()
    url = f"{handle.url}/states"
    region = f"<CreateBucketConfiguration><LocationConstraint>{handle.region}</LocationConstraint></CreateBucketConfiguration>"
    async with aiohttp.ClientSession() as session, session.put(url, data=region) as response:
        response.raise_for_status()
    yield Bucket(url, handle.environment())
    await aws.stop()


async def killed_apply(workspace: Workspace) -> TerraformRun:
    """An apply that dies with its supervisor, and the record of it."""
    observed, plan, began = ProgressLog(), await planned(workspace), datetime.now(UTC)
    task = asyncio.create_task(applied(workspace, plan, observed))
    await asyncio.wait_for(observed.there.wait(), LONG)
    kill_all(workspace)
    assert not (await task).finished
    return TerraformRun(own_name(), began, datetime.now(UTC))


async def refused(workspace: Workspace) -> StateLockedError:
    await terraform.init(workspace, timeout=LONG)
    with pytest.raises(StateLockedError) as caught:
        await terraform.plan(workspace, variables={}, timeout=LONG)
    return caught.value


@pytest.mark.slow("waits until Terraform gives up on a lock, more than once")
async def test_the_lock_of_a_dead_apply_is_known_as_ours_and_given_back(
    workspace: Workspace, bucket: Bucket, tmp_path: Path
) -> None:
    workspace = replace(workspace, env={**workspace.env, **bucket.environment})
    write(workspace, BACKEND + SLOW)
    run = await killed_apply(workspace)
    assert await none_runs(workspace)
    second = replace(workspace, scratch=tmp_path / "second")
    error = await refused(second)
    assert (error.who, error.operation, error.path) == (own_name(), "apply", "states/staging/terraform.tfstate")
    assert error.created is not None
    assert run.began <= error.created <= datetime.now(UTC)
    assert is_orphaned_lock(error, run)
    assert not is_orphaned_lock(error, replace(run, ended=None))
    later = timedelta(minutes=5)
    assert not is_orphaned_lock(error, TerraformRun(run.who, run.began + later, run.began + 2 * later))
    with pytest.raises(NotFoundError, match="no longer locked by 6741213b"):
        await terraform.force_unlock(second, "6741213b", timeout=LONG)
    assert "tflock" in await bucket.keys()
    assert error.lock_id is not None
    await terraform.force_unlock(second, error.lock_id, timeout=LONG)
    assert "tflock" not in await bucket.keys()
    with pytest.raises(NotFoundError, match="no longer locked"):
        await terraform.force_unlock(second, error.lock_id, timeout=LONG)
    assert not (await terraform.plan(second, variables={}, timeout=LONG)).summary.up_to_date


PG = """
    terraform {
      backend "pg" {}
    }
    variable "turn" { default = "first" }
    resource "terraform_data" "slow" {
      triggers_replace = var.turn
      provisioner "local-exec" {
        command = "[ ${var.turn} = quick ] || sleep 50"
      }
    }
"""


def kill_all(workspace: Workspace) -> None:
    """End all of the operation's processes; with the wall's first one those within it end by themselves."""
    for pid in running(workspace):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.needs_postgres
@pytest.mark.slow("waits until Terraform gives up on a lock, more than once")
@pytest.mark.parametrize("rows", ["none yet", "one"])
async def test_a_lock_in_postgresql_tells_of_no_holder_and_goes_with_it(
    workspace: Workspace, tmp_path: Path, rows: str
) -> None:
    with running_postgres() as server:
        address = f"{server.new_database().replace('postgresql:', 'postgres:')}?sslmode=disable"
        workspace = replace(workspace, env={**workspace.env, "PG_CONN_STR": address})
        write(workspace, PG)
        if rows == "one":
            earlier = replace(workspace, scratch=tmp_path / "earlier")
            assert (await applied(earlier, await planned(earlier, turn="quick"))).succeeded
        observed, plan, began = ProgressLog(), await planned(workspace), datetime.now(UTC)
        task = asyncio.create_task(applied(workspace, plan, observed))
        await asyncio.wait_for(observed.there.wait(), LONG)
        second = replace(workspace, scratch=tmp_path / "second")
        error = await refused(second)
        assert error.problem == "somebody holds the state's lock, and the backend does not tell who"
        assert not is_orphaned_lock(error, TerraformRun(own_name(), began, datetime.now(UTC)))
        kill_all(workspace)
        assert not (await task).finished
        # Nothing is to be given back: PostgreSQL has freed it with the connection.
        assert not (await terraform.plan(second, variables={}, timeout=LONG)).summary.up_to_date


async def test_what_is_not_locked_cannot_be_unlocked(workspace: Workspace) -> None:
    write(workspace, 'resource "terraform_data" "a" {}')
    await applied(workspace, await planned(workspace))
    with pytest.raises(NotFoundError, match="no longer locked by 6741213b"):
        await terraform.force_unlock(workspace, "6741213b", timeout=LONG)


@pytest.mark.parametrize("odd", ["-force", "", "a b", "a\nb", "$(id)", "x" * 300])
async def test_only_a_locks_id_unlocks(workspace: Workspace, odd: str) -> None:
    with pytest.raises(RunnerError, match="no lock's id"):
        await terraform.force_unlock(workspace, odd, timeout=LONG)
