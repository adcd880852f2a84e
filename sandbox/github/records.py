"""Records of pull requests and deployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Review:
    """A review of the commit that was the pull request's head; `state` is GitHub's: APPROVED, CHANGES_REQUESTED and so on."""

    login: str
    state: str
    sha: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Activity:
    """A push to a branch: its commits before (None for a new branch) and after, and who pushed."""

    number: int
    branch: str
    before: str | None
    after: str
    actor: str
    at: datetime


@dataclass(slots=True)
class Pull:
    """A pull request. `head_sha` and `base_sha` follow their branches while it is open."""

    number: int
    pull_id: int
    title: str
    body: str | None
    head: str
    base: str
    head_sha: str
    base_sha: str
    user: str
    created_at: datetime
    updated_at: datetime
    draft: bool = False
    state: str = "open"
    closed_at: datetime | None = None
    merged_by: str | None = None
    merge_commit: str | None = None
    reviews: list[Review] = field(default_factory=list)
    computed_for: tuple[str, str] | None = None  # head and base whose mergeability is computed

    @property
    def merged(self) -> bool:
        """Whether it was merged."""
        return self.merge_commit is not None

    @property
    def approvals(self) -> frozenset[str]:
        """Whose newest review approves it, in whichever state it was then."""
        newest = {review.login: review.state for review in self.reviews if review.state != "COMMENTED"}
        return frozenset(login for login, state in newest.items() if state == "APPROVED")

    def review(self, login: str, state: str = "APPROVED") -> None:
        """Review its present head."""
        self.reviews.append(Review(login, state, self.head_sha, datetime.now(UTC)))

    def close(self, now: datetime) -> None:
        """Close it, merged or not."""
        self.state, self.closed_at, self.updated_at = "closed", now, now


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """A status of a deployment."""

    status_id: int
    state: str
    creator: str
    description: str
    log_url: str
    environment_url: str
    environment: str
    at: datetime


@dataclass(slots=True)
class Deployment:
    """A deployment. `statuses` are oldest first."""

    deployment_id: int
    ref: str
    sha: str
    task: str
    payload: Any
    environment: str
    description: str | None
    creator: str
    transient: bool
    production: bool
    created_at: datetime
    statuses: list[DeploymentStatus] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The newest state; pending without a status."""
        return self.statuses[-1].state if self.statuses else "pending"
