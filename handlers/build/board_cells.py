"""The jobs of a build as cells, lines and rows: state, time, link; as much of it as Slack takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack.blocks import kit
from bot.slack.blocks.jobs import MARKS
from handlers.build.board_grid import group_of
from runners.results import State
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bot.slack.blocks.kit import Block, Cell
    from handlers.build.board_grid import Grid, Place
    from runners.results import Job

COLUMNS = 20  # of a table; Slack takes no more
LINKED = 5  # jobs of a group that are named one by one
GROUPS = 10
SUSPECT = "⚠️ suspect"
NOT_THERE = "-"
TROUBLE = (State.FAILED, State.CANCELLED, State.UNKNOWN)
WORST_FIRST = (*TROUBLE, State.RUNNING, State.WAITING, State.SUCCEEDED, State.SKIPPED)


@stored("build-annotation")
@dataclass(frozen=True, slots=True)
class Annotation:
    """What is known of a job beside what GitHub says of it.

    `reruns` counts how often it was run again, `image` is the AMI that came out, `unread` says why its log was not
    read ("log expired").
    """

    suspect: bool = False
    reruns: int = 0
    image: str = ""
    unread: str = ""


NOTHING = Annotation()


@dataclass(frozen=True, slots=True)
class Cells:
    """The grid as it is drawn: which places there are, and what stands in each. `now` is in Unix seconds."""

    grid: Grid
    machines: Sequence[str]
    environments: Sequence[str]
    places: frozenset[Place]
    annotations: Mapping[int, Annotation]
    now: float

    def rows(self, cell: Callable[[Job, Annotation, float], Cell]) -> list[list[Cell]]:
        """A row for each machine, after the one with the environments; what no job is for is left out."""
        machines = [one for one in self.machines if any(one == machine for machine, _ in self.places)]
        environments = [
            environment for environment in self.environments if any(environment == name for _, name in self.places)
        ]
        return [
            ["", *environments],
            *([machine, *(self._at((machine, name), cell) for name in environments)] for machine in machines),
        ]

    def _at(self, place: Place, cell: Callable[[Job, Annotation, float], Cell]) -> Cell:
        job = self.grid.cells.get(place)
        if job is None:
            return MARKS[State.WAITING] if place in self.places else NOT_THERE
        return cell(job, self.annotations.get(job.job_id, NOTHING), self.now)


def grid_table(cells: Cells) -> list[Block]:
    """Machines x environments, each cell leading to its job; with fewer links and words where Slack takes no more."""
    for detail in _DETAIL:
        head, *rows = cells.rows(detail)
        if len(head) > COLUMNS or len(rows) >= kit.TABLE_ROWS:
            return job_table(list(cells.grid.cells.values()), cells.annotations, cells.now)
        if _size([head, *rows]) <= kit.TABLE_CHARACTERS:
            break
    return [kit.table([str(name) for name in head], rows)]


def apart(jobs: Sequence[Job]) -> list[Block]:
    """The jobs that build no image, in one line: each matrix counted, what went wrong named."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(group_of(job.name), []).append(job)
    lines = [_group(name, members) for name, members in list(groups.items())[:GROUPS]]
    more = [f"and {len(groups) - GROUPS} more"] if len(groups) > GROUPS else []
    return [kit.section(" · ".join([*lines, *more]))] if lines else []


def job_table(jobs: Sequence[Job], annotations: Mapping[int, Annotation], now: float) -> list[Block]:
    """A row for each job, for runs that are no grid; where they are too many, the troubled ones first."""
    if not jobs:
        return []
    rows = [_row(job, annotations.get(job.job_id, NOTHING), now) for job in jobs]
    if len(jobs) >= kit.TABLE_ROWS or _size(rows) > kit.TABLE_CHARACTERS:
        worst = sorted(jobs, key=lambda job: WORST_FIRST.index(job.state) if job.state in WORST_FIRST else 0)
        rows = [_row(job, annotations.get(job.job_id, NOTHING), now) for job in worst]
    return [kit.table(["Job", "State", "Failing step"], rows)]


def minutes(seconds: float) -> str:
    """A time as a board shows it: in minutes, since it is drawn once a minute."""
    whole = max(0, int(seconds))
    if whole < 60:
        return "under a minute"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _whole(job: Job, annotation: Annotation, now: float) -> Cell:
    mark, words = _words(job, annotation, now)
    return kit.Link(words, job.url, _after(annotation), mark)


def _linked(job: Job, annotation: Annotation, now: float) -> Cell:
    mark, words = _words(job, annotation, now)
    return kit.Link(words, job.url, before=mark)


def _linked_if_troubled(job: Job, annotation: Annotation, now: float) -> Cell:
    if job.state in TROUBLE or annotation.suspect:
        return _linked(job, annotation, now)
    return " ".join(_words(job, annotation, now))


def _bare(job: Job, annotation: Annotation, _: float) -> Cell:
    return SUSPECT if annotation.suspect else MARKS[job.state]


_DETAIL = (_whole, _linked, _linked_if_troubled, _bare)


def _words(job: Job, annotation: Annotation, now: float) -> tuple[str, str]:
    """The sign of a job's state, and the words to it."""
    mark, _, state = (SUSPECT if annotation.suspect else MARKS[job.state]).partition(" ")
    time = _time(job, now)
    rerun = f", rerun {annotation.reruns}" if annotation.reruns else ""
    return mark, f"{state}{f' {time}' if time else ''}{rerun}"


def _after(annotation: Annotation) -> str:
    return " ".join(filter(None, [annotation.image, f"({annotation.unread})" if annotation.unread else ""]))


def _time(job: Job, now: float) -> str:
    if job.started_at is None or job.state is State.SKIPPED:
        return ""
    seconds = (job.ended_at.timestamp() if job.ended_at else now) - job.started_at.timestamp()
    return minutes(seconds) if seconds >= 60 else ""


def _row(job: Job, annotation: Annotation, now: float) -> list[Cell]:
    return [
        kit.Link(job.name, job.url),
        " ".join((*_words(job, annotation, now), _after(annotation))),
        job.failing_step or "",
    ]


def _group(name: str, jobs: Sequence[Job]) -> str:
    if len(jobs) == 1:
        return f"{kit.link(jobs[0].name, jobs[0].url)} {MARKS[jobs[0].state]}"
    counts = Counter(job.state for job in jobs)
    said = ", ".join(f"{MARKS[state]} {counts[state]}" for state in State if counts[state])
    bad = [kit.link(job.name, job.url) for job in jobs if job.state in TROUBLE][:LINKED]
    return f"*{kit.escape(name)}* {said}" + (f" ({', '.join(bad)})" if bad else "")


def _size(rows: Iterable[Sequence[Cell]]) -> int:
    return sum(
        len(cell) if isinstance(cell, str) else len(cell.before) + len(cell.text) + len(cell.url) + len(cell.after) + 2
        for row in rows
        for cell in row
    )
