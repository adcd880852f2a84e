"""An image build as one message: machines x environments as a grid, the other jobs under it, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.slack.blocks import common, jobs as job_drawing, kit
from handlers.build import board_cells as cells
from handlers.build.board_grid import arrange
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.common import Head
    from bot.slack.blocks.kit import Block, Message
    from handlers.build.board_cells import Annotation
    from handlers.build.board_grid import Grid, Place
    from runners.results import Commit, Job, WorkflowRun

RERUN_FAILED = "rerun-failed"
RERUN_BLOCK = "rerun"
CANCELLING = (
    "The run is cancelled on GitHub. What is built by then stays; builders that it leaves behind are not ended."
)


@stored("build-matrix")
@dataclass(frozen=True, slots=True)
class BuildMatrix:
    """A build as it stands. `remarks` are by job id, `notes` are mrkdwn, `now` is in Unix seconds.

    `expected` are the places that are to be filled, for as long as GitHub does not list their jobs yet. `by` says who
    started it where nobody did so here (escaped).
    """

    head: Head
    run: WorkflowRun
    now: float
    machines: Sequence[str] = ()
    environments: Sequence[str] = ()
    expected: frozenset[Place] = frozenset()
    commit: Commit | None = None
    annotations: Mapping[int, Annotation] = field(default_factory=dict)
    notes: Sequence[str] = ()
    by: str = ""

    @property
    def grid(self) -> Grid:
        """The run's jobs in their places."""
        return arrange(self.run.jobs, self.machines, self.environments)

    @property
    def suspects(self) -> int:
        """How many jobs ended well and should not be trusted."""
        return sum(1 for job in self.run.jobs if (known := self.annotations.get(job.job_id)) and known.suspect)


def starting(head: Head, doing: str) -> Message:
    """Before there is a run."""
    blocks = [common.first_line(head, "running", doing), common.asked_by(head)]
    return kit.message(common.plain(head, doing), blocks)


def occupied(head: Head, run: WorkflowRun) -> Message:
    """Not started: a run of the workflow that nobody asked for here is still under way."""
    who = f", started by {kit.escape(run.actor)}" if run.actor else ""
    news = "not started: the workflow is running already"
    detail = (
        f"{kit.link(f'{run.workflow}, run {run.number}', run.url)} is under way{who}. Run /build again when it is over."
    )
    return common.short_message(head, "failed", news, detail)


def under_way(board: BuildMatrix, *, cancelling: str = "") -> Message:
    """A run that goes on. `cancelling` says that it is being stopped, and by whom (mrkdwn)."""
    news = ", ".join([_counts(board), *([cancelling] if cancelling else [_elapsed(board)])])
    cancel = [] if cancelling else [common.cancel_button(board.head, CANCELLING)]
    return _framed(board, "running", news, foot=cancel)


def waiting_to_rerun(board: BuildMatrix, news: str) -> Message:
    """Between two attempts; Cancel calls the next one off."""
    ask = "The failed jobs are not run again. What is built stays."
    return _framed(board, "running", f"{_counts(board)}; {news}", foot=[common.cancel_button(board.head, ask)])


def ended(
    board: BuildMatrix, closing: Sequence[Block] = (), *, cancelled: str = "", rerun: bool = False, again: int = 0
) -> Message:
    """How it ended; `closing` says what can be done with the images, `cancelled` by whom it was stopped (mrkdwn).

    `again` is the operation that runs the failed jobs again, where there is one already: its number is in the button's place.
    """
    status, news = _outcome(board, cancelled)
    foot = list(closing)
    if again:
        foot.append(kit.context(f":arrow_right: run again in #{again}"))
    elif rerun and board.run.failed_jobs:
        foot.append(_rerun_button(board))
    return _framed(board, status, news, foot=foot)


def lost(board: BuildMatrix, problem: str) -> Message:
    """GitHub told nothing for so long that it is no longer followed; `problem` says why (plain)."""
    news = f"no longer followed: {kit.escape(problem)}. The run may go on; its link tells. This is what was seen last"
    return _framed(board, "failed", news, foot=[])


