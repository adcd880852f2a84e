"""Where an environment's plans are made: by a terraform program here, or in HCP Terraform. Both have the same face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from handlers.plan import hcp as hcp_work, terraform as terraform_work

if TYPE_CHECKING:
    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.plan.terraform import Progress
    from handlers.plan.views import PlanView
    from runners.results import ApplyResult, Commit, PlanSummary


class Work(Protocol):
    """What a plan's operation needs. `commit_to_plan` is called from its durable body, the rest from within steps."""

    async def commit_to_plan(self, operation: Operation) -> Commit:
        """The commit that will be planned."""

    async def make_plan(self, operation: Operation, commit: Commit) -> PlanSummary:
        """The plan, with nothing sensitive in it. Raises RunnerError."""

    async def plan_text(self, operation: Operation) -> str:
        """The plan as Terraform prints it."""

    async def apply(self, operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
        """Apply the plan that was approved, and no other. Raises RunnerError."""

    async def find_out(self, operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
        """After a restart: what became of the apply. Raises RunnerError."""

    async def stop_apply(self, operation: Operation) -> None:
        """Interrupt the apply."""

    async def finish(self, operation: Operation, approval: ApprovalView) -> None:
        """It will not be applied: put away what waits for that."""


def work_of(environment: Environment) -> Work:
    """How this environment is planned."""
    return hcp_work if environment.terraform and environment.terraform.hcp else terraform_work
