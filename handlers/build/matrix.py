"""The message of an image build: a matrix of machine roles x environments, the other jobs, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.slack.blocks import common, jobs as job_views, kit
from handlers.build import matrix_cells
from handlers.build.matrix_grid import arrange
from runners import phrases
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.build.matrix_cells import Annotation
    from handlers.build.matrix_grid import Grid, MatrixSlot
    from runners.results import Commit, Job, WorkflowRun

RERUN_FAILED = "rerun-failed"
RERUN_BLOCK = "rerun"
CANCELLING = "GitHub cancels the run; what is built stays, and builders that it leaves behind go on."


@stored("build-matrix")
@dataclass(frozen=True, slots=True)
class BuildMatrix:
    """The state of a build at one time. `annotations` are by job id, `notices` are mrkdwn, `now` is in Unix seconds.

    `expected` are the slots that will have a job which GitHub does not list yet. `by` says who started the run where
    nobody requested it from Signalbox (escaped).
    """

    head: Head
    run: WorkflowRun
    now: float
    machines: Sequence[str] = ()
    environments: Sequence[str] = ()
    expected: frozenset[MatrixSlot] = frozenset()
    commit: Commit | None = None
    annotations: Mapping[int, Annotation] = field(default_factory=dict)
    notices: Sequence[str] = ()
    by: str = ""

    @property
    def grid(self) -> Grid:
        """The run's jobs by slot."""
        return arrange(self.run.jobs, self.machines, self.environments)

    @property
    def slots(self) -> frozenset[MatrixSlot]:
        """The slots that have a job, or expect one: a run that is over starts no more jobs."""
        return frozenset(self.grid.cells) | (frozenset() if self.run.state.ended else self.expected)

    @property
    def suspects(self) -> int:
        """How many jobs succeeded although there are warnings against their images."""
        return sum(job.job_id in self.annotations and self.annotations[job.job_id].suspect for job in self.run.jobs)


def starting(head: Head, doing: str) -> Message:
    """The message before there is a run."""
    blocks = [common.first_line(head, "running", doing), common.requester_block(head)]
    return kit.message(common.plain(head, doing), blocks)


def occupied(head: Head, run: WorkflowRun) -> Message:
    """The message of a build that was not started, because another run of the workflow is in progress."""
    who = f", started by {kit.escape(run.actor)}" if run.actor else ""
    news = "not started: the workflow is running already"
    detail = (
        f"{kit.link(f'{run.workflow}, run {run.number}', run.url)} is under way{who}. Run /build again when it is over."
    )
    return common.short_message(head, "failed", news, detail)


def in_progress(matrix: BuildMatrix, *, cancelling: str = "") -> Message:
    """The message of a run in progress. `cancelling` says that it is being cancelled, and by whom (mrkdwn)."""
    news = ", ".join([_counts(matrix), *([cancelling] if cancelling else [_elapsed(matrix)])])
    cancel = [] if cancelling else [common.cancel_button(matrix.head, CANCELLING, halfway=True)]
    return _framed(matrix, "running", news, foot=cancel)


def waiting_to_rerun(matrix: BuildMatrix, news: str) -> Message:
    """The message between two attempts; Cancel prevents the next attempt."""
    ask = "The failed jobs are not run again; what is built stays."
    return _framed(matrix, "running", f"{_counts(matrix)}; {news}", foot=[common.cancel_button(matrix.head, ask)])


def ended(
    matrix: BuildMatrix, closing: Sequence[Block] = (), *, cancelled: str = "", rerun: bool = False, again: int = 0
) -> Message:
    """The message of a run that is over. `closing` are the images' blocks; `cancelled` says who cancelled it (mrkdwn).

    `again` is the number of the operation that runs the failed jobs again, if there is one: it replaces the button.
    """
    status, news = _outcome(matrix, cancelled)
    foot = list(closing)
    if again:
        foot.append(kit.context(f":arrow_right: run again in #{again}"))
    elif rerun and matrix.run.failed_jobs:
        foot.append(_rerun_button(matrix))
    return _framed(matrix, status, news, foot=foot)