def _outcome(board: BuildMatrix, cancelled: str) -> tuple[str, str]:
    state = board.run.state
    counts = f"{_counts(board)}, {_elapsed(board)}" if board.run.jobs else "no job ran"
    if state is State.CANCELLED:
        return "cancelled", f"{cancelled or 'cancelled in GitHub'}; {counts}"
    if state is not State.SUCCEEDED:
        how = "failed" if state is State.FAILED else f"ended as {state.value}"
        told = any(job.state in (State.FAILED, State.UNKNOWN) for job in board.run.jobs)
        more = "What the logs of the failed jobs say is in the thread" if told else "Its page on GitHub says why"
        return "failed", f"{how}; {counts}. {more}"
    if board.suspects:
        return "interrupted", f"{counts}. Look at what the thread shows before you roll out"  # the sign with "!"
    return "succeeded", counts


def _framed(board: BuildMatrix, status: str, news: str, *, foot: Sequence[Block]) -> Message:
    grid = board.grid
    body = [
        common.first_line(board.head, status, news),
        *[kit.section(note) for note in board.notes],
        *job_drawing.stale(board.run),
    ]
    if _places(board, grid):
        body += cells.grid_table(_cells(board, grid))
        body += cells.apart(grid.others)
    else:
        body += cells.job_table(board.run.jobs, board.annotations, board.now)
    small = common.asked_by(board.head) if not board.by else kit.context(board.by)
    return kit.message(common.plain(board.head, news), body, foot=[*foot, _run_line(board), small])


def _cells(board: BuildMatrix, grid: Grid) -> cells.Cells:
    places = _places(board, grid)
    return cells.Cells(grid, board.machines, board.environments, places, board.annotations, board.now)


def _places(board: BuildMatrix, grid: Grid) -> frozenset[Place]:
    # Once the run is over, or GitHub lists jobs of this matrix, no others come.
    return frozenset(grid.cells) | (frozenset() if board.run.state.ended else board.expected)


def _counts(board: BuildMatrix) -> str:
    grid = board.grid
    built: Sequence[Job] = list(grid.cells.values())
    jobs, what = (built, "image") if built or board.expected else (board.run.jobs, "job")
    total = len(_places(board, grid)) if what == "image" else len(jobs)
    good = sum(1 for job in jobs if job.state is State.SUCCEEDED)
    if what == "image" and not total:
        return "no image was begun"
    words = [f"{good} of {total} {what}{'s' if total != 1 else ''}{' done' if what == 'job' else ''}"]
    words += [f"{board.suspects} suspect"] if board.suspects else []
    for state, word in ((State.FAILED, "failed"), (State.CANCELLED, "cancelled"), (State.UNKNOWN, "unknown")):
        count = sum(1 for job in jobs if job.state is state)
        words += [f"{count} {word}"] if count else []
    troubled = [job for job in grid.others if job.state is State.FAILED] if what == "image" else []
    words += [f"{kit.escape(job.name)} failed" for job in troubled[:2]]
    return ", ".join(words)


def _elapsed(board: BuildMatrix) -> str:
    end = board.run.ended_at.timestamp() if board.run.ended_at else board.now
    return cells.minutes(end - board.run.created_at.timestamp())


def _run_line(board: BuildMatrix) -> Block:
    run = board.run
    attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
    branch = f" at {kit.code(run.branch)}" if run.branch else ""
    commit = common.commit_line(board.commit) if board.commit else kit.code(run.head_sha[:7])
    return kit.context(f"{kit.link(f'{run.workflow}, run {run.number}', run.url)}{attempt}{branch}", commit)


def _rerun_button(board: BuildMatrix) -> Block:
    count = len(board.run.failed_jobs)
    jobs = "the failed job" if count == 1 else f"the {count} failed or cancelled jobs"
    ask = kit.confirm("Run them again?", f"GitHub runs {jobs} again, at the same commit.", "Yes, rerun")
    value = f"{board.head.number}:{board.run.attempt}"
    return kit.actions(RERUN_BLOCK, kit.button("Rerun failed", RERUN_FAILED, value, ask=ask))
