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
        return self.outcome in (Outcome.DONE, Outcome.ABSENT, Outcome.SKIPPED)

    @property
    def removed(self) -> bool:
        """Whether the resource does not exist any more."""
        return self.outcome in (Outcome.DONE, Outcome.ABSENT)


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
