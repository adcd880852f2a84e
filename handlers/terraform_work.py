"""The Terraform side of an operation: its workspace, its plan, its apply, and what became of one cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.terraform import Workspace

from bot.errors import UserError
from handlers.code import code_of
from runners import terraform
from runners.blocking import run_blocking
from runners.process import child_environment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bot.config import Environment, Terraform
    from bot.operation import Operation
    from runners.results import ApplyProgress, ApplyResult, Commit, PlanSummary

    Progress = Callable[[ApplyProgress], Awaitable[None]]


def settings_of(environment: Environment) -> Terraform:
    """The environment's Terraform settings. Raises UserError when it has none."""
    if environment.terraform is None or environment.terraform.directory is None:
        raise UserError(f"{environment.name} has no Terraform directory in the configuration.")
    return environment.terraform


async def make_plan(operation: Operation, commit: Commit) -> PlanSummary:
    """Fetch the code at the commit, initialise, plan. Whatever the plan marks sensitive is redacted from now on."""
    workspace, timeout = await _workspace(operation, commit), _timeout(operation)
    await terraform.init(workspace, timeout=timeout)
    planned = await terraform.plan(workspace, variables=operation.record.arguments, timeout=timeout)
    operation.services.redact.add(planned.sensitive)
    return planned.summary


async def plan_text(operation: Operation) -> str:
    """The plan as Terraform prints it."""
    file = operation.scratch / "plan.txt"
    return await run_blocking(file.read_text, "utf-8", "replace", timeout=60, doing="reading the plan")


async def apply(operation: Operation, commit: Commit, summary: PlanSummary, on_progress: Progress) -> ApplyResult:
    """Apply the plan that was approved, and no other."""
    return await terraform.apply(
        await _workspace(operation, commit),
        operation.scratch / terraform.PLAN_FILE,
        summary.digest,
        on_progress=on_progress,
        timeout=_timeout(operation),
    )


async def find_out(operation: Operation, commit: Commit, on_progress: Progress) -> ApplyResult:
    """After a restart: what became of the apply. It is never started again."""
    return await terraform.find_out(
        await _workspace(operation, commit), on_progress=on_progress, timeout=_timeout(operation)
    )


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
    )


def _environment(operation: Operation, settings: Terraform) -> dict[str, str]:
    # Built from the configuration alone: the bot's own tokens never reach terraform or a plan's code.
    services = operation.services
    secret = {name: services.secrets.value(source) for name, source in settings.secret_environment.items()}
    services.redact.add(secret.values())
    aws = services.config.aws
    region = {"AWS_REGION": aws.region, **({"AWS_PROFILE": aws.profile} if aws.profile else {})}
    return child_environment(operation.scratch, {**region, **settings.environment, **secret})


def _plugin_cache(operation: Operation) -> Path | None:
    configured = operation.services.config.terraform.plugin_cache
    return operation.services.workplace / configured if configured else operation.services.workplace / "plugin-cache"


def _timeout(operation: Operation) -> float:
    return operation.services.config.terraform.timeout.total_seconds()
