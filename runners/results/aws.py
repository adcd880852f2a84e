"""What the parts that look around in AWS and clean up there have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runners.stored import stored


@stored("aws-outcome")
class Outcome(StrEnum):
    """What became of one thing that was to go."""

    DONE = "done"
    ABSENT = "already gone"
    SKIPPED = "kept"
    REFUSED = "refused"
    WAITING = "not yet"


@stored("aws-step")
@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was to go: `what` it is ("instance", "key pair", "snapshot"), its id or name, and why it is still there."""

    what: str
    resource: str
    outcome: Outcome
    reason: str = ""

    @property
    def final(self) -> bool:
        """Whether nothing is left to do or to decide about it."""
        return self.outcome in (Outcome.DONE, Outcome.ABSENT, Outcome.SKIPPED)

    @property
    def removed(self) -> bool:
        """Whether it is not there any more."""
        return self.outcome in (Outcome.DONE, Outcome.ABSENT)


@stored("unreadable-region")
@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something of a region that could not be read: `what` it was, why, and what to do about it."""

    region: str
    what: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.what} in {self.region}: {self.problem}"
