"""An operation's run in HCP Terraform: begun once, found again after a crash, put away when nobody wants it any more."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.plan import command as plan_command
from handlers.shared.checkout import code_of
from runners import hcp as hcp_terraform
from runners.errors import RunnerError, UncertainError
from runners.hcp import upload as hcp_upload

if TYPE_CHECKING:
    from bot.config import Terraform
    from bot.operations.operation import Operation
    from runners.hcp.client import HcpTerraform
    from runners.hcp.values import HcpWorkspace
    from runners.results import Commit

log = logging.getLogger(__name__)
LOOKS = "drift"  # the kind of operation
LISTING_TIMEOUT = 5.0  # seconds until a run that was just created is in the list of runs for certain
PUTTING_AWAY = 60.0  # seconds at most for discarding the run of an operation that goes on without it


async def start(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    """Upload the code, unless the workspace has its own, and create the run: its id. Raises RunnerError."""
    hcp, marker, chosen = hcp_of(operation), _marker(operation), plan_command.chosen(operation.record.arguments)
    message = f"Signalbox #{operation.number} {await _why(operation)} ({marker})"
    configuration = None
    if commit:
        root = await code_of(operation, commit)
        doing = f"uploading {commit.short} to {workspace}"
        configuration = await hcp_upload.upload(hcp, workspace, root, doing=doing)
    try:
        made = await hcp_terraform.create_run(
            hcp,
            workspace,
            message=message,
            variables=chosen.variables,
            configuration=configuration,
            targets=chosen.targets,
            replaces=chosen.replaces,
            plan_only=only_looks(operation),
        )
    except UncertainError:
        run_id = await _find_run(operation, workspace, marker)
        if run_id is None:
            raise
        made = run_id
    await operation.services.run_claims.claim_hcp(operation.number, made)
    return made


async def start_again(operation: Operation, workspace: HcpWorkspace, commit: Commit | None) -> str:
    """After an interruption: the run that the first try made, if it got so far."""
    claimed = await operation.services.run_claims.hcp_run_of(operation.number)
    run_id = claimed or await _find_run(operation, workspace, _marker(operation))
    if run_id is None:
        return await start(operation, workspace, commit)
    await operation.services.run_claims.claim_hcp(operation.number, run_id)
    return run_id


async def run_of(operation: Operation, workspace: HcpWorkspace | None = None) -> tuple[HcpTerraform, HcpWorkspace, str]:
    """The operation's run, with where it is. Raises RunnerError when there is none."""
    run_id = await operation.services.run_claims.hcp_run_of(operation.number)
    if run_id is None:
        raise RunnerError("looking for the run in HCP Terraform", "this operation has none", remedy="Plan again.")
    return hcp_of(operation), workspace or await workspace_of(operation), run_id


async def put_away(operation: Operation, comment: str) -> None:
    """See that the run's plan is never applied; what cannot be done now is said in the log, for the run is in HCP's list."""
    try:
        async with asyncio.timeout(PUTTING_AWAY):
            hcp, workspace, run_id = await run_of(operation)
            await hcp_terraform.dismiss(hcp, workspace, run_id, comment=comment)
    except (RunnerError, TimeoutError) as error:
        log.warning(
            "operation %s: its run stays in HCP Terraform: %s", operation.number, operation.services.redact(str(error))
        )


def hcp_of(operation: Operation) -> HcpTerraform:
    """HCP Terraform. Raises UserError without a token."""
    if operation.services.hcp is None:
        raise UserError("The bot was started without TFE_TOKEN, so HCP Terraform cannot be asked. Nothing was started.")
    return operation.services.hcp


def settings_of(operation: Operation) -> Terraform:
    """The environment's Terraform settings. Raises UserError when it has none."""
    if operation.environment.terraform is None:
        raise UserError(f"{operation.environment.name} has no Terraform in the configuration.")
    return operation.environment.terraform


async def workspace_of(operation: Operation) -> HcpWorkspace:
    """The workspace that the environment names, as it is now. Raises RunnerError, UserError."""
    named = settings_of(operation).hcp
    if named is None:
        raise UserError(f"{operation.environment.name} is no longer planned in HCP Terraform.")
    return await hcp_terraform.workspace_of(hcp_of(operation), named.organization, named.workspace)


async def usable_workspace(operation: Operation) -> HcpWorkspace:
    """The same. Raises RunnerError when nobody could approve there first, or it is locked."""
    workspace = await workspace_of(operation)
    hcp_terraform.check_usable(workspace, plan_only=only_looks(operation))
    return workspace


def only_looks(operation: Operation) -> bool:
    """Whether its run is never to be applied, since it only looks for drift."""
    return operation.record.kind == LOOKS


async def name_of(operation: Operation, person: str) -> str:
    """A person as their colleagues know them, with the id that nobody else has."""
    name = await operation.services.directory.name(person)
    return f"{name} ({person})" if name else person


def timeout_of(operation: Operation) -> float:
    """How long planning, or an apply, may take; in seconds."""
    return operation.services.config.terraform.timeout.total_seconds()


async def _why(operation: Operation) -> str:
    if only_looks(operation):
        return "looks for drift"
    return f"asked by {await name_of(operation, operation.record.requester)} in Slack"


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
