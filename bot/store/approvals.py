"""A pending approval: asked for, decided once, or expired. The table is the truth; waking the waiter is a courtesy."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.errors import Denied, UserError
from bot.store.database import Store, approvals, insert_new, votes

if TYPE_CHECKING:
    from collections.abc import Callable


class Outcome(StrEnum):
    """How an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be approved.

    `binding` is the digest of what the person sees (operation, commit, plan, environment). `typed_word`, when not
    empty, is what whoever approves has to type.
    """

    operation: int
    environment: str
    binding: str
    requester: str
    channel: str
    message_ts: str
    required: int
    expires_after: float
    typed_word: str = ""


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's word. `at` is in Unix seconds."""

    person: str
    decision: str
    at: float


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as it stands. Times are Unix seconds."""

    id: str
    operation: int
    environment: str
    binding: str
    requester: str
    channel: str
    message_ts: str
    required: int
    typed_word: str
    outcome: Outcome
    created_at: float
    expires_at: float
    decided_at: float | None
    votes: tuple[Vote, ...]

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved so far, in order."""
        return tuple(vote.person for vote in self.votes if vote.decision == Outcome.APPROVED)


class Approvals:
    """Keeps approvals. Each decision is one transaction, so two clicks at once cannot both decide."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def create(self, ask: Ask) -> Approval:
        """Ask for an approval; asking again for the same operation and binding gives the one already there."""

        def work(connection: sa.Connection) -> Approval:
            insert_new(connection, approvals, self._row(ask))
            same = (approvals.c.operation == ask.operation) & (approvals.c.binding == ask.binding)
            return _read(connection, str(connection.scalar(sa.select(approvals.c.id).where(same))))

        return await self._store.run(work)

    async def get(self, approval_id: str) -> Approval:
        """The approval as it stands; one whose time has passed is expired by this look. Raises UserError if unknown."""
        return await self._store.run(lambda connection: self._current(connection, approval_id))

    async def decide(
        self,
        approval_id: str,
        person: str,
        decision: Outcome,
        note: Callable[[sa.Connection, Approval], None] = lambda _connection, _decided: None,
    ) -> Approval:
        """Count this person's word, and settle the approval when that is enough; `note` writes in the same transaction.

        One rejection settles it. Raises Denied when it is settled already or this person has approved before;
        nothing changes then.
        """

        def work(connection: sa.Connection) -> Approval:
            approval = self._current(connection, approval_id)
            _refuse_unless_open(approval, person, decision)
            word = {"approval": approval_id, "person": person, "decision": decision.value, "at": self._clock()}
            connection.execute(sa.delete(votes).where(votes.c.approval == approval_id, votes.c.person == person))
            connection.execute(sa.insert(votes).values(word))
            enough = decision is Outcome.REJECTED or len(approval.approvers) + 1 >= approval.required
            if enough:
                self._settle(connection, approval_id, decision)
            decided = _read(connection, approval_id)
            note(connection, decided)
            return decided

        return await self._store.run(work)

    async def approvers_of(self, operation: int) -> tuple[str, ...]:
        """Who has approved what this operation asked for, in order."""
        given = (
            sa.select(votes.c.person)
            .join(approvals, approvals.c.id == votes.c.approval)
            .where(approvals.c.operation == operation, votes.c.decision == Outcome.APPROVED.value)
            .order_by(votes.c.at)
        )
        return await self._store.run(lambda connection: tuple(map(str, connection.scalars(given))))

    async def settle_elsewhere(self, approval_id: str) -> Approval:
        """Settle it, unless it is settled already, because the matter was decided outside of Slack: as it stands then."""

        def work(connection: sa.Connection) -> Approval:
            approval = self._current(connection, approval_id)
            if approval.outcome is Outcome.PENDING:
                self._settle(connection, approval_id, Outcome.ELSEWHERE)
            return _read(connection, approval_id)

        return await self._store.run(work)

    async def supersede(self, operation: int) -> bool:
        """Settle whatever this operation still waits for, because a newer one takes its place; false when nothing."""
        mine = (approvals.c.operation == operation) & (approvals.c.status == Outcome.PENDING.value)
        change = sa.update(approvals).where(mine).values(status=Outcome.SUPERSEDED.value, decided_at=self._clock())
        return await self._store.run(lambda connection: connection.execute(change).rowcount > 0)

    def _row(self, ask: Ask) -> dict[str, Any]:
        now = self._clock()
        return {
            "id": secrets.token_urlsafe(18),  # opaque: a button's value tells nothing and cannot be guessed
            "operation": ask.operation,
            "environment": ask.environment,
            "binding": ask.binding,
            "requester": ask.requester,
            "channel": ask.channel,
            "message_ts": ask.message_ts,
            "required": ask.required,
            "typed_word": ask.typed_word,
            "status": Outcome.PENDING.value,
            "created_at": now,
            "expires_at": now + ask.expires_after,
        }

    def _current(self, connection: sa.Connection, approval_id: str) -> Approval:
        approval = _read(connection, approval_id)
        if approval.outcome is Outcome.PENDING and self._clock() >= approval.expires_at:
            self._settle(connection, approval_id, Outcome.EXPIRED)
            return _read(connection, approval_id)
        return approval

    def _settle(self, connection: sa.Connection, approval_id: str, outcome: Outcome) -> None:
        pending = (approvals.c.id == approval_id) & (approvals.c.status == Outcome.PENDING.value)
        change = sa.update(approvals).where(pending).values(status=outcome.value, decided_at=self._clock())
        if connection.execute(change).rowcount != 1:
            raise UserError("Somebody decided this a moment before you; nothing changed.")


def _refuse_unless_open(approval: Approval, person: str, decision: Outcome) -> None:
    match approval.outcome:
        case Outcome.EXPIRED:
            raise Denied("This approval has expired; nothing was done. Run the command again for a fresh one.")
        case Outcome.SUPERSEDED:
            raise Denied("A newer plan took this one's place; nothing was done. Decide on the newer one.")
        case Outcome.ELSEWHERE:
            raise Denied("This was decided, or changed, outside of Slack meanwhile; your click changed nothing.")
        case Outcome.APPROVED | Outcome.REJECTED:
            raise Denied(f"This was already {approval.outcome.value}; your click changed nothing.")
        case Outcome.PENDING:
            pass
    if decision is Outcome.APPROVED and person in approval.approvers:
        raise Denied("You have approved this already; it needs another person as well.")


def _read(connection: sa.Connection, approval_id: str) -> Approval:
    lock = sa.select(approvals).where(approvals.c.id == approval_id).with_for_update()
    row = connection.execute(lock).mappings().first()
    if row is None:
        raise UserError("I do not know this approval (any more); run the command again for a fresh one.")
    said = connection.execute(sa.select(votes).where(votes.c.approval == approval_id).order_by(votes.c.at)).mappings()
    names = [name for name in Approval.__slots__ if name not in ("outcome", "votes")]
    return Approval(
        **{name: row[name] for name in names},
        outcome=Outcome(row["status"]),
        votes=tuple(Vote(one["person"], one["decision"], one["at"]) for one in said),
    )
