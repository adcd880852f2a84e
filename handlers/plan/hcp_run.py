"""An operation's run in HCP Terraform: created once, found again after a crash, discarded when it is no longer needed."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.plan import command as plan_command
from handlers.plan.settings import settings_of
from handlers.shared.checkout import code_of
from runners import hcp as hcp_terraform
from runners.errors import RunnerError, UncertainError

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpWorkspace
    from runners.results import Commit

log = logging.getLogger(__name__)
DRIFT_CHECK = "drift"  # the kind of operation
LISTING_TIMEOUT = 5.0  # seconds after which the list of runs surely has a new run
DISCARD_TIMEOUT = 60.0  # seconds for discarding the run of an operation that continues without it


async def create(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    """Upload the code of `commit` (None: the workspace fetches its own), create the run, and return its id.

    Raises RunnerError.
    """
    hcp, marker, chosen = hcp_of(operation), _marker(operation), plan_command.chosen(operation.record.arguments)
    message = f"Signalbox #{operation.number} {await _reason(operation)} ({marker})"
    configuration = None
    if commit:
        root = await code_of(operation, commit)
        doing = f"uploading {commit.short} to {workspace}"
        configuration = await hcp_terraform.upload_configuration(hcp, workspace, root, doing=doing)
    try:
        run_id = await hcp_terraform.create_run(
            hcp,
            workspace,
            message=message,
            variables={
                name: value if name in chosen.hcl else hcp_terraform.literal(value)
                for name, value in chosen.variables.items()
            },
            configuration=configuration,
            targets=chosen.targets,
            replaces=chosen.replaces,
            plan_only=is_drift_check(operation),
        )
    except UncertainError:
        listed = await _find_run(operation, workspace, marker)
        if listed is None:
            raise
        run_id = listed
    await operation.services.run_claims.claim_hcp(operation.number, run_id)
    return run_id


async def find_or_create(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    """After an interruption: the id of the run that the first attempt created, else of a new one. Raises RunnerError."""
    claimed = await operation.services.run_claims.hcp_run_of(operation.number)
    run_id = claimed or await _find_run(operation, workspace, _marker(operation))
    if run_id is None:
        return await create(operation, workspace, commit)
    await operation.services.run_claims.claim_hcp(operation.number, run_id)
    return run_id


async def run_of(operation: Operation, workspace: HcpWorkspace | None = None) -> tuple[HcpTerraform, HcpWorkspace, str]:
    """The client, the workspace and the id of the operation's run. Raises RunnerError when it has no run."""
    run_id = await operation.services.run_claims.hcp_run_of(operation.number)
    if run_id is None:
        raise RunnerError("looking for the run in HCP Terraform", "this operation has none", remedy="Plan again.")
    return hcp_of(operation), workspace or await workspace_of(operation), run_id


async def discard(operation: Operation, comment: str) -> None:
    """Make sure that the run's plan is never applied; a failure is only logged, since HCP Terraform lists the run."""
    try:
        async with asyncio.timeout(DISCARD_TIMEOUT):
            hcp, workspace, run_id = await run_of(operation)
            await hcp_terraform.discard(hcp, workspace, run_id, comment=comment)
    except (RunnerError, TimeoutError) as error:
        log.warning(
            "operation %s: its run stays in HCP Terraform: %s", operation.number, operation.services.redact(str(error))
        )


def hcp_of(operation: Operation) -> HcpTerraform:
    """The client of HCP Terraform. Raises UserError without a token."""
    if operation.services.hcp is None:
        raise UserError("The bot was started without TFE_TOKEN, so HCP Terraform cannot be asked. Nothing was started.")
    return operation.services.hcp


async def workspace_of(operation: Operation) -> HcpWorkspace:
    """The present state of the environment's workspace. Raises RunnerError, UserError."""
    configured = settings_of(operation.environment).hcp
    if configured is None:
        raise UserError(f"{operation.environment.name} is no longer planned in HCP Terraform.")
    return await hcp_terraform.workspace_of(hcp_of(operation), configured.organization, configured.workspace)


async def usable_workspace(operation: Operation) -> HcpWorkspace:
    """The environment's workspace. Raises RunnerError when it applies without approval, or is locked."""
    workspace = await workspace_of(operation)
    hcp_terraform.check_usable(workspace, plan_only=is_drift_check(operation))
    return workspace


def is_drift_check(operation: Operation) -> bool:
    """Whether the operation only checks for drift, so that its run must never be applied."""
    return operation.record.kind == DRIFT_CHECK


async def name_of(operation: Operation, person: str) -> str:
    """A person's name in Slack with their user id, which is unique."""
    name = await operation.services.directory.name(person)
    return f"{name} ({person})" if name else person


async def _reason(operation: Operation) -> str:
    if is_drift_check(operation):
        return "looks for drift"
    return f"requested by {await name_of(operation, operation.record.requester)} in Slack"


async def _find_run(operation: Operation, workspace: HcpWorkspace, marker: str) -> str | None:
    hcp = hcp_of(operation)
    run_id = await hcp_terraform.find_run(hcp, workspace, marker)
    if run_id is None:
        await asyncio.sleep(LISTING_TIMEOUT)
        run_id = await hcp_terraform.find_run(hcp, workspace, marker)
    return run_id


def _marker(operation: Operation) -> str:
    # It distinguishes this operation from one of the same number in another database.
    record = operation.record
    seed = f"{record.number} {record.created_at} {record.channel} {record.message_ts}"
    return hashlib.sha256(seed.encode()).hexdigest()[:12]
