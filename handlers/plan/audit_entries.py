"""Entries of plans and applies in the audit log: what was planned, what is being applied, how the apply ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bot.operations.entries import annotate_once
from runners import phrases
from runners.errors import RunnerError, UncertainError
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.operations.operation import Operation
    from handlers.plan.views import PlanView
    from runners.results import ApplyResult, Commit, PlanSummary

T = TypeVar("T")
LONGEST_PROBLEM = 200  # characters


async def record_plan(operation: Operation, commit: Commit, summary: PlanSummary) -> None:
    """Within a step: record the commit that was planned, and the number of changes."""
    await operation.annotate("planned", commit=commit.sha, plan=summary.digest, changes=counts(summary))


async def record_apply_start(operation: Operation, view: PlanView) -> None:
    """Within a step, before the apply: record which plan is applied."""
    commit, summary = view.commit.sha, view.summary
    await annotate_once(operation, "apply started", commit=commit, plan=summary.digest, changes=counts(summary))


async def record_apply_end(operation: Operation, apply: Awaitable[ApplyResult]) -> ApplyResult:
    """Within a step: wait for the apply and record its outcome, also when it raises a RunnerError."""
    result = await recording_refusal(operation, apply)
    await record_apply_result(operation, result)
    return result


async def recording_refusal(operation: Operation, apply: Awaitable[T]) -> T:
    """Within a step: wait for the apply; record its end where it raises a RunnerError, and no other."""
    try:
        return await apply
    except RunnerError as error:
        why = operation.services.redact(error.problem)[:LONGEST_PROBLEM]
        outcome = "unknown" if isinstance(error, UncertainError) else "not applied"
        await annotate_once(operation, "apply ended", outcome=outcome, why=why)
        raise


async def record_apply_result(operation: Operation, result: ApplyResult) -> None:
    """Within a step: record the outcome of an apply."""
    done = f"{result.added} added, {result.changed} changed, {result.destroyed} destroyed"
    await annotate_once(operation, "apply ended", outcome=_outcome(result), done=done)


def counts(summary: PlanSummary) -> str:
    """The number of resources for each kind of change, worst first, then of outputs and of actions to run."""
    parts = [f"{number} to {change.value}" for change in Change if (number := summary.count(change))]
    parts += [phrases.counted(summary.changed_outputs, "output")] if summary.outputs else []
    parts += [f"{phrases.counted(summary.actions, 'action')} to run"] if summary.actions else []
    return ", ".join(parts) or "none"


def _outcome(result: ApplyResult) -> str:
    if not result.finished:
        return "cut short"
    return "applied" if result.succeeded else "failed"
