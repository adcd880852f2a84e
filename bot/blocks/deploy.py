"""A code deploy as one message: what goes out, each machine's state, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.blocks import kit, operation
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.blocks.kit import Block, Cell, Message
    from bot.blocks.operation import ApprovalView, Head
    from runners.results import Commit, FailedTask, Job, PlaybookResult, WorkflowRun

MARKS = {
    State.WAITING: "⏳ waiting",
    State.RUNNING: "🔄 running",
    State.SUCCEEDED: "✅ done",
    State.FAILED: "❌ failed",
    State.CANCELLED: "🚫 cancelled",
    State.SKIPPED: "⏭️ skipped",
    State.UNREACHABLE: "🔌 unreachable",
    State.UNKNOWN: "❔ unknown",
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What would go out: the commit, what runs now (in words, escaped), and through what ("deploy-prod.yml")."""

    commit: Commit
    running_now: str
    through: str


def working(head: Head, doing: str, outgoing: Outgoing | None = None) -> Message:
    """Before anything has gone out."""
    blocks = [operation.first_line(head, "running", doing), *_outgoing(outgoing), operation.asked_by(head)]
    return kit.message(operation.plain(head, doing), blocks)


def ask(head: Head, outgoing: Outgoing, approval: ApprovalView) -> Message:
    """What would go out, with Approve and Reject."""
    news = f"{kit.escape(outgoing.commit.short)} is ready to go out. Waiting for approval"
    question = f"Signalbox will deploy commit {kit.escape(outgoing.commit.short)} to *{kit.escape(head.environment)}*."
    return kit.message(
        operation.plain(head, news),
        [
            operation.first_line(head, "approval", news),
            *_outgoing(outgoing),
        ],
        foot=[
            operation.decision_buttons(
                approval, approve=f"Approve and deploy to {head.environment}", question=question
            ),
            operation.approval_lines(approval),
            operation.asked_by(head),
        ],
    )


def settled(head: Head, outgoing: Outgoing, approval: ApprovalView) -> Message:
    """After a decision that ends it: rejected or expired."""
    news = {
        "rejected": "rejected, nothing was deployed",
        "expired": "expired, nothing was deployed. Run /deploy again when you need it",
    }[approval.outcome]
    return _message(head, approval.outcome, news, outgoing, approval)


def run_progress(head: Head, outgoing: Outgoing, approval: ApprovalView | None, run: WorkflowRun) -> Message:
    """A GitHub Actions run under way."""
    done = sum(1 for job in run.jobs if job.state.ended)
    news = f"deploying {kit.escape(outgoing.commit.short)}, {done} of {len(run.jobs)} jobs done"
    return _message(head, "running", news, outgoing, approval, body=[_run_line(run), *_jobs(run.jobs)])


def run_ended(
    head: Head, outgoing: Outgoing, approval: ApprovalView | None, run: WorkflowRun, *, warning: str = ""
) -> Message:
    """A GitHub Actions run that has ended. `warning` says why its success is none; it is already escaped."""
    body = [*_warning(warning), _run_line(run), *_jobs(run.jobs)]
    short = kit.escape(outgoing.commit.short)
    if run.state is not State.SUCCEEDED:
        return _message(head, "failed", _how_it_failed(run), outgoing, approval, body=body)
    if warning:
        return _message(head, "failed", f"the run succeeded, but not with {short}", outgoing, approval, body=body)
    return _message(head, "succeeded", f"deployed {short}{_took(run)}", outgoing, approval, body=body)


def hosts_progress(
    head: Head, outgoing: Outgoing, approval: ApprovalView | None, results: Sequence[PlaybookResult], machines: int
) -> Message:
    """Playbooks under way: `results` so far, of `machines` in all."""
    done = sum(1 for result in results if result.state.ended)
    news = f"deploying {kit.escape(outgoing.commit.short)}, {done} of {machines} machine types done"
    return _message(head, "running", news, outgoing, approval, body=_hosts(results))


def hosts_ended(
    head: Head,
    outgoing: Outgoing,
    approval: ApprovalView | None,
    results: Sequence[PlaybookResult],
    not_started: Sequence[str],
) -> Message:
    """All playbooks ended, or one failed and the machines in `not_started` were left as they were."""
    failed = [host.host for result in results for host in result.hosts if host.state not in _GOOD]
    cut_short = [result for result in results if not result.finished]
    left = f" Not touched: {', '.join(map(kit.escape, not_started))}." if not_started else ""
    board = _hosts(results)
    short = kit.escape(outgoing.commit.short)
    if cut_short:
        news = f"interrupted during {kit.escape(cut_short[0].playbook)}, and not started again.{left} Run /deploy again"
        return _message(head, "interrupted", news, outgoing, approval, body=board)
    if not failed and all(result.state is State.SUCCEEDED for result in results):
        return _message(
            head, "succeeded", f"deployed {short} to {_hosts_count(results)}", outgoing, approval, body=board
        )
    names = ", ".join(map(kit.escape, failed[:6])) or kit.escape(results[-1].playbook)
    news = f"failed on {names}.{left} What each host said is in the thread"
    return _message(head, "failed", news, outgoing, approval, body=board)


