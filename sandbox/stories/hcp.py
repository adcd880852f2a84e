"""Plans in HCP Terraform: one is approved in Slack, one is discarded in HCP Terraform's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hcp import Costs, Policies, Task
from sandbox.stories._acting import announce, clicks, expect, shows, types
from sandbox.world import Options

if TYPE_CHECKING:
    from sandbox.world import World

SUMMARY = "prod is planned in HCP Terraform: two leads approve, it is applied; the next plan is discarded over there"
CHANNELS = ("#prod",)
OPTIONS = Options(hcp=True)


async def play(world: World) -> None:
    """Act it out."""
    workspace = world.hcp.workspaces["production"]
    workspace.costs, workspace.policies = Costs("212.64", "12.50"), Policies(passed=2, advisory_failed=1)
    workspace.tasks = (Task("scan", "failed", "1 finding: port 22 is open to all", "https://scan.example.com/1"),)
    await types(world, "ana", "#prod", "/plan prod")
    ask = await shows(world, "#prod", "#1 Plan for prod", "to replace", "Waiting for approval", "212.64 USD a month")
    expect("Run task scan" in ask.rendered, "it does not say what the run task has found")
    await clicks(world, "lee", ask, "approve")
    await shows(world, "#prod", "#1 ", "needs 1 more approval")
    await clicks(world, "max", ask, "approve")
    done = await shows(world, "#prod", "#1 ", "applied, 1 replaced, 0 destroyed")
    expect("approve" not in done.rendered.lower().split("approved by")[0], "an applied plan still asks for approval")
    comments = [text for _, text in workspace.runs[0].comments]
    expect(
        comments and "lee" in comments[0] and "max" in comments[0],
        f"HCP Terraform does not know who approved: {comments}",
    )

    await types(world, "ana", "#prod", "/plan prod backend_ami=ami-0abc0123456789abc")
    ask = await shows(world, "#prod", "#2 Plan for prod", "Waiting for approval")
    announce("max discards the run in HCP Terraform's own page")
    world.hcp.press(workspace.runs[1], "discard", "max")
    done = await shows(world, "#prod", "#2 ", "discarded in HCP Terraform by max, nothing was applied")
    expect(not done.buttons, "a discarded plan still has buttons")
