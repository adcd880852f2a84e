"""Runs in HCP Terraform's stand-in: created, found by their marker, discarded; and the code that they get."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from runners import hcp as hcp_terraform
from runners.errors import (
    AccessDeniedError,
    NotFoundError,
    RunnerError,
    TimedOutError,
)
from runners.hcp.configuration import pack
from runners.hcp.values import Phase
from tests.unit.runners.hcp.hcp_runs import create, plan_run, workspace_of

if TYPE_CHECKING:
    from pathlib import Path

    from runners.hcp.client import HcpTerraform
    from sandbox.hcp import HcpStandIn
    from tests.unit.runners.hcp.hcp_runs import Client

needs_terraform = pytest.mark.needs_terraform


@needs_terraform
async def test_a_run_that_is_dismissed_while_it_waits_or_plans_applies_nothing(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    workspace, run = await plan_run(hcp, code)
    await hcp_terraform.discard(hcp, workspace, run.id, comment="no")
    await hcp_terraform.discard(hcp, workspace, run.id, comment="no")
    assert [listed.status for listed in stand_in.workspaces["prod"].runs] == ["discarded"]
    assert stand_in.workspaces["prod"].runs[0].comments == [("signalbox", "no")]
    stand_in.workspaces["prod"].lock("max")
    _, waiting = await create(hcp, code)
    await hcp_terraform.discard(hcp, workspace, waiting, comment="no")
    assert (await hcp_terraform.read_run(hcp, workspace, waiting)).phase is Phase.DISCARDED


async def test_a_run_that_does_not_get_on_times_out(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await create(hcp, code)
    with pytest.raises(TimedOutError):
        await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=0.5)
    assert (await workspace_of(hcp)).locked_by == "max"


async def test_a_run_that_somebody_discards_before_it_planned_is_told(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await create(hcp, code)
    stand_in.press(stand_in.run(run_id), "discard", "max")
    with pytest.raises(RunnerError, match="discarded in HCP Terraform by max before it could be shown"):
        await hcp_terraform.wait_for_plan(hcp, workspace, run_id, timeout=30)


async def test_our_run_is_found_by_its_mark_among_others(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].lock("max")
    workspace, run_id = await create(hcp, code)
    assert await hcp_terraform.find_run(hcp, workspace, "(abc)") == run_id
    assert await hcp_terraform.find_run(hcp, workspace, "(xyz)") is None


async def test_an_organization_token_may_look_but_start_nothing(
    stand_in: HcpStandIn, code: Path, client: Client
) -> None:
    hcp = client(stand_in.url, "organization-token")
    workspace = await workspace_of(hcp)
    with pytest.raises(AccessDeniedError):
        hcp_terraform.check_usable(workspace)
    with pytest.raises(NotFoundError) as raised:
        await hcp_terraform.create_run(hcp, workspace, message="m", variables={}, configuration=None)
    assert "organization's token cannot" in raised.value.remedy


def test_an_upload_has_the_code_alone(code: Path) -> None:
    (code / "live" / "link.tf").symlink_to("main.tf")
    with tarfile.open(fileobj=io.BytesIO(pack(code)), mode="r:gz") as archive:
        names = archive.getnames()
        owners = {(member.uid, member.uname, member.mtime) for member in archive.getmembers()}
        assert archive.getmember("live/link.tf").issym()
    assert names == ["live", "live/link.tf", "live/main.tf"]
    assert owners == {(0, "", 0)}
