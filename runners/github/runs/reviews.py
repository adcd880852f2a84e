"""The environments of GitHub that a run waits for: who has to review, or until when a timer holds it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.github.api.reads import CachedReads
from runners.results import PendingReview

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.github import GitHub


async def pending_reviews(github: GitHub, repository: str, run_id: int) -> tuple[PendingReview, ...]:
    """What each environment that the run waits for needs, by GitHub's "pending deployments".

    Raises:
        RunnerError: or one of its kinds; AccessDeniedError for an identity that may not see them.
    """
    path, doing = f"/actions/runs/{run_id}/pending_deployments", f"reading who reviews run {run_id} of {repository}"
    pending = await CachedReads(github).get(repository, path, doing=doing)
    return tuple(map(_review, pending))


def _review(pending: Mapping[str, Any]) -> PendingReview:
    environment = pending.get("environment") or {}
    began, minutes = pending.get("wait_timer_started_at"), pending.get("wait_timer") or 0
    until = datetime.fromisoformat(began) + timedelta(minutes=minutes) if began and minutes else None
    return PendingReview(
        str(environment.get("name") or ""), tuple(map(_reviewer, pending.get("reviewers") or ())), until
    )


def _reviewer(entry: Mapping[str, Any]) -> str:
    """A person's login, or a team's name."""
    reviewer = entry.get("reviewer") or {}
    return str(reviewer.get("login") or f"team {reviewer.get('slug') or reviewer.get('name') or 'unknown'}")
