"""A code deploy as one message: what goes out, each machine's state, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import commits as what, common, jobs as jobs_drawing, kit
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bot.slack.blocks.common import ApprovalView, Head
    from bot.slack.blocks.kit import Block, Message
    from runners.results import Check, Checks, Commit, Difference, Job, WorkflowRun

MARKS = jobs_drawing.MARKS
# What is said of the commit, and of what ran, once it is over; a deploy that failed may have come to some machines.
_WHEN = {
    "succeeded": ("Went out", "Ran before"),
    **dict.fromkeys(("failed", "cancelled", "interrupted"), ("Was to go out", "Ran before")),
    **dict.fromkeys(("rejected", "expired"), ("Was to go out", "Ran then")),
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What would go out: the commit, what runs now (in words, escaped), and through what ("deploy-prod.yml").

    `difference` is what lies between the two, None where that is not known or nothing; `checks` those of the commit, where
    they count; `notes` sentences (escaped) that belong to it; `machines` the environment's types, in their order; `differing`
    what each machine type runs (escaped lines) where not all run the same. Of a `check` nothing goes out.
    """

    commit: Commit
    running_now: str
    through: str
    difference: Difference | None = None
    checks: Checks | None = None
    notes: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    differing: str = ""
    check: bool = False


def working(head: Head, doing: str, outgoing: Outgoing | None = None) -> Message:
    """Before anything has gone out."""
    shown = _goes_out(outgoing) if outgoing else []
    blocks = [common.first_line(head, "running", doing), *shown, common.asked_by(head)]
    return kit.message(common.plain(head, doing), blocks)


def ask(head: Head, outgoing: Outgoing, approval: ApprovalView) -> Message:
    """What would go out, with Approve and Reject."""
    news = f"{kit.escape(outgoing.commit.short)} is ready to go out. Waiting for approval"
    question = f"Signalbox will deploy commit {kit.escape(outgoing.commit.short)} to *{kit.escape(head.environment)}*."
    return kit.message(
        common.plain(head, news),
        [
            common.first_line(head, "approval", news),
            *_goes_out(outgoing),
        ],
        foot=[
            common.decision_buttons(approval, approve=f"Approve and deploy to {head.environment}", question=question),
            common.approval_lines(approval),
            common.asked_by(head),
        ],
    )


def settled(head: Head, outgoing: Outgoing, approval: ApprovalView) -> Message:
    """After a decision that ends it: rejected or expired."""
    news = {
        "rejected": "rejected, nothing was deployed",
        "expired": "expired, nothing was deployed. Run /deploy again when you need it",
    }[approval.outcome]
    return framed(head, approval.outcome, news, outgoing, approval)


def approved(head: Head, outgoing: Outgoing, approval: ApprovalView) -> Message:
    """Approved, and nothing has begun yet: the buttons go with the decision."""
    return framed(head, "running", "approved, starting", outgoing, approval)


def refused(head: Head, outgoing: Outgoing, approval: ApprovalView | None, checks: Checks) -> Message:
    """The checks forbid it: what is wrong, and the ways to go on."""
    short = kit.escape(outgoing.commit.short)
    if checks.failed:
        news = f"not deployed: {short} has {_some_checks(checks.failed)} that failed"
    else:
        news = f"not deployed: {short} has {_some_checks(checks.unfinished)} that did not end yet"
    again = kit.button("Try again", what.AGAIN, str(head.number))
    anyway = kit.button("Deploy anyway…", what.ANYWAY, str(head.number), style="danger")
    decided = [common.approval_lines(approval)] if approval else []
    foot = [kit.actions(common.NEXT_BLOCK, again, anyway), *decided, common.asked_by(head)]
    shown = [common.first_line(head, "failed", news), *_goes_out(outgoing, brief=True)]
    return kit.message(common.plain(head, news), shown, foot=foot)


def run_progress(
    head: Head, outgoing: Outgoing, approval: ApprovalView | None, run: WorkflowRun, now: float | None = None
) -> Message:
    """A GitHub Actions run under way. `now` (Unix seconds) tells for how long its jobs have been running."""
    done = sum(1 for job in run.jobs if job.state.ended)
    news = f"deploying {kit.escape(outgoing.commit.short)}, {done} of {len(run.jobs)} jobs done"
    seen = run.stale_since.timestamp() if run.stale_since else now  # what happened since then is not known
    body = [*jobs_drawing.stale(run), _run_line(run), *jobs_drawing.table(run.jobs, outgoing.machines, seen)]
    return framed(head, "running", news, outgoing, approval, body=body)


