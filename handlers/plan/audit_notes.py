"""What plans and applies leave in the audit log: what was planned, what was applied, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.results import Change

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bot.operations.operation import Operation
    from handlers.plan.views import PlanView
    from runners.results import ApplyResult, Commit, PlanSummary


LONGEST = 200
DIGITS = 12  # of a plan's digest, as its message shows it


async def planned(operation: Operation, commit: Commit, summary: PlanSummary) -> None:
    """Within a step: which commit was planned, and what the plan would do."""
    digest = summary.digest[:DIGITS]
    await operation.annotate("planned", commit=commit.short, plan=digest, changes=counts(summary))


async def apply_started(operation: Operation, view: PlanView) -> None:
    """Within a step, before the apply: which plan it is of."""
    summary = view.summary
    digest = summary.digest[:DIGITS]
    await operation.annotate("apply started", commit=view.commit.short, plan=digest, changes=counts(summary))


async def apply_ended(operation: Operation, apply: Awaitable[ApplyResult]) -> ApplyResult:
    """Within a step: wait for the apply, and note how it ended; what it raises is noted and raised."""
    try:
        result = await apply
    except RunnerError as error:
        why = operation.services.redact(error.problem)[:LONGEST]
        await operation.annotate("apply ended", outcome="not applied", why=why)
        raise
    await apply_found(operation, result)
    return result


async def apply_found(operation: Operation, result: ApplyResult) -> None:
    """Within a step: how an apply ended."""
    done = f"{result.added} added, {result.changed} changed, {result.destroyed} destroyed"
    await operation.annotate("apply ended", outcome=_apply_in_words(result), done=done)


def counts(summary: PlanSummary) -> str:
    """How many resources would be changed in which way, worst first."""
    parts = [f"{number} to {change.value}" for change in Change if (number := summary.count(change))]
    parts += [f"{len(summary.outputs)} outputs"] if summary.outputs else []
    return ", ".join(parts) or "none"


def _apply_in_words(result: ApplyResult) -> str:
    if not result.finished:
        return "cut short"
    return "applied" if result.succeeded else "failed"
