"""An attempt's jobs, merged from pages and webhooks."""

from __future__ import annotations

from runners.github import Answer
from runners.github.runs.attempt_jobs import AttemptJobs
from runners.results import Job, State


async def test_what_github_does_not_list_at_the_end_is_dropped_and_its_order_kept() -> None:
    jobs = AttemptJobs()
    for number in (3, 9):
        jobs.receive(Job(number, f"job {number}", State.RUNNING, ""))

    async def ask(page: int, etag: str | None) -> Answer:
        assert (page, etag) == (1, None)
        rendered = [{"id": number, "name": "x", "status": "completed", "conclusion": "success"} for number in (5, 3)]
        return Answer({"total_count": 2, "jobs": rendered}, "tag")

    poll = await jobs.poll(ask, whole=True)
    assert (poll.calls, poll.missed_webhook) == (1, True)
    assert [job.job_id for job in jobs.jobs] == [5, 3]
    assert jobs.ended
