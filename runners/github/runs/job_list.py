"""The jobs of one attempt of a run: what GitHub's pages say, and what its webhooks tell in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.github.runs.runs import job_of
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runners.github.api.reads import Answer
    from runners.results import Job

    AskPage = Callable[[int, str | None], Awaitable[Answer]]  # number and ETag of a page -> its answer

PER_PAGE = 100  # the most that GitHub gives
MOST_PAGES = 10  # a run has 256 jobs of a matrix at most


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look brought: how many answers were not 304, and whether something had happened that nobody told."""

    cost: int
    untold: bool


@dataclass(frozen=True, slots=True)
class _Page:
    etag: str | None
    jobs: tuple[int, ...]
    total: int


class JobList:
    """Never lets a job go back: whichever of two answers is older, the one in which the job has come further counts."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = {}
        self._known: dict[int, Job] = {}

    @property
    def jobs(self) -> tuple[Job, ...]:
        """In GitHub's order; those that it does not list yet come last."""
        listed = [number for page in sorted(self._pages) for number in self._pages[page].jobs]
        told = sorted(self._known.keys() - set(listed))
        return tuple(self._known[number] for number in [*dict.fromkeys(listed), *told])

    @property
    def ended(self) -> bool:
        """Whether there are jobs, and none of them goes on."""
        return bool(self._known) and all(job.state.ended for job in self._known.values())

    def tell(self, job: Job) -> bool:
        """Take what a webhook says of a job; whether that is news."""
        before = self._known.get(job.job_id)
        self._take(job)
        return self._known[job.job_id] != before

    async def look(self, ask: AskPage, *, whole: bool) -> Seen:
        """Ask for the pages that can have changed, or for all of them; with `whole` GitHub's list is the truth."""
        before = {number: _rank(job) for number, job in self._known.items()}
        cost, page, total = 0, 0, 1
        while page * PER_PAGE < total and page < MOST_PAGES:
            page += 1
            if not whole and self._is_settled(page):
                total = max(total, page * PER_PAGE + 1)
                continue
            cost += await self._ask(ask, page)
            total = self._pages[page].total if self._pages[page].jobs else 0
        self._pages = {number: one for number, one in self._pages.items() if number <= page}
        if whole:
            listed = {number for one in self._pages.values() for number in one.jobs}
            self._known = {number: job for number, job in self._known.items() if number in listed}
        untold = any(_rank(job) > before.get(number, -1) for number, job in self._known.items())
        return Seen(cost, untold)

    def _is_settled(self, page: int) -> bool:
        # Ended jobs stay as they are; but the last page's answer tells whether there are more by now.
        known = self._pages.get(page)
        full = known is not None and len(known.jobs) == PER_PAGE and page + 1 in self._pages
        return full and all(self._known[number].state.ended for number in known.jobs)  # type: ignore[union-attr]

    async def _ask(self, ask: AskPage, page: int) -> int:
        known = self._pages.get(page)
        answer = await ask(page, known.etag if known else None)
        if answer.unchanged:
            return 0
        jobs = [job_of(job) for job in answer.data["jobs"]]
        for job in jobs:
            self._take(job)
        self._pages[page] = _Page(answer.etag, tuple(job.job_id for job in jobs), int(answer.data["total_count"]))
        return 1

    def _take(self, job: Job) -> None:
        before = self._known.get(job.job_id)
        if before is None or _rank(job) >= _rank(before):
            self._known[job.job_id] = job


def _rank(job: Job) -> int:
    if job.state.ended:
        return 2
    return int(job.state is State.RUNNING)
