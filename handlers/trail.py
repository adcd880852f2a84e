"""What operations leave in the trail of the world outside: what was planned, what was begun, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.errors import RunnerError
from runners.results import Change, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from bot.blocks.plan import PlanView
    from bot.operation import Operation
    from runners.results import ApplyResult, Commit, DaemonSeen, PlanSummary, PlaybookResult, WorkflowRun

DIGITS = 12  # of a plan's digest, as its message shows it
LONGEST = 200


async def planned(operation: Operation, commit: Commit, summary: PlanSummary) -> None:
    """Within a step: which commit was planned, and what the plan would do."""
    digest = summary.digest[:DIGITS]
    await operation.note("planned", commit=commit.short, plan=digest, changes=counts(summary))


async def apply_started(operation: Operation, view: PlanView) -> None:
    """Within a step, before the apply: which plan it is of."""
    summary = view.summary
    digest = summary.digest[:DIGITS]
    await operation.note("apply started", commit=view.commit.short, plan=digest, changes=counts(summary))


async def apply_ended(operation: Operation, apply: Awaitable[ApplyResult]) -> ApplyResult:
    """Within a step: wait for the apply, and note how it ended; what it raises is noted and raised."""
    try:
        result = await apply
    except RunnerError as error:
        why = operation.services.redact(error.problem)[:LONGEST]
        await operation.note("apply ended", outcome="not applied", why=why)
        raise
    await apply_found(operation, result)
    return result


async def apply_found(operation: Operation, result: ApplyResult) -> None:
    """Within a step: how an apply ended."""
    done = f"{result.added} added, {result.changed} changed, {result.destroyed} destroyed"
    await operation.note("apply ended", outcome=_apply_in_words(result), done=done)


async def dispatched(operation: Operation, commit: Commit, workflow: str, run_id: int) -> None:
    """Within a step: which run on GitHub is this operation's."""
    repository_url, _, _ = commit.url.partition("/commit/")
    url = f"{repository_url}/actions/runs/{run_id}"
    await operation.note("dispatched", workflow=workflow, run=str(run_id), url=url, commit=commit.short)


async def run_ended(operation: Operation, run: WorkflowRun) -> None:
    """Within a step: how the run on GitHub ended, and which commit it was of."""
    numbered = f"{run.workflow} #{run.number}"
    await operation.note("run ended", run=numbered, outcome=run.state.value, url=run.url, commit=run.head_sha[:7])


async def playbook_started(operation: Operation, machine: str, commit: Commit, *, check: bool = False) -> None:
    """Within a step, before the playbook; `check` when it only looks what would change."""
    what = "playbook check started" if check else "playbook started"
    await operation.note(what, machine=machine, commit=commit.short)


async def playbook_ended(operation: Operation, machine: str, result: PlaybookResult) -> None:
    """Within a step: how a machine type's playbook ended, and on how many hosts it went well."""
    outcome = result.state.value if result.finished else "cut short"
    well = sum(1 for host in result.hosts if host.state is State.SUCCEEDED)
    await operation.note("playbook ended", machine=machine, outcome=outcome, hosts=f"{well} of {len(result.hosts)}")


async def daemons_seen(operation: Operation, seen: Sequence[DaemonSeen]) -> None:
    """Within a step: what was wrong with daemons, and what was done about it."""
    wrong = [f"{one.daemon} on {one.host}: {one.problem}" for one in seen if not one.ok]
    done = [f"{one.daemon} on {one.host} {one.did}" for one in seen if one.did]
    outcome = f"{len(seen) - len(wrong)} of {len(seen)} as they should be"
    said = {"why": "; ".join(wrong)[:LONGEST], "done": "; ".join(done)[:LONGEST]}
    await operation.note("daemons looked at", outcome=outcome, **{name: text for name, text in said.items() if text})


def counts(summary: PlanSummary) -> str:
    """How many resources would be changed in which way, worst first."""
    found = [f"{number} to {change.value}" for change in Change if (number := summary.count(change))]
    found += [f"{len(summary.outputs)} outputs"] if summary.outputs else []
    return ", ".join(found) or "none"


def _apply_in_words(result: ApplyResult) -> str:
    if not result.finished:
        return "cut short"
    return "applied" if result.succeeded else "failed"
