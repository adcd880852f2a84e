"""Applies of runs in HCP Terraform's stand-in, which runs a real terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runners import hcp as hcp_terraform
from runners.errors import (
    StalePlanError,
)
from runners.results import ApplyProgress, Change
from sandbox.hcp import Costs, Policies
from tests.unit.runners.hcp.hcp_runs import SECRET, ignore, plan_run

if TYPE_CHECKING:
    from pathlib import Path

    from runners.hcp.client import HcpTerraform
    from sandbox.hcp import HcpStandIn

needs_terraform = pytest.mark.needs_terraform


@needs_terraform
async def test_a_plan_is_read_masked_and_applied_as_it_is(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    stand_in.workspaces["prod"].costs = Costs("212.64", "-12.50")
    stand_in.workspaces["prod"].policies = Policies(passed=3, advisory_failed=2)
    workspace, run = await plan_run(hcp, code, word='${"quoted"}')
    plan = await hcp_terraform.read_plan(hcp, run)
    (change,) = plan.summary.changes
    assert (change.address, change.change) == ("terraform_data.one", Change.CREATE)
    assert plan.summary.url == run.url
    assert SECRET in plan.sensitive
    assert SECRET not in repr(plan.summary)
    assert any(attribute.after == '${"quoted"}' for attribute in (*change.attributes, *plan.summary.outputs))
    assert [(warning.severity, warning.summary) for warning in plan.summary.warnings] == [
        ("warning", "Policies failed: 2 advisory"),
        ("note", "Estimated costs: 212.64 USD a month (-12.50)"),
    ]
    complete = await hcp_terraform.read_plan(hcp, run, complete=True)
    text = await hcp_terraform.plan_text(hcp, run, complete)
    assert "terraform_data.one: Plan to create" in text
    assert "  create terraform_data.one\n" in text
    assert "  warning: Policies failed: 2 advisory" in text
    assert SECRET not in text
    reported: list[ApplyProgress] = []

    async def report(progress: ApplyProgress) -> None:
        reported.append(progress)

    await hcp_terraform.confirm(hcp, workspace, run.id, digest=plan.summary.digest, comment="Approved by ana")
    result = await hcp_terraform.follow_apply(hcp, workspace, run.id, total=1, on_progress=report, timeout=60)
    assert result.succeeded
    assert (result.added, result.changed, result.destroyed) == (1, 0, 0)
    assert result.applied == ("terraform_data.one",)
    assert all(progress.total == 1 for progress in reported)
    assert stand_in.archive.refused_tokens == 0
    assert stand_in.workspaces["prod"].runs[0].comments == [("signalbox", "Approved by ana")]


@needs_terraform
async def test_nothing_but_the_plan_that_was_approved_is_confirmed(
    stand_in: HcpStandIn, hcp: HcpTerraform, code: Path
) -> None:
    workspace, run = await plan_run(hcp, code)
    with pytest.raises(StalePlanError, match="not the one that was approved"):
        await hcp_terraform.confirm(hcp, workspace, run.id, digest="0" * 64, comment="")
    assert stand_in.workspaces["prod"].runs[0].confirmable


@needs_terraform
async def test_a_run_is_confirmed_once(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await plan_run(hcp, code)
    digest = (await hcp_terraform.read_plan(hcp, run)).summary.digest
    await hcp_terraform.confirm(hcp, workspace, run.id, digest=digest, comment="")
    with pytest.raises(StalePlanError, match="no longer waits for confirmation"):
        await hcp_terraform.confirm(hcp, workspace, run.id, digest=digest, comment="")
    await hcp_terraform.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)


@needs_terraform
async def test_a_failed_apply_tells_why_without_secrets(hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await plan_run(hcp, code, command=f"echo {SECRET}; exit 3")
    plan = await hcp_terraform.read_plan(hcp, run)
    await hcp_terraform.confirm(hcp, workspace, run.id, digest=plan.summary.digest, comment="")
    result = await hcp_terraform.follow_apply(
        hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60, sensitive=plan.sensitive
    )
    assert result.finished
    assert not result.succeeded
    assert "exit status 3" in result.errors[0].detail
    assert SECRET not in repr(result)


@needs_terraform
async def test_an_apply_that_is_cancelled_says_by_whom(stand_in: HcpStandIn, hcp: HcpTerraform, code: Path) -> None:
    workspace, run = await plan_run(hcp, code, command="sleep 30")
    digest = (await hcp_terraform.read_plan(hcp, run)).summary.digest
    await hcp_terraform.confirm(hcp, workspace, run.id, digest=digest, comment="")
    await hcp_terraform.follow_run(hcp, workspace, run.id, until=lambda run: run.cancelable, timeout=30)
    inside = stand_in.workspaces["prod"].runs[0]
    await hcp_terraform.follow_run(hcp, workspace, run.id, until=lambda _: inside.process is not None, timeout=30)
    assert await hcp_terraform.cancel(hcp, workspace, run.id, comment="stop")
    result = await hcp_terraform.follow_apply(hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60)
    assert result.finished
    assert result.errors[-1].summary == "The run was cancelled in HCP Terraform by signalbox"
    assert not await hcp_terraform.cancel(hcp, workspace, run.id, comment="again")


LEAK = """
    resource "terraform_data" "secret" { input = sensitive("computed-${uuid()}") }
    resource "terraform_data" "user" {
      input = nonsensitive(terraform_data.secret.output)
      provisioner "local-exec" { command = "echo denied for ${self.output} >&2; exit 3" }
    }
    """


@needs_terraform
async def test_details_that_may_have_a_secret_which_only_the_apply_knows_are_withheld(
    hcp: HcpTerraform, code: Path
) -> None:
    (code / "live" / "leak.tf").write_text(LEAK)
    workspace, run = await plan_run(hcp, code)
    plan = await hcp_terraform.read_plan(hcp, run)
    assert plan.computes_secrets
    await hcp_terraform.confirm(hcp, workspace, run.id, digest=plan.summary.digest, comment="")
    result = await hcp_terraform.follow_apply(
        hcp, workspace, run.id, total=1, on_progress=ignore, timeout=60, computes_secrets=plan.computes_secrets
    )
    assert not result.succeeded
    assert [error.summary for error in result.errors] == ["local-exec provisioner error"]
    assert "They are in the run in HCP Terraform" in result.errors[0].detail
    assert "computed-" not in repr(result)
