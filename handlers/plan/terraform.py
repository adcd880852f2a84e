"""Terraform for an operation: its workspace, its plan, its apply, and the outcome of an interrupted apply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import UserError
from handlers.plan import audit_notes, command as plan_command
from handlers.shared.checkout import code_of, commit_of
from runners import terraform
from runners.concurrency import run_blocking
from runners.processes.child import child_environment
from runners.results import Change
from runners.terraform import Workspace, lock as terraform_lock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.config import Environment, Terraform
    from bot.operations.operation import Operation
    from bot.slack.blocks.common import ApprovalView
    from handlers.plan.views import PlanView
    from runners.results import ApplyProgress, ApplyResult, Commit, PlanSummary

    Progress = Callable[[ApplyProgress], Awaitable[None]]

LOSSES = (Change.DELETE, Change.REPLACE, Change.FORGET)


def settings_of(environment: Environment) -> Terraform:
    """The environment's Terraform settings. Raises UserError when it has none."""
    if environment.terraform is None:
        raise UserError(f"{environment.name} has no Terraform in the configuration.")
    return environment.terraform


def needs_typed_confirmation(environment: Environment, summary: PlanSummary) -> bool:
    """Whether approving takes more than a click: something protected would go, or more than `confirm_above` resources."""
    above = settings_of(environment).confirm_above
    losses = sum(1 for change in summary.changes if change.change in LOSSES)
    return bool(protected(environment, summary)) or (above is not None and losses > above)


def protected(environment: Environment, summary: PlanSummary) -> tuple[str, ...]:
    """The addresses of protected types that the plan would destroy, replace or forget."""
    types = settings_of(environment).protected
    return tuple(change.address for change in summary.changes if change.type in types and change.change in LOSSES)


async def commit_to_plan(operation: Operation) -> Commit:
    """The commit that the configured ref stands for now."""
    ref = settings_of(operation.environment).ref
    return await operation.step("resolve", lambda: commit_of(operation, ref))


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Fetch the code at the commit, initialise, plan. Whatever the plan marks sensitive is redacted from now on."""
    workspace, timeout = await _workspace(operation, commit), _timeout(operation)
    await terraform.init(workspace, timeout=timeout)
    chosen = plan_command.chosen(operation.record.arguments)
    planned = await terraform.plan(
        workspace, variables=chosen.variables, targets=chosen.targets, replaces=chosen.replaces, timeout=timeout
    )
    redact = operation.services.redact
    redact.add(planned.sensitive)
    await audit_notes.planned(operation, commit, planned.summary)
    return replace(redact.within(planned.summary), digest=planned.summary.digest)


async def plan_text(operation: Operation) -> str:
    """The plan as Terraform prints it."""
    await _hide_sensitive(operation)
    file = operation.scratch / terraform.PLAN_TEXT
    return await run_blocking(file.read_text, "utf-8", "replace", timeout=60, doing="reading the plan")


async def apply(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """Apply the plan that was approved, and no other."""
    await _hide_sensitive(operation)
    workspace = await _workspace(operation, view.commit)
    await audit_notes.apply_started(operation, view)
    applying = terraform.apply(
        workspace,
        operation.scratch / terraform.PLAN_FILE,
        view.summary.digest,
        on_progress=on_progress,
        timeout=_timeout(operation),
    )
    result = await audit_notes.apply_ended(operation, applying)
    return operation.services.redact.within(result)


async def find_out(operation: Operation, view: PlanView, on_progress: Progress) -> ApplyResult:
    """After a restart: what became of the apply. One that had begun is followed or reported, never started again."""
    await _hide_sensitive(operation)
    workspace, timeout = await _workspace(operation, view.commit), _timeout(operation)
    begun = await terraform.resume_apply(workspace, on_progress=on_progress, timeout=timeout)
    if begun is None and (operation.scratch / terraform.PLAN_FILE).is_file():
        # Everything that a begun apply would have left is here, and it did not begin: the approval still stands.
        return await apply(operation, view, on_progress)
    result = begun or await terraform.find_out(workspace, on_progress=on_progress, timeout=timeout)
    await audit_notes.apply_found(operation, result)
    return operation.services.redact.within(result)


async def stop_apply(operation: Operation) -> None:
    """Interrupt the apply: Terraform finishes what it has begun, and begins no more."""
    grace = operation.services.config.terraform.cancel_grace.total_seconds()
    await terraform.cancel_apply(operation.scratch, grace=grace)


async def finish(operation: Operation, approval: ApprovalView) -> None:
    """Nobody else waits for a plan that is a file here: it goes with the operation's directory."""
    del operation, approval


async def unlock(operation: Operation, commit: Commit, lock_id: str) -> None:
    """Give back the state's lock of this id. Raises NotFoundError when there is none (any more)."""
    workspace, timeout = await _workspace(operation, commit), _timeout(operation)
    await terraform.init(workspace, timeout=timeout)
    await terraform_lock.force_unlock(workspace, lock_id, timeout=timeout)


async def _hide_sensitive(operation: Operation) -> None:
    # A restart has emptied the redactor of what the plan marks sensitive.
    sensitive = await run_blocking(terraform.stored_sensitive, operation.scratch, timeout=60, doing="reading the plan")
    operation.services.redact.add(sensitive)


async def _workspace(operation: Operation, commit: Commit) -> Workspace:
    services, settings = operation.services, settings_of(operation.environment)
    program = await terraform.find_program(services.config.terraform.program, services.secrets.search_path)
    root = await code_of(operation, commit)
    return Workspace(
        program=program,
        directory=root / str(settings.directory),
        scratch=operation.scratch,
        env=_environment(operation, settings),
        plugin_cache=_plugin_cache(operation),
        backend_config=settings.backend_config,
        var_files=settings.var_files,
        selected=settings.workspace,
    )


def _environment(operation: Operation, settings: Terraform) -> dict[str, str]:
    # Built from the configuration alone: the bot's own tokens never reach terraform or a plan's code.
    services = operation.services
    secret = {name: services.secrets.value(source) for name, source in settings.secret_environment.items()}
    services.redact.add(secret.values())
    aws = services.config.aws
    profile = {"AWS_PROFILE": aws.profile, **services.secrets.aws_files} if aws.profile else {}
    return child_environment(operation.scratch, {"AWS_REGION": aws.region, **profile, **settings.environment, **secret})


def _plugin_cache(operation: Operation) -> Path | None:
    configured = operation.services.config.terraform.plugin_cache
    return operation.services.workplace / configured if configured else operation.services.workplace / "plugin-cache"


def _timeout(operation: Operation) -> float:
    return operation.services.config.terraform.timeout.total_seconds()
