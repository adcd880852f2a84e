"""The plan backend on this machine: a terraform program makes a plan file, and applies exactly that file."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.operations.posting import deliver
from bot.operations.room import Precedence, in_room, wait_for_room
from handlers.plan import audit_entries, command as plan_command, saved_plans, units, variables, views
from handlers.plan.hcp_run import DRIFT_CHECK
from handlers.plan.settings import settings_of, timeout_of
from handlers.shared.caches import cache_of
from handlers.shared.checkout import code_of, commit_of
from handlers.shared.requests import UNIT
from handlers.shared.resuming import prepared
from runners import terraform
from runners.aws.credentials import credential_variables
from runners.concurrency import run_blocking
from runners.errors import RunnerError
from runners.processes.child import child_environment
from runners.terraform import Workspace, find_terragrunt
from runners.terraform.declarations import check, declared_in_directory
from runners.terraform.generation import generate_unit
from runners.terraform.units import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.config import Terraform
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from bot.slack.blocks.kit import Message
    from handlers.plan.backend import OnProgress
    from handlers.plan.command import Chosen
    from handlers.plan.views import PlanView
    from runners.caches import Cache
    from runners.results import ApplyResult, Commit, PlanSummary

log = logging.getLogger(__name__)
CODE_TIMEOUT = 30.0  # seconds for which GitHub is asked again after an apply has ended: without it, errors are withheld


async def commit_to_plan(operation: Operation) -> Commit:
    """The present commit of the configured ref, or of the ref that the command names."""
    ref = plan_command.ref_of(operation.environment, operation.record.arguments)
    return await operation.step("resolve", lambda: commit_of(operation, ref))


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Wait for room, fetch the code at the commit, initialise and plan; sensitive values are masked in all that is returned."""
    if operation.record.kind == DRIFT_CHECK:  # without a message
        async with in_room(operation, Precedence.DRIFT_CHECK):
            return await _make_plan(operation, commit)
    given = variables.cut_in_title(operation.record.arguments)
    message = partial(views.working, operation.head, commit=commit, variables=given)
    async with in_room(operation, Precedence.PLAN, lambda: message("waiting for room")) as waited:
        if waited:
            await deliver(operation.services, operation.number, message("planning"))
        return await _make_plan(operation, commit)


async def _make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    workspace, timeout = await _workspace(operation, commit), timeout_of(operation.services.config)
    await units.check_unit(operation, workspace)
    before = await saved_plans.code_files(operation, workspace)
    chosen = plan_command.chosen(operation.record.arguments)
    await _check_variables(workspace, chosen)
    await terraform.init(workspace, timeout=timeout)
    plan = await terraform.plan(
        workspace, variables=chosen.variables, targets=chosen.targets, replaces=chosen.replaces, timeout=timeout
    )
    await saved_plans.store(operation, workspace, before, plan.summary)
    await audit_entries.record_plan(operation, commit, plan.summary)
    return operation.services.redact.within(plan.summary)


async def _check_variables(workspace: Workspace, chosen: Chosen) -> None:
    """Raise RunnerError for a value that the type of its variable does not allow."""
    if not chosen.variables:
        return
    doing, program = f"planning {workspace.name}", workspace.program.name
    read = partial(declared_in_directory, workspace.directory, workspace.root or workspace.directory, program)
    declared = await run_blocking(read, timeout=CODE_TIMEOUT, doing=doing)
    check(declared, chosen.variables, chosen.hcl, doing)


async def plan_text(operation: Operation, digest: str) -> str:
    """The plan as Terraform prints it, then every difference, without its sensitive values."""
    return await saved_plans.text_of(operation, digest)


async def wait_for_apply(operation: Operation, render: Callable[[], Message]) -> None:
    """Wait for the room that the apply needs, which the operation then has until it ends."""
    await wait_for_room(operation, Precedence.DECIDED, render=render)


async def apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    """Apply the approved plan, and no other. In room that it has, or waits for after a restart."""
    async with in_room(operation, Precedence.DECIDED):
        return await _apply(operation, view, on_progress)


async def _apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    make = partial(_workspace, operation, view.commit)
    await saved_plans.restore(operation, view.summary.digest, make)
    workspace = await make()
    await saved_plans.check_not_cancelled(operation)
    await operation.check_authorized("apply")
    await audit_entries.record_apply_start(operation, view)
    applying = terraform.apply(
        workspace,
        operation.scratch / terraform.PLAN_FILE,
        view.summary.digest,
        variables=plan_command.chosen(operation.record.arguments).variables,
        on_progress=on_progress,
        timeout=timeout_of(operation.services.config),
    )
    result = await audit_entries.record_apply_end(operation, applying)
    return operation.services.redact.within(result)


async def resume_apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    """After a restart: follow the apply to its outcome; an apply that was started is never started again."""
    operation.services.room.occupy(operation.number, Precedence.DECIDED)
    try:
        return await _resume_apply(operation, view, on_progress)
    finally:
        operation.services.room.leave(operation.number)


