"""Which job of a run builds the image of which machine role for which environment, by the names of the jobs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runners.results import Job

MatrixSlot = tuple[str, str]  # machine role, environment


@dataclass(frozen=True, slots=True)
class Grid:
    """The jobs that build images, by slot, and the other jobs in GitHub's order."""

    cells: Mapping[MatrixSlot, Job]
    others: tuple[Job, ...]


def arrange(jobs: Sequence[Job], machines: Sequence[str], environments: Sequence[str]) -> Grid:
    """Assign the jobs to slots. Of two jobs for a slot, the job whose matrix fills more slots gets it."""
    candidates = [(job, slot) for job in jobs if (slot := slot_of(job.name, machines, environments))]
    filled = Counter(group_of(job.name) for job, _ in candidates)

    def weight(job: Job) -> tuple[int, bool]:
        return filled[group_of(job.name)], "build" in job.name.lower()

    cells: dict[MatrixSlot, Job] = {}
    for job, slot in candidates:
        if slot not in cells or weight(job) > weight(cells[slot]):
            cells[slot] = job
    assigned = {job.job_id for job in cells.values()}
    return Grid(cells, tuple(job for job in jobs if job.job_id not in assigned))


def slot_of(name: str, machines: Sequence[str], environments: Sequence[str]) -> MatrixSlot | None:
    """What a job of this name builds: "build (backend, staging)", "staging / backend". None unless it names both.

    The first value of the matrix that is a machine role, and the first that is an environment, count: further values
    ("web.example.org") may contain such a name. Without such a value, the first part of the name that contains one.
    """
    return _slot_of(name, tuple(machines), tuple(environments))


@lru_cache(maxsize=1_024)  # the matrix is rendered again and again with the same names
def _slot_of(name: str, machines: tuple[str, ...], environments: tuple[str, ...]) -> MatrixSlot | None:
    segments = _segments(name)
    machine, environment = _first(segments, machines), _first(segments, environments)
    return (machine, environment) if machine and environment else None


def group_of(name: str) -> str:
    """The name of a job without its slot in a matrix: "build" of "build (backend, staging)"."""
    return re.split(r"\s*[(/]", name, maxsplit=1)[0].strip() or name


def _segments(name: str) -> list[str]:
    """The values of the matrix at the end of a job's name, then the parts of the name before it."""
    matrix = re.search(r"\(([^()]*)\)\s*$", name)
    before = name[: matrix.start()] if matrix else name
    parts = [*(matrix[1].split(",") if matrix else ()), *before.split("/")]
    return [part.strip() for part in parts]


def _first(segments: Sequence[str], candidates: Sequence[str]) -> str | None:
    by_name = {candidate.lower(): candidate for candidate in candidates}
    same = (by_name[segment.lower()] for segment in segments if segment.lower() in by_name)
    contained = (match for segment in segments if (match := _only_match(segment, candidates)))
    return next(same, None) or next(contained, None)


def _only_match(name: str, candidates: Iterable[str]) -> str | None:
    """The only candidate that is a word of the name; where none is, also "backend" of "backend-staging"."""
    lower = name.lower()
    possible = [candidate for candidate in candidates if candidate.lower() in lower]
    for edge in (r"[\w-]", r"[^\W_]"):
        matches = [
            candidate
            for candidate in possible
            if re.search(rf"(?<!{edge}){re.escape(candidate)}(?!{edge})", name, re.IGNORECASE)
        ]
        if matches:
            return matches[0] if len(matches) == 1 else None
    return None
