"""The two backends of plans, a terraform program on this machine and HCP Terraform, and what both offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from handlers.plan import hcp, terraform

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.plan.terraform import Progress
    from handlers.plan.views import PlanView
    from runners.results import ApplyResult, Commit, PlanSummary


class PlanBackend(Protocol):
    """What a plan needs. `commit_to_plan` is called from the durable workflow, the rest from within steps."""

    async def commit_to_plan(self, operation: Operation) -> Commit:
        """The commit that will be planned."""

    async def make_plan(self, operation: Operation, commit: Commit) -> PlanSummary:
        """The plan, with nothing sensitive in it. Raises RunnerError."""

    async def plan_text(self, operation: Operation) -> str:
        """The plan as Terraform prints it."""

    async def apply(self, operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
        """Apply the plan that was approved, and no other. Raises RunnerError."""

    async def find_out(self, operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
        """After a restart: follow the apply to its outcome. Raises RunnerError."""

    async def stop_apply(self, operation: Operation) -> None:
        """Interrupt the apply."""

    async def finish(self, operation: Operation, approval: ApprovalView) -> None:
        """The plan will not be applied: discard what waits for that."""


def backend_of(environment: Environment) -> PlanBackend:
    """The backend that plans this environment."""
    return hcp if environment.terraform and environment.terraform.hcp else terraform