def culprits(run: WorkflowRun) -> Sequence[Job]:
    """The jobs to look at: GitHub cancels the siblings of one that failed, and these tell only that they were."""
    return [job for job in run.failed_jobs if job.state is not State.CANCELLED] or run.failed_jobs


def failing_job(job: Job, tail: str) -> Message:
    """The end of a failing job's log, for the thread."""
    step = f" at step {kit.code(job.failing_step)}" if job.failing_step else ""
    line = f":x: {kit.link(job.name, job.url)} {job.state.value}{step}"
    body = kit.preformatted(tail) if tail.strip() else "_GitHub has no log for this job (yet); the link leads to it._"
    return kit.message(f"{kit.escape(job.name)} {job.state.value}", [kit.section(line), kit.section(body)])


def failing_task(failure: FailedTask) -> Message:
    """What a failing task said on a host, for the thread."""
    line = f":x: {kit.code(failure.host)} failed at {kit.code(failure.task)} ({kit.code(failure.path)})"
    blocks = [kit.section(line), *([kit.section(kit.preformatted(failure.output))] if failure.output.strip() else [])]
    return kit.message(f"{kit.escape(failure.host)} failed at {kit.escape(failure.task)}", blocks)


def playbook_log(result: PlaybookResult) -> Message:
    """The end of what Ansible printed, for the thread, where no task tells more."""
    name = kit.escape(result.playbook)
    return kit.message(f"{name}: the end of its log", [kit.section(kit.preformatted(result.log_tail))])


_GOOD = (State.SUCCEEDED, State.SKIPPED)


def _message(
    head: Head,
    status: str,
    news: str,
    outgoing: Outgoing,
    approval: ApprovalView | None,
    *,
    body: Iterable[Block] = (),
) -> Message:
    decided = [operation.approval_lines(approval)] if approval else []
    blocks = [
        operation.first_line(head, status, news),
        *_outgoing(outgoing, out=status == "succeeded"),
        *body,
    ]
    foot = [*decided, operation.asked_by(head, f"through {kit.escape(outgoing.through)}")]
    return kit.message(operation.plain(head, news), blocks, foot=foot)


def _outgoing(outgoing: Outgoing | None, *, out: bool = False) -> list[Block]:
    if outgoing is None:
        return []
    now, before = ("Went out", "Ran before") if out else ("Goes out", "Runs now")
    return [kit.section(f"*{now}:* {operation.commit_line(outgoing.commit)}\n*{before}:* {outgoing.running_now}")]


def _warning(warning: str) -> list[Block]:
    return [kit.section(f":warning: {warning}")] if warning else []


def _how_it_failed(run: WorkflowRun) -> str:
    ended = {State.FAILED: "failed", State.CANCELLED: "was cancelled"}.get(run.state, f"ended as {run.state.value}")
    jobs = culprits(run)
    if not jobs:
        return f"the run {ended} before any of its jobs did"
    names = ", ".join(kit.escape(job.name) for job in jobs[:6])
    more = f" and {len(jobs) - 6} more" if len(jobs) > 6 else ""
    return f"the run {ended}: {names}{more}. What the logs say at their end is in the thread"


def _run_line(run: WorkflowRun) -> Block:
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return kit.context(f"{kit.link(f'{run.workflow}, run {run.number}', run.url)}{attempt}")


def _jobs(jobs: Sequence[Job]) -> list[Block]:
    if not jobs:
        return []
    rows: list[Sequence[Cell]] = [
        [kit.Link(job.name, job.url), MARKS[job.state], _job_time(job), job.failing_step or ""] for job in jobs
    ]
    return [kit.table(["Job", "State", "Time", "Failing step"], rows, right=(2,))]


def _job_time(job: Job) -> str:
    if job.started_at is None or job.ended_at is None:
        return ""
    return kit.duration((job.ended_at - job.started_at).total_seconds())


def _took(run: WorkflowRun) -> str:
    return f" in {kit.duration((run.ended_at - run.created_at).total_seconds())}" if run.ended_at else ""


def _hosts(results: Sequence[PlaybookResult]) -> list[Block]:
    rows: list[Sequence[Cell]] = [
        [
            host.host,
            MARKS[host.state],
            host.current_task or "",
            str(host.ok),
            str(host.changed),
            str(host.failed + host.unreachable),
        ]
        for result in results
        for host in result.hosts
    ]
    return [kit.table(["Host", "State", "Task", "ok", "changed", "failed"], rows, right=(3, 4, 5))] if rows else []


def _hosts_count(results: Sequence[PlaybookResult]) -> str:
    count = len({host.host for result in results for host in result.hosts})
    return f"{count} host{'s' if count != 1 else ''}"
