"""Approvals: requested, then decided once or expired. The table decides; waking the operation only saves time."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.errors import Denied, UserError
from bot.store import sealed
from bot.store.approval_tables import LONGEST_REASON, approvals, votes
from bot.store.approval_values import Approval, ApprovalRequest, Outcome, Vote, check_open
from bot.store.database import Store, insert_new
from bot.store.operation_tables import operations
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

__all__ = ["Approval", "ApprovalRequest", "Approvals", "Outcome", "Vote"]


class Approvals:
    """Reads and writes approvals. Each decision is one transaction, so two clicks at once cannot both decide."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._keyring = store.keyring
        self._clock = clock

    async def create(self, request: ApprovalRequest) -> Approval:
        """Create the approval; a second request for the same operation and binding returns the existing approval."""

        def work(connection: sa.Connection) -> Approval:
            insert_new(connection, approvals, sealed.sealed(self._keyring, approvals, self._row(request)))
            same = (approvals.c.operation == request.operation) & (approvals.c.binding == request.binding)
            return self._read(connection, str(connection.scalar(sa.select(approvals.c.id).where(same))))

        return await self._store.run(work)

    async def of_binding(self, operation: int, binding: str) -> Approval | None:
        """The approval that this operation requested for this binding, or None. Raises ForgedError."""
        same = (approvals.c.operation == operation) & (approvals.c.binding == binding)

        def work(connection: sa.Connection) -> Approval | None:
            approval_id = connection.scalar(sa.select(approvals.c.id).where(same))
            return None if approval_id is None else self._read(connection, str(approval_id))

        return await self._store.run(work)

    async def get(self, approval_id: str) -> Approval:
        """The approval; closed if it has expired or its operation has ended. Raises UserError for an unknown id, and ForgedError."""
        return await self._store.run(lambda connection: self._current(connection, approval_id))

    async def decide(
        self,
        approval_id: str,
        person: str,
        decision: Outcome,
        record: Callable[[sa.Connection, Approval], None] = lambda _connection, _decided: None,
        *,
        lapsed: Collection[str] = (),
        reason: str = "",
    ) -> Approval:
        """Count this person's decision, and close the approval when it has enough; `record` writes in the same transaction.

        A single rejection closes it. Votes of the `lapsed`, who no longer may approve, do not count. Raises Denied, and
        changes nothing, when it is closed or this person has approved before; ForgedError.
        """

        def work(connection: sa.Connection) -> Approval:
            approval = replace(self._current(connection, approval_id), lapsed=tuple(sorted(lapsed)))
            check_open(approval, person, decision)
            vote: dict[str, Any] = {"approval": approval_id, "person": person, "decision": decision.value}
            vote |= {"at": self._clock(), "reason": reason[:LONGEST_REASON] or None}
            connection.execute(sa.delete(votes).where(votes.c.approval == approval_id, votes.c.person == person))
            connection.execute(sa.insert(votes).values(sealed.sealed(self._keyring, votes, vote)))
            enough = decision is Outcome.REJECTED or len({*approval.approvers, person}) >= approval.required
            if enough:
                self._close(connection, approval_id, decision)
            decided = replace(self._read(connection, approval_id), lapsed=approval.lapsed)
            record(connection, decided)
            return decided

        return await self._store.run(work)

    async def pending_of(self, operation: int) -> Approval | None:
        """The approval that this operation waits for now, or None. Raises ForgedError."""
        of_operation = sa.select(approvals.c.id).where(approvals.c.operation == operation)

        def work(connection: sa.Connection) -> Approval | None:
            current = [self._current(connection, each) for each in connection.scalars(of_operation).all()]
            return next((approval for approval in current if approval.outcome is Outcome.PENDING), None)

        return await self._store.run(work)

    async def revoke(
        self, approval_id: str, person: str, record: Callable[[sa.Connection, Approval], None]
    ) -> Approval:
        """Take back this person's approval while more are needed. Raises Denied where that is not possible, and ForgedError."""

        def work(connection: sa.Connection) -> Approval:
            approval = self._current(connection, approval_id)
            if approval.outcome is not Outcome.PENDING or person not in approval.approvers:
                raise Denied("There is no approval of yours here that can be taken back any more; nothing changed.")
            connection.execute(sa.delete(votes).where(votes.c.approval == approval_id, votes.c.person == person))
            remaining = self._read(connection, approval_id)
            record(connection, remaining)
            return remaining

        return await self._store.run(work)

    async def votes_of(self, operation: int, decision: Outcome) -> tuple[Vote, ...]:
        """The votes for this decision on what this operation requested, in order. Raises ForgedError."""
        of_operation = (
            sa.select(approvals.c.id).where(approvals.c.operation == operation).order_by(approvals.c.created_at)
        )

        def work(connection: sa.Connection) -> tuple[Vote, ...]:
            made = [self._read(connection, approval_id) for approval_id in connection.scalars(of_operation).all()]
            return tuple(vote for approval in made for vote in approval.votes if vote.decision == decision)

        return await self._store.run(work)

    async def close_outside_slack(self, approval_id: str) -> Approval:
        """Close an approval that is still pending because the decision was made outside of Slack; the approval then."""

        def work(connection: sa.Connection) -> Approval:
            approval = self._current(connection, approval_id)
            if approval.outcome is Outcome.PENDING:
                self._close(connection, approval_id, Outcome.OUTSIDE_SLACK)
            return self._read(connection, approval_id)

        return await self._store.run(work)

    async def supersede(self, operation: int) -> bool:
        """Close the pending approvals of an operation that a newer one supersedes; false when it has none."""
        return await self._store.run(lambda connection: self._close_all(connection, operation, Outcome.SUPERSEDED))

    async def close_undecided(self, operation: int) -> None:
        """Close the pending approvals of an operation that is about to end without a decision."""
        await self._store.run(lambda connection: self._close_all(connection, operation, Outcome.ENDED))

    def _close_all(self, connection: sa.Connection, operation: int, outcome: Outcome) -> bool:
        pending = (approvals.c.operation == operation) & (approvals.c.outcome == Outcome.PENDING.value)
        ids = connection.scalars(sa.select(approvals.c.id).where(pending).with_for_update()).all()
        for approval_id in ids:
            self._close(connection, approval_id, outcome)
        return bool(ids)

    def _row(self, request: ApprovalRequest) -> dict[str, Any]:
        now = self._clock()
        return {
            "id": secrets.token_urlsafe(18),  # a button's value: it reveals nothing and cannot be guessed
            "operation": request.operation,
            "environment": request.environment,
            "binding": request.binding,
            "requester": request.requester,
            "channel": request.channel,
            "message_ts": request.message_ts,
            "required": request.required,
            "typed_confirmation": request.typed_confirmation,
            "outcome": Outcome.PENDING.value,
            "created_at": now,
            "expires_at": now + request.expires_after,
        }

    def _current(self, connection: sa.Connection, approval_id: str) -> Approval:
        approval = self._read(connection, approval_id)
        if approval.outcome is not Outcome.PENDING:
            return approval
        status = connection.scalar(sa.select(operations.c.status).where(operations.c.number == approval.operation))
        over = status is not None and Status(status).ended  # whatever ended it
        if not over and self._clock() < approval.expires_at:
            return approval
        self._close(connection, approval_id, Outcome.ENDED if over else Outcome.EXPIRED)
        return self._read(connection, approval_id)

    def _read(self, connection: sa.Connection, approval_id: str) -> Approval:
        """The approval, locked, after the seals of its row and its votes are verified."""
        row = self._locked(connection, approval_id)
        cast = sa.select(votes).where(votes.c.approval == approval_id).order_by(votes.c.at)
        vote_rows = connection.execute(cast).mappings().all()
        for vote in vote_rows:
            sealed.check(self._keyring, votes, vote, f"the approval of #{row['operation']}")
        return _approval(row, vote_rows)

    def _locked(self, connection: sa.Connection, approval_id: str) -> sa.RowMapping:
        """The approval's row, locked and verified."""
        lock = sa.select(approvals).where(approvals.c.id == approval_id).with_for_update()
        row = connection.execute(lock).mappings().first()
        if row is None:
            raise UserError("I do not know this approval (any more); run the command again for a fresh one.")
        sealed.check(self._keyring, approvals, row, f"the approval of #{row['operation']}")
        return row

    def _close(self, connection: sa.Connection, approval_id: str, outcome: Outcome) -> None:
        row = self._locked(connection, approval_id)
        if row["outcome"] != Outcome.PENDING:
            raise UserError("Somebody decided this a moment before you; nothing changed.")
        sealed.change(connection, self._keyring, approvals, row, {"outcome": outcome.value})


def _approval(row: sa.RowMapping, vote_rows: Sequence[sa.RowMapping]) -> Approval:
    names = [name for name in Approval.__slots__ if name not in ("outcome", "votes", "lapsed")]
    return Approval(
        **{name: row[name] for name in names},
        outcome=Outcome(row["outcome"]),
        votes=tuple(Vote(vote["person"], vote["decision"], vote["at"], vote["reason"] or "") for vote in vote_rows),
    )
