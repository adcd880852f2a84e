"""The jobs of a run by machine: state, time, link, and the failing step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, tables
from runners import phrases
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block
    from bot.slack.blocks.tables import Cell
    from runners.results import Job, PendingReview, WorkflowRun

STATE_LABELS = {
    State.WAITING: "⏳ waiting",
    State.RUNNING: "🔄 running",
    State.SUCCEEDED: "✅ done",
    State.FAILED: "❌ failed",
    State.CANCELLED: "🚫 cancelled",
    State.SKIPPED: "⏭️ skipped",
    State.NOT_REACHED: "⏹️ not reached",
    State.UNREACHABLE: "🔌 unreachable",
    State.UNKNOWN: "❔ unknown",
}
HELD = "✋ waiting for review"
_MATRIX = re.compile(r"\(([^()]*)\)\s*$")  # how GitHub names the jobs of a matrix: "deploy (backend, eu)"


def table(jobs: Sequence[Job], machines: Sequence[str] = (), now: float | None = None) -> list[Block]:
    """A row for each job, those of a machine first and in the machines' order.

    `now` (Unix seconds) gives the duration of a running job.
    """
    if not jobs:
        return []
    placed = sorted((_place(job, machines), number) for number, job in enumerate(jobs))
    rows: list[Sequence[Cell]] = [_row(jobs[number], machines, now) for _, number in placed]
    return [tables.table(["Machine", "Job", "State", "Time", "Failing step"], rows, right=(3,))]


def machine_of(job: Job, machines: Sequence[str]) -> str:
    """The machine in the job's matrix; empty if it names none."""
    matrix = _MATRIX.search(job.name)
    words = [word.strip() for word in matrix[1].split(",")] if matrix else []
    return next((word for word in words if word in machines), "")


def machines_done(jobs: Sequence[Job], machines: Sequence[str]) -> tuple[str, ...]:
    """The machines for which there are jobs, all of which succeeded. A job for no machine says nothing about any."""
    by_machine = {machine: [job.state for job in jobs if machine_of(job, machines) == machine] for machine in machines}
    return tuple(machine for machine, states in by_machine.items() if states and set(states) == {State.SUCCEEDED})


def _place(job: Job, machines: Sequence[str]) -> int:
    machine = machine_of(job, machines)
    return machines.index(machine) if machine else len(machines)


def _row(job: Job, machines: Sequence[str], now: float | None) -> Sequence[Cell]:
    return [
        machine_of(job, machines),
        tables.Link(job.name, job.url),
        HELD if job.held else STATE_LABELS[job.state],
        _time(job, now),
        job.failing_step or "",
    ]


def _time(job: Job, now: float | None) -> str:
    if job.started_at is None or (job.ended_at is None and now is None):
        return ""
    end = job.ended_at.timestamp() if job.ended_at else now or 0.0
    return phrases.duration(end - job.started_at.timestamp())


def reviews(run: WorkflowRun, pending: Sequence[PendingReview]) -> list[Block]:
    """What a run waits for that GitHub's environments hold: who has to review, with the link; and until when a timer runs."""
    if not any(job.held for job in run.jobs):
        return []
    here = kit.link("Review it on GitHub", run.url)
    lines = [f":raised_hand: {_what_is_missing(review)}" for review in pending]
    unknown = ":raised_hand: A GitHub environment holds the run until somebody reviews it"
    return [kit.section("\n".join(lines or [unknown]) + f". {here}.")]


def _what_is_missing(review: PendingReview) -> str:
    name = f"GitHub's environment {kit.code(review.environment)}"
    timer = f"holds the run until {kit.moment(review.until.timestamp())}" if review.until else ""
    who = phrases.listed([kit.escape(reviewer) for reviewer in review.reviewers], 6)
    needed = f"needs a review by {'one of ' if len(review.reviewers) > 1 else ''}{who}" if who else ""
    return f"{name} {' and '.join(filter(None, [timer, needed])) or 'holds the run by a rule of its own'}"


def stale(run: WorkflowRun) -> list[Block]:
    """A notice during an outage of GitHub: since when, and why."""
    if run.stale_since is None:
        return []
    since = kit.moment(run.stale_since.timestamp())
    because = f" ({kit.escape(run.stale_because)})" if run.stale_because else ""
    text = f"GitHub has not answered since {since}{because}. The run goes on there; Signalbox keeps checking."
    return [kit.section(f":warning: {text}")]
