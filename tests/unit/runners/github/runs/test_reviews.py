"""Who has to review a run that GitHub's environments hold, against the stand-in and GitHub's published shapes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.github.runs import reviews
from runners.github.runs.poller import watch_run
from runners.results import PendingReview
from tests.unit.sandbox.github.schemas import all_fit

if TYPE_CHECKING:
    from runners.github import GitHub
    from sandbox.github import GitHubStandIn

REPOSITORY, DEPLOY = "PermanentOrg/infrastructure", "deploy-staging.yml"


async def test_a_job_that_waits_for_reviewers_names_them(github: GitHub, stand_in: GitHubStandIn) -> None:
    repository = stand_in.repository(REPOSITORY)
    hold = repository.wait_next(DEPLOY, job="backend", environment="staging", reviewers=("lee-park", "ana-duarte"))
    run = repository.dispatch(DEPLOY, "staging")
    async with asyncio.timeout(10), aclosing(watch_run(github, REPOSITORY, run.run_id, interval=0.05)) as states:
        async for state in states:
            if any(job.held for job in state.jobs):
                break
    assert await reviews.pending_reviews(github, REPOSITORY, run.run_id) == (
        PendingReview("staging", ("lee-park", "ana-duarte")),
    )
    path = f"/repos/{REPOSITORY}/actions/runs/{run.run_id}/pending_deployments"
    all_fit("PendingDeployment", (await github.get(REPOSITORY, path, doing="x")).data)
    hold.release()
    await repository.ended(run)
    assert await reviews.pending_reviews(github, REPOSITORY, run.run_id) == ()


def test_teams_and_timers_are_read_too() -> None:
    pending: dict[str, Any] = {
        "environment": {"name": "production"},
        "wait_timer": 30,
        "wait_timer_started_at": "2026-11-23T12:00:00Z",
        "reviewers": [{"type": "Team", "reviewer": {"slug": "infra", "name": "Infra"}}],
    }
    until = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    assert reviews._review(pending) == PendingReview("production", ("team infra",), until)
    assert reviews._review({**pending, "wait_timer": 0}).until is None
    assert reviews._review({}) == PendingReview("")
