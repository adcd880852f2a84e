"""Deploy backends: what /deploy asks of one, and the table from a section of the configuration to its backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.errors import UserError
from handlers.deploy.ansible import backend as ansible
from handlers.deploy.github_actions import backend as github_actions
from handlers.shared.requests import deploy_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.slack.blocks.common import ApprovalView
    from handlers.deploy.views import Release
    from handlers.shared.examined import Examined
    from runners.github.runs.workflow_file import Input
    from runners.results import Commit


class DeployBackend(Protocol):
    """One way to deploy code. A backend is a package with a module `backend.py` that has these names."""

    # Whether a deploy can be limited to some of the environment's roles.
    TAKES_ROLES: bool
    # Whether it can report what a deploy would change, without changing anything.
    TAKES_CHECK: bool
    # Whether a deploy waits for room on the bot's machine.
    TAKES_ROOM: bool

    def title(self, environment: Environment, /) -> str:
        """What messages call it, in plain text: "Ansible", "GitHub Actions deploy-prod.yml"."""

    def required_checks(self, environment: Environment, /) -> bool | tuple[str, ...]:
        """Which of the commit's checks must be green: those that its branch requires (True), none, or those named."""

    async def asks(self, services: Services, environment: Environment, ref: str, /) -> tuple[Input, ...]:
        """The inputs that a person may give for a deploy of this ref; empty where there are none."""

    async def ref_at(self, operation: Operation, sha: str, /) -> str:
        """Within a step: the ref by which it deploys exactly this commit. Raises UserError where there is none."""

    async def verify(self, operation: Operation, ref: str, /) -> None:
        """Within a step, before anybody approves. Raises UserError for what is certain to fail later."""

    async def examine(self, operation: Operation, commit: Commit, /) -> Examined:
        """Within a step, before anybody approves, of a commit that may run: sentences for the approvers, and the hosts that they approve.

        Raises RunnerError for code that cannot run.
        """

    async def roll_out(self, operation: Operation, release: Release, approval: ApprovalView | None, /) -> None:
        """Durable: deploy the release, record what runs now (handlers/deploy/release.py), and end the operation.

        Of a release that is a `check` it only reports what would change. From the moment on at which something may have
        changed it sets `operation.failure_context`, so that a failure no longer reports that nothing was deployed.
        """


# By the section's name below `environments.<name>.deploy` (bot/config/models/deploy.py).
BACKENDS: Mapping[str, DeployBackend] = {
    "github_actions": github_actions,
    "ansible": ansible,
}


def backend_of(environment: Environment) -> DeployBackend:
    """The backend that the environment's configuration names. Raises UserError where it has none."""
    return BACKENDS[deploy_of(environment).backend]


def check_supported(environment: Environment, *, roles: bool, check: bool) -> None:
    """Raises UserError where the environment's backend takes no roles, or no check, and these are asked for."""
    backend = backend_of(environment)
    refused = "machine types" if roles and not backend.TAKES_ROLES else ""
    refused = refused or ("check" if check and not backend.TAKES_CHECK else "")
    if refused:
        title = backend.title(environment)
        raise UserError(f"{environment.name} deploys through {title}, which takes no {refused}. Nothing was started.")
