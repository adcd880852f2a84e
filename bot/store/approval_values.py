"""Approvals and votes as values, and which decisions still count."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.errors import Denied
from runners.stored import stored


@stored("approval-outcome")
class Outcome(StrEnum):
    """The state of an approval: pending, or how it ended."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    OUTSIDE_SLACK = "outside_slack"  # decided, or made pointless, in HCP Terraform or on GitHub
    PASSED = "passed"  # something goes first (bot/store/passes.py); pending again afterwards
    ENDED = "ended"  # its operation ended without a decision


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What an operation requests approval for.

    `binding` is the digest of what the person sees (operation, commit, plan, environment). An approver must type
    `typed_confirmation` when it is not empty. `expires_after` is in seconds.
    """

    operation: int
    environment: str
    binding: str
    requester: str
    channel: str
    message_ts: str
    required: int
    expires_after: float
    typed_confirmation: str = ""


@stored("vote")
@dataclass(frozen=True, slots=True)
class Vote:
    """A person's decision. `at` is in Unix seconds; `reason` is that of a rejection, and may be empty."""

    person: str
    decision: str
    at: float
    reason: str = ""


@stored("approval")
@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as stored. Times are Unix seconds.

    `lapsed` are the people who approved and no longer may. It is determined for each use, and not stored.
    """

    id: str
    operation: int
    environment: str
    binding: str
    requester: str
    channel: str
    message_ts: str
    required: int
    typed_confirmation: str
    outcome: Outcome
    created_at: float
    expires_at: float
    votes: tuple[Vote, ...]
    lapsed: tuple[str, ...] = ()

    @property
    def approvers(self) -> tuple[str, ...]:
        """The people who approved so far, in order, without those who no longer may."""
        approved = (vote.person for vote in self.votes if vote.decision == Outcome.APPROVED)
        return tuple(person for person in approved if person not in self.lapsed)

    @property
    def rejection(self) -> Vote | None:
        """The vote that rejected it, if one did."""
        return next((vote for vote in self.votes if vote.decision == Outcome.REJECTED), None)


_CLOSED = {
    Outcome.EXPIRED: "This approval has expired; nothing was done. Run the command again for a fresh one.",
    Outcome.SUPERSEDED: "A newer request for approval replaced this one; your click changed nothing. Decide on the newer one.",
    Outcome.OUTSIDE_SLACK: "This was decided, or changed, outside of Slack meanwhile; your click changed nothing.",
    Outcome.PASSED: "Something else goes first; your click changed nothing. Decide once this has its buttons again.",
    Outcome.ENDED: "This has ended, and its message says how; your click changed nothing.",
}


def check_open(approval: Approval, person: str, decision: Outcome) -> None:
    """Raises Denied where this person's decision does not count (any more)."""
    if approval.outcome is not Outcome.PENDING:
        decided = f"This was already {approval.outcome.value}; your click changed nothing."
        raise Denied(_CLOSED.get(approval.outcome, decided))
    if decision is Outcome.APPROVED and person in approval.approvers:
        raise Denied("You have approved this already; it needs another person as well.")
