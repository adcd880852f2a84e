"""The jobs of one attempt of a run, merged from GitHub's pages and from its webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.github.runs.parsing import parse_job
from runners.results import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from runners.github.api.reads import Answer
    from runners.results import Job

    ReadPage = Callable[[int, str | None], Awaitable[Answer]]  # number and ETag of a page -> its answer

PER_PAGE = 100  # the most that GitHub gives
MOST_PAGES = 10  # a run has 256 jobs of a matrix at most


@dataclass(frozen=True, slots=True)
class JobsPoll:
    """The outcome of a poll: how many answers were not 304, and whether a job had changed without a webhook."""

    calls: int
    missed_webhook: bool


@dataclass(frozen=True, slots=True)
class _Page:
    etag: str | None
    jobs: tuple[int, ...]
    total: int


class AttemptJobs:
    """The jobs of an attempt. No job goes back: of two answers the one with the later state of the job counts."""

    def __init__(self) -> None:
        self._pages: dict[int, _Page] = {}
        self._jobs: dict[int, Job] = {}

    @property
    def jobs(self) -> tuple[Job, ...]:
        """In GitHub's order; jobs that it does not list yet come last."""
        listed = [number for page in sorted(self._pages) for number in self._pages[page].jobs]
        unlisted = sorted(self._jobs.keys() - set(listed))
        return tuple(self._jobs[number] for number in [*dict.fromkeys(listed), *unlisted])

    @property
    def ended(self) -> bool:
        """Whether there are jobs and all of them have ended."""
        return bool(self._jobs) and all(job.state.ended for job in self._jobs.values())

    def receive(self, job: Job) -> bool:
        """Merge a job from a webhook; whether that changed anything."""
        before = self._jobs.get(job.job_id)
        self._merge(job)
        return self._jobs[job.job_id] != before

    async def poll(self, read: ReadPage, *, whole: bool) -> JobsPoll:
        """Read the pages that can have changed, or all of them; with `whole` jobs that GitHub does not list are dropped."""
        before = {number: _rank(job) for number, job in self._jobs.items()}
        calls, number, total = 0, 0, 1
        while number * PER_PAGE < total and number < MOST_PAGES:
            number += 1
            if not whole and self._is_final(number):
                total = max(total, number * PER_PAGE + 1)
                continue
            calls += await self._read(read, number)
            total = self._pages[number].total if self._pages[number].jobs else 0
        self._pages = {key: page for key, page in self._pages.items() if key <= number}
        if whole:
            listed = {job_id for page in self._pages.values() for job_id in page.jobs}
            self._jobs = {job_id: job for job_id, job in self._jobs.items() if job_id in listed}
        missed = any(_rank(job) > before.get(job_id, -1) for job_id, job in self._jobs.items())
        return JobsPoll(calls, missed)

    def _is_final(self, number: int) -> bool:
        # Ended jobs do not change; but only the last page's answer reports further jobs.
        page = self._pages.get(number)
        full = page is not None and len(page.jobs) == PER_PAGE and number + 1 in self._pages
        return full and all(self._jobs[job_id].state.ended for job_id in page.jobs)  # type: ignore[union-attr]

    async def _read(self, read: ReadPage, number: int) -> int:
        page = self._pages.get(number)
        answer = await read(number, page.etag if page else None)
        if answer.unchanged:
            return 0
        jobs = [parse_job(job) for job in answer.data["jobs"]]
        for job in jobs:
            self._merge(job)
        self._pages[number] = _Page(answer.etag, tuple(job.job_id for job in jobs), int(answer.data["total_count"]))
        return 1

    def _merge(self, job: Job) -> None:
        before = self._jobs.get(job.job_id)
        if before is None or _rank(job) >= _rank(before):
            self._jobs[job.job_id] = job


def _rank(job: Job) -> int:
    if job.state.ended:
        return 2
    return int(job.state is State.RUNNING)