def lost(matrix: BuildMatrix, problem: str) -> Message:
    """The last message of a run that GitHub did not report for too long; `problem` says why (plain)."""
    news = f"no longer followed: {kit.escape(problem)}. The run may go on; its link tells. This is what was seen last"
    return _framed(matrix, "failed", news, foot=[])


def _outcome(matrix: BuildMatrix, cancelled: str) -> tuple[str, str]:
    state = matrix.run.state
    counts = f"{_counts(matrix)}, {_elapsed(matrix)}" if matrix.run.jobs else "no job ran"
    if state is State.CANCELLED:
        return "cancelled", f"{cancelled or 'cancelled in GitHub'}; {counts}"
    if state is not State.SUCCEEDED:
        how = "failed" if state is State.FAILED else f"ended as {state.value}"
        in_thread = any(job.state in (State.FAILED, State.UNKNOWN) for job in matrix.run.jobs)
        more = "What the logs of the failed jobs say is in the thread" if in_thread else "Its page on GitHub says why"
        return "failed", f"{how}; {counts}. {more}"
    if matrix.suspects:
        return "interrupted", f"{counts}. Look at what the thread shows before you roll out"  # for its icon, a warning
    return "succeeded", counts


def _framed(matrix: BuildMatrix, status: str, news: str, *, foot: Sequence[Block]) -> Message:
    grid, slots = matrix.grid, matrix.slots
    blocks = [
        common.first_line(matrix.head, status, news),
        *[kit.section(notice) for notice in matrix.notices],
        *job_views.stale(matrix.run),
    ]
    if slots:
        cells = matrix_cells.Cells(grid, matrix.machines, matrix.environments, slots, matrix.annotations, matrix.now)
        blocks += matrix_cells.grid_table(cells)
        blocks += matrix_cells.other_jobs(grid.others)
    else:
        blocks += matrix_cells.job_table(matrix.run.jobs, matrix.annotations, matrix.now)
    small = common.requester_block(matrix.head) if not matrix.by else kit.context(matrix.by)
    return kit.message(common.plain(matrix.head, news), blocks, foot=[*foot, _run_line(matrix), small])


def _counts(matrix: BuildMatrix) -> str:
    grid = matrix.grid
    building: Sequence[Job] = list(grid.cells.values())
    jobs, what = (building, "image") if building or matrix.expected else (matrix.run.jobs, "job")
    total = len(matrix.slots) if what == "image" else len(jobs)
    succeeded = sum(1 for job in jobs if job.state is State.SUCCEEDED)
    if what == "image" and not total:
        return "no image was begun"
    parts = [f"{succeeded} of {total} {phrases.plural(total, what)}{' done' if what == 'job' else ''}"]
    parts += [f"{matrix.suspects} suspect"] if matrix.suspects else []
    for state, text in ((State.FAILED, "failed"), (State.CANCELLED, "cancelled"), (State.UNKNOWN, "unknown")):
        count = sum(1 for job in jobs if job.state is state)
        parts += [f"{count} {text}"] if count else []
    failed = [job for job in grid.others if job.state is State.FAILED] if what == "image" else []
    parts += [f"{kit.escape(job.name)} failed" for job in failed[:2]]
    return ", ".join(parts)


def _elapsed(matrix: BuildMatrix) -> str:
    end = matrix.run.ended_at.timestamp() if matrix.run.ended_at else matrix.now
    return phrases.minutes(end - matrix.run.created_at.timestamp())


def _run_line(matrix: BuildMatrix) -> Block:
    run = matrix.run
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    branch = f" at {kit.code(run.branch)}" if run.branch else ""
    commit = common.commit_line(matrix.commit) if matrix.commit else kit.code(run.head_sha[:7])
    return kit.context(f"{kit.link(f'{run.workflow}, run {run.number}', run.url)}{attempt}{branch}", commit)


def _rerun_button(matrix: BuildMatrix) -> Block:
    count = len(matrix.run.failed_jobs)
    jobs = phrases.plural(count, "the failed job", f"the {count} failed or cancelled jobs")
    ask = kit.confirm("Run them again?", f"GitHub runs {jobs} again, at the same commit.", "Yes, rerun")
    value = f"{matrix.head.number}:{matrix.run.attempt}"
    return kit.actions(RERUN_BLOCK, kit.button("Rerun failed", RERUN_FAILED, value, ask=ask))
