"""Results that all clean-ups in AWS share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runners.stored import stored


@stored("aws-outcome")
class Outcome(StrEnum):
    """The outcome for a resource that was to be deleted."""

    DONE = "done"
    ABSENT = "already gone"
    RECYCLED = "in the Recycle Bin"  # deleted, can be restored for a time, and takes its storage until then
    SKIPPED = "kept"
    REFUSED = "refused"
    WAITING = "not yet"


@stored("aws-step")
@dataclass(frozen=True, slots=True)
class Step:
    """The deletion of a resource: `what` it is ("instance", "key pair", "snapshot"), its id or name, and why it still exists."""

    what: str
    resource: str
    outcome: Outcome
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether no retry and no decision is needed."""
        return self.removed or self.outcome is Outcome.SKIPPED

    @property
    def removed(self) -> bool:
        """Whether the resource does not exist any more, apart from the Recycle Bin."""
        return self.outcome in (Outcome.DONE, Outcome.ABSENT, Outcome.RECYCLED)


@dataclass(frozen=True, slots=True)
class AwsPlace:
    """A region of an account, by the credentials: those of a profile, or of a role (its ARN) that they assume."""

    region: str
    profile: str | None = None
    role: str | None = None


@stored("unreadable-region")
@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a region that could not be read: `what` it was, why, and the remedy."""

    region: str
    what: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what} in {self.region}: {self.problem}"