def run_ended(
    head: Head, outgoing: Outgoing, approval: ApprovalView | None, run: WorkflowRun, *, warning: str = ""
) -> Message:
    """A GitHub Actions run that has ended. `warning` says why its success is none; it is already escaped."""
    body = [*_warning(warning), _run_line(run), *jobs_drawing.table(run.jobs, outgoing.machines)]
    short = kit.escape(outgoing.commit.short)
    if run.state is not State.SUCCEEDED:
        return framed(head, "failed", _how_it_failed(run), outgoing, approval, body=body)
    if warning:
        return framed(head, "failed", f"the run succeeded, but not with {short}", outgoing, approval, body=body)
    return framed(head, "succeeded", f"deployed {short}{_took(run)}", outgoing, approval, body=body)


def framed(
    head: Head,
    status: str,
    news: str,
    outgoing: Outgoing,
    approval: ApprovalView | None,
    *,
    body: Iterable[Block] = (),
    buttons: Iterable[Block] = (),
) -> Message:
    """A deploy that has begun, or is over: what goes out above `body`, buttons, who decided and who asked under it."""
    decided = [common.approval_lines(approval)] if approval else []
    blocks = [
        common.first_line(head, status, news),
        *_goes_out(outgoing, status, brief=True),
        *body,
    ]
    foot = [*buttons, *decided, common.asked_by(head, f"through {kit.escape(outgoing.through)}")]
    return kit.message(common.plain(head, news), blocks, foot=foot)


def culprits(run: WorkflowRun) -> Sequence[Job]:
    """The jobs to look at: GitHub cancels the siblings of one that failed, and these tell only that they were."""
    return [job for job in run.failed_jobs if job.state is not State.CANCELLED] or run.failed_jobs


def failing_job(job: Job, tail: str) -> Message:
    """The end of a failing job's log, for the thread."""
    step = f" at step {kit.code(job.failing_step)}" if job.failing_step else ""
    line = f":x: {kit.link(job.name, job.url)} {job.state.value}{step}"
    body = kit.preformatted(tail) if tail.strip() else "_GitHub has no log for this job (yet); the link leads to it._"
    return kit.message(f"{kit.escape(job.name)} {job.state.value}", [kit.section(line), kit.section(body)])


def _goes_out(outgoing: Outgoing, status: str = "", *, brief: bool = False) -> list[Block]:
    """What goes out, or went, and what runs before it; `brief` where the commits themselves were shown before."""
    out = status == "succeeded"
    now, before = ("Would go out", "Runs now") if outgoing.check else _WHEN.get(status, ("Goes out", "Runs now"))
    lines = f"*{now}:* {common.commit_line(outgoing.commit)}\n*{before}:* {outgoing.running_now}"
    found = outgoing.difference
    if found and (out or brief):
        lines += f"\n*In between:* {kit.link(what.counted(found), found.url)}"
    shown = [kit.section(lines)]
    if found and not (out or brief):
        shown += what.commits(found)
    if outgoing.checks and not out and (outgoing.checks.checks or not brief):
        shown.append(kit.section(what.checks_line(outgoing.checks)))
    notes = [*outgoing.notes, *_differing(outgoing, before)]
    return [*shown, *(kit.section(note) for note in notes)]


def _differing(outgoing: Outgoing, when: str) -> list[str]:
    """What each machine type runs, where that differs; once a deploy is over, what it ran (`when`: "Ran before")."""
    ran = when.removeprefix("Ran ")
    heading = f"*Not all machines ran the same {ran}:*" if ran != when else ":warning: *Not all machines run the same:*"
    return [f"{heading}\n{outgoing.differing}"] if outgoing.differing else []


def _some_checks(checks: Sequence[Check]) -> str:
    return f"{len(checks)} check{'s' if len(checks) != 1 else ''}"


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


def _took(run: WorkflowRun) -> str:
    return f" in {kit.duration((run.ended_at - run.created_at).total_seconds())}" if run.ended_at else ""
