"""The interface of plan backends, and the choice between the two: a terraform program on this machine, HCP Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.operations.room import Precedence
from handlers.plan import hcp_backend, local_backend

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, PlanSummary

    OnProgress = Callable[[ApplyProgress], Awaitable[None]]


class PlanBackend(Protocol):
    """Makes and applies plans. The workflow calls `commit_to_plan` directly, the others within steps."""

    async def commit_to_plan(self, operation: Operation) -> Commit:
        """The commit to plan. Raises RunnerError."""

    async def make_plan(self, operation: Operation, commit: Commit) -> PlanSummary:
        """Make the plan, and return its summary without sensitive values. Raises RunnerError."""

    async def plan_text(self, operation: Operation, digest: str, /) -> str:
        """The plan of this digest as Terraform prints it, then every difference."""

    async def wait_for_apply(self, operation: Operation, render: Callable[[], Message], /) -> None:
        """Wait until the apply may begin; `render` draws the message meanwhile. Raises Cancelled."""

    async def apply(self, operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
        """Apply the approved plan, and no other. Raises RunnerError."""

    async def resume_apply(self, operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
        """After a restart: follow the apply to its outcome. Raises RunnerError."""

    async def stop_apply(self, operation: Operation) -> None:
        """Interrupt the apply."""

    async def state(self, operation: Operation, view: PlanView, /) -> str:
        """What identifies the state that the plan would change. Raises RunnerError."""

    async def discard_plan(self, operation: Operation, approval: ApprovalView) -> None:
        """Discard a plan that will not be applied."""


def room_of(environment: Environment) -> Precedence | None:
    """How urgent the room on this machine is that a plan of the environment begins in; None where HCP Terraform makes it."""
    return Precedence.PLAN if backend_of(environment) is local_backend else None


def backend_of(environment: Environment) -> PlanBackend:
    """The backend that plans this environment."""
    return hcp_backend if environment.terraform and environment.terraform.hcp else local_backend
