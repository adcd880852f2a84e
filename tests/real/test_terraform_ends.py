"""Plans and applies that are stopped: what they say, and that nothing of them goes on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import TimedOutError
from runners.terraform import Program
from tests.real.terraform_support import LONG, ProgressLog, applied, none_runs, planned, running, write

if TYPE_CHECKING:
    from pathlib import Path

    from runners.terraform import Workspace
    from tests.real.terraform_support import HttpState

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

SEVERAL = """
    resource "terraform_data" "first" { count = 3 }
    resource "terraform_data" "slow" {
      depends_on = [terraform_data.first]
      provisioner "local-exec" { command = "sleep 50" }
    }
    resource "terraform_data" "after" {
      count      = 2
      depends_on = [terraform_data.slow]
    }
"""


def hanging(remote_state: HttpState) -> str:
    """A plan that asks somebody who never answers."""
    return f"""
        data "terraform_remote_state" "other" {{
          backend = "http"
          config  = {{ address = "{remote_state.url}" }}
        }}
        resource "terraform_data" "a" {{}}
    """


async def nothing_is_left(workspace: Workspace, tmp_path: Path) -> None:
    """No process, no lock, no file of the plan."""
    assert await none_runs(workspace)
    assert not [item.name for item in workspace.scratch.iterdir() if item.name.startswith(("plan", "approved"))]
    write(workspace, 'resource "terraform_data" "a" {}')
    assert (await planned(replace(workspace, scratch=tmp_path / "next"))).summary.changes


async def test_a_cancelled_plan_leaves_nothing(workspace: Workspace, remote_state: HttpState, tmp_path: Path) -> None:
    remote_state.hangs = True
    write(workspace, hanging(remote_state))
    await terraform.init(workspace, timeout=LONG)
    task = asyncio.create_task(terraform.plan(workspace, variables={}, timeout=LONG))
    await asyncio.wait_for(remote_state.asked.wait(), LONG)
    assert running(workspace)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nothing_is_left(workspace, tmp_path)


async def test_a_plan_that_never_ends_is_ended(workspace: Workspace, remote_state: HttpState, tmp_path: Path) -> None:
    remote_state.hangs = True
    write(workspace, hanging(remote_state))
    await terraform.init(workspace, timeout=LONG)
    with pytest.raises(TimedOutError, match="planning instances/staging: it took longer than 3 seconds"):
        await terraform.plan(workspace, variables={}, timeout=3)
    await nothing_is_left(workspace, tmp_path)


async def test_a_cancelled_apply_says_what_is_done_what_was_under_way_and_what_is_left(workspace: Workspace) -> None:
    write(workspace, SEVERAL)
    observed, plan = ProgressLog(), await planned(workspace)
    task = asyncio.create_task(applied(workspace, plan, observed))
    await asyncio.wait_for(observed.there.wait(), LONG)
    assert await terraform.cancel_apply(workspace.scratch, grace=30)
    result = await task
    assert (result.finished, result.succeeded, result.added) == (True, False, 3)
    assert sorted(result.applied) == [f"terraform_data.first[{number}]" for number in range(3)]
    assert result.under_way == ("terraform_data.slow",)
    assert sorted(result.remaining) == ["terraform_data.after[0]", "terraform_data.after[1]"]
    assert await none_runs(workspace)
    assert not await terraform.cancel_apply(workspace.scratch)


async def test_a_complete_apply_leaves_nothing_to_do(workspace: Workspace) -> None:
    write(workspace, 'resource "terraform_data" "a" { count = 2 }')
    result = await applied(workspace, await planned(workspace))
    assert (result.succeeded, result.under_way, result.remaining) == (True, (), ())


async def test_after_the_grace_the_whole_process_group_ends(workspace: Workspace, tmp_path: Path) -> None:
    # A terraform that does not hear SIGINT, with a local-exec that does not either.
    deaf = Program("/bin/sh", "terraform", workspace.program.version, ("-c", DEAF, workspace.program.path))
    space = replace(workspace, program=deaf)
    write(space, SEVERAL.replace("sleep 50", "trap '' INT TERM; sleep 49 & echo $! > child; wait"))
    observed, plan = ProgressLog(), await planned(space)
    task = asyncio.create_task(applied(space, plan, observed))
    await asyncio.wait_for(observed.there.wait(), LONG)
    while not (space.directory / "child").exists():  # noqa: ASYNC110 - the shell sends no event
        await asyncio.sleep(0.05)
    assert len(running(space)) >= 3
    assert await terraform.cancel_apply(space.scratch, grace=1)
    result = await task
    assert (result.finished, result.under_way) == (False, ("terraform_data.slow",))
    assert len(result.remaining) == 2
    assert result.in_state is not None
    assert "terraform_data.first[0]" in result.in_state
    assert await none_runs(space)
    write(workspace, 'resource "terraform_data" "a" {}')
    assert (await planned(replace(workspace, scratch=tmp_path / "next"))).summary.changes


DEAF = """trap '' INT; setsid --wait "$0" "$@"; exit $?"""
