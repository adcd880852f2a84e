"""Records of pull requests and deployments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


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
    approvals: set[str] = field(default_factory=set)
    computed_for: tuple[str, str] | None = None  # head and base whose mergeability is computed

    @property
    def merged(self) -> bool:
        """Whether it was merged."""
        return self.merge_commit is not None

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
