"""Plans of runs in HCP Terraform's stand-in: limits, failures, policies, run tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners import hcp as hcp_terraform
from runners.errors import (
    AccessDeniedError,
    NotFoundError,
    RunnerError,
    StalePlanError,
)
from runners.hcp.values import Phase
from runners.results import Change
from sandbox.hcp import Policies, Task
from tests.unit.runners.hcp.hcp_runs import ignore, plan_limited, plan_run, workspace_of

if TYPE_CHECKING:
    from pathlib import Path

    from runners.hcp.client import HcpTerraform
    from sandbox.hcp import HcpStandIn
    from tests.unit.runners.hcp.hcp_runs import Client

needs_terraform = pytest.mark.needs_terraform


@needs_terraform
async def test_code_that_terraform_does_not_take_is_explained(hcp: HcpTerraform, code: Path) -> None:
    (code / "live" / "main.tf").write_text('resource "terraform_data" "one" { inptu = 1 }')
    with pytest.raises(RunnerError) as raised:
        await plan_run(hcp, code)
    assert "Unsupported argument (main.tf:1)" in raised.value.problem
    assert "inptu" in raised.value.log_tail
    assert "/runs/run-" in raised.value.remedy


@needs_terraform
async def test_a_mandatory_policy_that_failed_is_named(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].policies = Policies(hard_failed=1)
    with pytest.raises(RunnerError, match="a mandatory policy failed") as raised:
        await plan_run(hcp, code)
    assert "1 mandatory" in raised.value.log_tail


@needs_terraform
async def test_a_policy_that_can_be_overridden_is_left_to_those_who_may(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].policies = Policies(soft_failed=1)
    with pytest.raises(RunnerError, match="only when somebody who may overrides that"):
        await plan_run(hcp, code)


@needs_terraform
async def test_a_plan_as_json_takes_admin_access(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path, client: Client
) -> None:
    _, run = await plan_run(hcp, code)
    with pytest.raises(AccessDeniedError) as raised:
        await hcp_terraform.read_plan(client(stand_in.url, "planner-token"), run)
    assert "admin access" in raised.value.remedy


@needs_terraform
async def test_a_run_can_be_limited_to_addresses_and_made_to_replace(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await plan_limited(hcp, code, targets=["terraform_data.one"])
    summary = (await hcp_terraform.read_plan(hcp, run)).summary
    assert [(change.address, change.change) for change in summary.changes] == [("terraform_data.one", Change.CREATE)]
    await hcp_terraform.confirm(hcp, workspace, run.id, digest=summary.digest, comment="go")
    done = await hcp_terraform.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)
    assert done.succeeded
    _, run = await plan_limited(hcp, code, targets=["terraform_data.one"], replaces=["terraform_data.one"])
    summary = (await hcp_terraform.read_plan(hcp, run)).summary
    assert [(change.address, change.change) for change in summary.changes] == [("terraform_data.one", Change.REPLACE)]


@needs_terraform
@pytest.mark.parametrize("chosen", [{"targets": ["terraform_data.three"]}, {"replaces": ["terraform_data.three"]}])
async def test_an_address_that_is_nowhere_is_said(hcp: HcpTerraform, code: Path, chosen: dict[str, list[str]]) -> None:
    _, run = await plan_limited(hcp, code, **chosen)
    with pytest.raises(NotFoundError, match=r"there is no terraform_data\.three in the code or in the state"):
        await hcp_terraform.read_plan(hcp, run)


@needs_terraform
async def test_a_run_that_only_plans_minds_no_lock_and_cannot_be_applied(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    stand_in.workspaces["prod"].lock("max")
    stand_in.workspaces["prod"].auto_apply = True
    hcp_terraform.check_usable(await workspace_of(hcp), plan_only=True)
    workspace, run = await plan_limited(hcp, code, plan_only=True)
    assert (run.phase, run.confirmable) == (Phase.UNCHANGED, False)
    assert len((await hcp_terraform.read_plan(hcp, run)).summary.changes) == 2
    with pytest.raises(StalePlanError):
        await hcp_terraform.confirm(hcp, workspace, run.id, digest="", comment="go")


@needs_terraform
async def test_run_tasks_say_what_they_found(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].tasks = (
        Task("scan", "failed", "2 findings", "https://scan.example.com/1"),
        Task("budget", level="mandatory"),
    )
    _, run = await plan_run(hcp, code)
    notes = (await hcp_terraform.read_plan(hcp, run)).summary.warnings
    assert [(note.severity, note.summary, note.detail, note.url) for note in notes] == [
        ("warning", "Run task scan (advisory): failed", "2 findings", "https://scan.example.com/1"),
        ("note", "Run task budget (mandatory): passed", "", ""),
    ]


@needs_terraform
async def test_a_mandatory_run_task_that_failed_is_named(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].tasks = (
        Task("cost", "failed"),
        Task("scan", "errored", "no answer", level="mandatory"),
    )
    with pytest.raises(RunnerError, match="a mandatory run task failed") as raised:
        await plan_run(hcp, code)
    assert raised.value.log_tail == "Run task scan (mandatory): errored\nno answer"