async def _resume_apply(operation: Operation, view: PlanView, on_progress: OnProgress) -> ApplyResult:
    workspace = await _workspace_again(operation, view)
    timeout = timeout_of(operation.services.config)
    resuming = terraform.resume_apply(workspace, on_progress=on_progress, timeout=timeout)
    resumed = await audit_entries.recording_refusal(operation, resuming)
    if resumed is None and (operation.scratch / terraform.PLAN_FILE).is_file():
        # The scratch directory is complete and has no trace of an apply: it was not started, and the approval is valid.
        return await _apply(operation, view, on_progress)
    result = resumed or await terraform.never_started(workspace)
    await audit_entries.record_apply_result(operation, result)
    return operation.services.redact.within(result)


async def _workspace_again(operation: Operation, view: PlanView) -> Workspace:
    """The plan's workspace, also on another machine. An apply that was started needs it only for reading the state.

    So without GitHub or the store of artifacts such an apply is followed in a workspace without code.
    """

    async def complete() -> Workspace:
        make = partial(_workspace, operation, view.commit)
        await saved_plans.restore(operation, view.summary.digest, make, with_plan=False)
        return await make()

    started = await terraform.started_apply(operation.scratch, operation.services.children.of(operation.number))
    if started is None:
        return await complete()
    try:
        return await prepared(complete, started, timeout=CODE_TIMEOUT)
    except RunnerError as error:
        log.warning("operation %s: its apply is followed without its code: %s", operation.number, error)
        return await _workspace_in(operation, operation.scratch / "code" / "missing")


async def stop_apply(operation: Operation) -> None:
    """Interrupt the apply: Terraform finishes the changes that it has begun, and begins no more."""
    grace = _grace(operation)
    await terraform.cancel_apply(
        operation.scratch, grace=grace, children=operation.services.children.of(operation.number)
    )


async def state(operation: Operation, view: PlanView) -> str:
    """The state's lineage, serial and digest."""
    async with in_room(operation, Precedence.DECIDED):
        workspace = await _workspace_again(operation, view)
        return await terraform.state_digest(workspace, timeout=timeout_of(operation.services.config))


async def discard_plan(operation: Operation, approval: ApprovalView) -> None:
    """Do nothing: the plan file is deleted with the operation's directory."""
    del operation, approval


async def unlock(operation: Operation, commit: Commit, lock_id: str) -> None:
    """Release the state's lock of this id. Raises NotFoundError when there is no such lock (any more)."""
    workspace, timeout = await _workspace(operation, commit), timeout_of(operation.services.config)
    async with in_room(operation, Precedence.DECIDED):
        await terraform.init(workspace, timeout=timeout)
        await operation.check_authorized("unlock")
        await terraform.force_unlock(workspace, lock_id, timeout=timeout)


async def _workspace(operation: Operation, commit: Commit) -> Workspace:
    return await _workspace_in(operation, await code_of(operation, commit))


async def _workspace_in(operation: Operation, root: Path) -> Workspace:
    """The workspace of the code below `root`."""
    services, settings = operation.services, settings_of(operation.environment)
    programs, search_path = services.config.terraform, services.secrets.search_path
    terragrunt = await find_terragrunt(programs.terragrunt_program, search_path) if settings.terragrunt else None
    directory = root / str(settings.code)
    if unit := operation.record.arguments.get(UNIT):
        doing = "reading the units of Terragrunt"
        directory = await run_blocking(place_of, directory, root, unit, timeout=CODE_TIMEOUT, doing=doing)
    workspace = Workspace(
        program=await terraform.find_program(programs.program, search_path),
        terragrunt=terragrunt,
        directory=directory,
        scratch=operation.scratch,
        env=await _environment(operation, settings),
        plugin_cache=_plugin_cache(operation),
        backend_config=settings.backend_config,
        var_files=tuple(root / str(file) for file in settings.var_files),
        selected=settings.workspace,
        ordinary=services.config.words,
        root=root,
        isolation=services.isolation_of(operation.environment),
        children=services.children.of(operation.number, _grace(operation)),
    )
    await generate_unit(workspace)
    return workspace


def _grace(operation: Operation) -> float:
    return operation.services.config.terraform.cancel_grace.total_seconds()


async def _environment(operation: Operation, settings: Terraform) -> dict[str, str]:
    # Built from the configuration alone: the bot's own tokens never reach terraform or a plan's code.
    services = operation.services
    secret = {name: services.secrets.value(source) for name, source in settings.secret_environment.items()}
    place, doing = services.config.aws_of(operation.environment), "reading the AWS credentials"
    if place and settings.aws_profile:
        place = replace(place, profile=settings.aws_profile, role=None)
    aws: Mapping[str, str] = {"AWS_REGION": place.region} if place else {}
    if place and (place.profile or place.role):  # else Terraform looks for credentials itself
        aws = {**aws, **await run_blocking(credential_variables, place, timeout=60, doing=doing)}
    more = {**aws, **settings.environment, **secret}
    return child_environment(operation.scratch / "home", more)


def _plugin_cache(operation: Operation) -> Cache:
    configured = operation.services.config.terraform.plugin_cache or "plugin-cache"
    return cache_of(operation, operation.services.workplace / configured)
