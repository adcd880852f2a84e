"""Which job of a run builds which machine's image for which environment: told by the jobs' names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runners.results import Job

Place = tuple[str, str]  # machine, environment


@dataclass(frozen=True, slots=True)
class Grid:
    """The jobs by what they build, and the others in GitHub's order."""

    cells: Mapping[Place, Job]
    others: tuple[Job, ...]


def arrange(jobs: Sequence[Job], machines: Sequence[str], environments: Sequence[str]) -> Grid:
    """Put the jobs in their places. Where two would be in one, the matrix that fills more of the grid has it."""
    placed = [(job, place) for job in jobs if (place := target_of(job.name, machines, environments))]
    filled = Counter(group_of(job.name) for job, _ in placed)

    def weight(job: Job) -> tuple[int, bool]:
        return filled[group_of(job.name)], "build" in job.name.lower()

    cells: dict[Place, Job] = {}
    for job, place in placed:
        if place not in cells or weight(job) > weight(cells[place]):
            cells[place] = job
    in_place = {job.job_id for job in cells.values()}
    return Grid(cells, tuple(job for job in jobs if job.job_id not in in_place))


def target_of(name: str, machines: Sequence[str], environments: Sequence[str]) -> Place | None:
    """What a job of this name builds: "build (backend, staging)", "staging / backend". None unless it names one of each."""
    return _place_of(name, tuple(machines), tuple(environments))


@lru_cache(maxsize=1_024)  # a board is drawn again and again with the same names
def _place_of(name: str, machines: tuple[str, ...], environments: tuple[str, ...]) -> Place | None:
    machine, environment = _the_one(name, machines), _the_one(name, environments)
    return (machine, environment) if machine and environment else None


def group_of(name: str) -> str:
    """The job without its place in a matrix: "build" of "build (backend, staging)"."""
    return re.split(r"\s*[(/]", name, maxsplit=1)[0].strip() or name


def _the_one(name: str, known: Iterable[str]) -> str | None:
    """The one of these that is in the name as a word; in a second look also "backend" of "backend-staging"."""
    lower = name.lower()
    every = [one for one in known if one.lower() in lower]
    for edge in (r"[\w-]", r"[^\W_]"):
        found = [one for one in every if re.search(rf"(?<!{edge}){re.escape(one)}(?!{edge})", name, re.IGNORECASE)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
