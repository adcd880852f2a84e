"""The jobs of a build as table cells, rows and a line: state, time, link; with less detail where Slack's limits are hit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, tables
from bot.slack.blocks.jobs import STATE_LABELS
from handlers.build.matrix_grid import group_of
from runners import phrases
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.slack.blocks.kit import Block
    from bot.slack.blocks.tables import Cell
    from handlers.build.matrix_grid import Grid, MatrixSlot
    from runners.results import Job

MOST_COLUMNS = 20  # of a table, by Slack's limit
MOST_LINKS = 5  # jobs of a group that are linked by name
MOST_GROUPS = 10
SUSPECT = "⚠️ suspect"
NO_JOB = "-"
FAULTY = (State.FAILED, State.CANCELLED, State.UNKNOWN)
WORST_FIRST = (*FAULTY, State.RUNNING, State.WAITING, State.SUCCEEDED, State.SKIPPED)


@stored("build-annotation")
@dataclass(frozen=True, slots=True)
class Annotation:
    """What the matrix adds to the state of a job on GitHub.

    `reruns` counts how often it was run again, `image` is the AMI that it built, `log_problem` says why its log was not
    read ("log expired").
    """

    suspect: bool = False
    reruns: int = 0
    image: str = ""
    log_problem: str = ""


NO_ANNOTATION = Annotation()


@dataclass(frozen=True, slots=True)
class Cells:
    """The grid with what its cells display. `slots` are those that have a job or expect one; `now` is in Unix seconds."""

    grid: Grid
    machines: Sequence[str]
    environments: Sequence[str]
    slots: frozenset[MatrixSlot]
    annotations: Mapping[int, Annotation]
    now: float

    def rows(self, render: Callable[[Job, Annotation, float], Cell]) -> list[list[Cell]]:
        """A header row with the environments, then a row for each machine role; both without those that have no slot."""
        machines = [name for name in self.machines if any(name == machine for machine, _ in self.slots)]
        environments = [name for name in self.environments if any(name == environment for _, environment in self.slots)]
        return [
            ["", *environments],
            *([machine, *(self._cell((machine, name), render) for name in environments)] for machine in machines),
        ]

    def _cell(self, slot: MatrixSlot, render: Callable[[Job, Annotation, float], Cell]) -> Cell:
        job = self.grid.cells.get(slot)
        if job is None:
            return STATE_LABELS[State.WAITING] if slot in self.slots else NO_JOB
        return render(job, self.annotations.get(job.job_id, NO_ANNOTATION), self.now)


def grid_table(cells: Cells) -> list[Block]:
    """Machine roles x environments, each cell linked to its job; with fewer links and words where Slack's limits are hit."""
    for render in _RENDERERS:
        header, *rows = cells.rows(render)
        if len(header) > MOST_COLUMNS or len(rows) >= tables.ROWS:
            return job_table(list(cells.grid.cells.values()), cells.annotations, cells.now)
        if _size([header, *rows]) <= tables.CHARACTERS:
            break
    return [tables.table([str(name) for name in header], rows)]


def other_jobs(jobs: Sequence[Job]) -> list[Block]:
    """A line with the jobs that build no image: counts by state for each matrix, and names of failed jobs."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(group_of(job.name), []).append(job)
    parts = [_group(name, members) for name, members in list(groups.items())[:MOST_GROUPS]]
    more = phrases.rest(len(groups) - MOST_GROUPS)
    return [kit.section(" · ".join([*parts, *more]))] if parts else []


def job_table(jobs: Sequence[Job], annotations: Mapping[int, Annotation], now: float) -> list[Block]:
    """A row for each job, for runs without a grid; where a table cannot hold all of them, the failed jobs come first."""
    if not jobs:
        return []
    rows = [_row(job, annotations.get(job.job_id, NO_ANNOTATION), now) for job in jobs]
    if len(jobs) >= tables.ROWS or _size(rows) > tables.CHARACTERS:
        worst = sorted(jobs, key=lambda job: WORST_FIRST.index(job.state) if job.state in WORST_FIRST else 0)
        rows = [_row(job, annotations.get(job.job_id, NO_ANNOTATION), now) for job in worst]
    return [tables.table(["Job", "State", "Failing step"], rows)]


def _full(job: Job, annotation: Annotation, now: float) -> Cell:
    icon, text = _state(job, annotation, now)
    return tables.Link(text, job.url, _suffix(annotation), icon)


def _linked(job: Job, annotation: Annotation, now: float) -> Cell:
    icon, text = _state(job, annotation, now)
    return tables.Link(text, job.url, before=icon)


def _linked_if_faulty(job: Job, annotation: Annotation, now: float) -> Cell:
    if job.state in FAULTY or annotation.suspect:
        return _linked(job, annotation, now)
    return " ".join(_state(job, annotation, now))


def _bare(job: Job, annotation: Annotation, _: float) -> Cell:
    return SUSPECT if annotation.suspect else STATE_LABELS[job.state]


_RENDERERS = (_full, _linked, _linked_if_faulty, _bare)  # from most to least detail


def _state(job: Job, annotation: Annotation, now: float) -> tuple[str, str]:
    """The icon of a job's state, and its text with the time and the number of reruns."""
    icon, _, state = (SUSPECT if annotation.suspect else STATE_LABELS[job.state]).partition(" ")
    time = _time(job, now)
    rerun = f", rerun {annotation.reruns}" if annotation.reruns else ""
    return icon, f"{state}{f' {time}' if time else ''}{rerun}"


def _suffix(annotation: Annotation) -> str:
    return " ".join(filter(None, [annotation.image, f"({annotation.log_problem})" if annotation.log_problem else ""]))


def _time(job: Job, now: float) -> str:
    if job.started_at is None or job.state is State.SKIPPED:
        return ""
    seconds = (job.ended_at.timestamp() if job.ended_at else now) - job.started_at.timestamp()
    return phrases.minutes(seconds) if seconds >= 60 else ""


def _row(job: Job, annotation: Annotation, now: float) -> list[Cell]:
    return [
        tables.Link(job.name, job.url),
        " ".join((*_state(job, annotation, now), _suffix(annotation))),
        job.failing_step or "",
    ]


def _group(name: str, jobs: Sequence[Job]) -> str:
    if len(jobs) == 1:
        return f"{kit.link(jobs[0].name, jobs[0].url)} {STATE_LABELS[jobs[0].state]}"
    counts = Counter(job.state for job in jobs)
    states = ", ".join(f"{STATE_LABELS[state]} {counts[state]}" for state in State if counts[state])
    faulty = [kit.link(job.name, job.url) for job in jobs if job.state in FAULTY][:MOST_LINKS]
    return f"*{kit.escape(name)}* {states}" + (f" ({', '.join(faulty)})" if faulty else "")


def _size(rows: Iterable[Sequence[Cell]]) -> int:
    return sum(
        len(cell) if isinstance(cell, str) else len(cell.before) + len(cell.text) + len(cell.url) + len(cell.after) + 2
        for row in rows
        for cell in row
    )
