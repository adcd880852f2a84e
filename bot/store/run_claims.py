"""Which run belongs to which operation: runs of GitHub Actions, and runs of HCP Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import ForgedError
from bot.store import sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

run_claims = sa.Table(
    "signalbox_run_claims",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),  # a run belongs to one operation
    sa.Column("operation", sa.Integer, nullable=False, index=True),
    sa.Column("claimed_at", sa.Double, nullable=False),
    sealed.seal_column(),
)

dispatches = sa.Table(
    "signalbox_dispatches",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("workflow", sa.String(700), nullable=False),  # "owner/name file.yml ref"
    sa.Column("sent_at", sa.Double, nullable=False),
    sealed.seal_column(),
    sa.Index("ix_signalbox_dispatches_sent", "workflow", "sent_at"),
)

hcp_runs = sa.Table(
    "signalbox_hcp_runs",
    metadata,
    sa.Column("run_id", sa.String(80), primary_key=True),
    sa.Column("operation", sa.Integer, nullable=False, index=True),
    sa.Column("claimed_at", sa.Double, nullable=False),
    sealed.seal_column(),
)


class RunClaims:
    """Reads and writes claims. Every method is one transaction, so two operations cannot claim the same run."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def claim(self, operation: int, run_id: int) -> bool:
        """Claim this run of GitHub Actions; false when it belongs to another operation."""
        return await self._claim(run_claims, operation, run_id)

    async def run_of(self, operation: int) -> int | None:
        """The run of GitHub Actions that this operation claimed first, or None."""
        run_id = await self._run_of(run_claims, operation)
        return None if run_id is None else int(run_id)

    async def claimed_runs(self, run_ids: Collection[int]) -> frozenset[int]:
        """Those of these runs of GitHub Actions that belong to operations. A claim that does not verify hides no run."""
        claims = sa.select(run_claims).where(run_claims.c.run_id.in_(run_ids))
        return await self._store.run(lambda connection: frozenset(self._verified(connection, claims, "run_id")))

    async def operation_of(self, run_id: int) -> int | None:
        """The operation that this run of GitHub Actions belongs to, or None. Raises ForgedError."""
        claim = sa.select(run_claims).where(run_claims.c.run_id == run_id)

        def work(connection: sa.Connection) -> int | None:
            row = connection.execute(claim).mappings().first()
            return None if row is None else self._operation(run_claims, row)

        return await self._store.run(work)

    async def started_here(self, run_id: int) -> bool:
        """Whether the operation that claims this run of GitHub Actions sent the request for it. Raises ForgedError."""
        claim = sa.select(run_claims).where(run_claims.c.run_id == run_id)

        def work(connection: sa.Connection) -> bool:
            row = connection.execute(claim).mappings().first()
            return row is not None and self._was_dispatched(connection, self._operation(run_claims, row))

        return await self._store.run(work)

    async def begin_dispatch(self, operation: int, workflow: str, *, alone_since: float | None = None) -> bool:
        """Record that a request to start the workflow is about to be sent; false when it must not be sent now.

        That is while another operation's request, sent at `alone_since` (Unix seconds) or later, has no run yet. None:
        whatever others do.
        """
        row: dict[str, object] = {"operation": operation, "workflow": workflow, "sent_at": self._clock()}
        row = sealed.sealed(self._store.keyring, dispatches, row)

        def work(connection: sa.Connection) -> bool:
            if connection.dialect.name == "postgresql":  # SQLite's transactions exclude each other anyway
                connection.execute(sa.text("LOCK TABLE signalbox_dispatches IN EXCLUSIVE MODE"))
            if alone_since is not None and self._rivals(connection, operation, workflow, alone_since):
                return False
            if not insert_new(connection, dispatches, row):
                self._was_dispatched(connection, operation)
            return True

        return await self._store.run_before_effect(work)

    async def was_dispatched(self, operation: int) -> bool:
        """Whether this operation has sent, or was about to send, its request to start a workflow. Raises ForgedError."""
        return await self._store.run(lambda connection: self._was_dispatched(connection, operation))

    async def drop_dispatch(self, operation: int) -> None:
        """Record that GitHub refused the request: it started nothing."""
        refused = sa.delete(dispatches).where(dispatches.c.operation == operation)
        await self._store.run(lambda connection: connection.execute(refused))

    async def rivals(self, operation: int, workflow: str, since: float) -> int:
        """How many other operations sent a request for the workflow at `since` (Unix seconds) or later, and have no run yet."""
        return await self._store.run(lambda connection: self._rivals(connection, operation, workflow, since))

    async def claim_hcp(self, operation: int, run_id: str) -> bool:
        """Claim this run of HCP Terraform; false when it belongs to another operation."""
        return await self._claim(hcp_runs, operation, run_id)

    async def hcp_run_of(self, operation: int) -> str | None:
        """The run of HCP Terraform that this operation claimed first, or None."""
        run_id = await self._run_of(hcp_runs, operation)
        return None if run_id is None else str(run_id)

    async def operation_of_hcp_run(self, run_id: str) -> int | None:
        """The operation that this run of HCP Terraform belongs to, or None."""
        wanted = sa.select(hcp_runs.c.operation).where(hcp_runs.c.run_id == run_id)
        return await self._store.run(lambda connection: connection.scalar(wanted))

    async def _claim(self, table: sa.Table, operation: int, run_id: int | str) -> bool:
        row = {"run_id": run_id, "operation": operation, "claimed_at": self._clock()}
        row = sealed.sealed(self._store.keyring, table, row)
        owner = sa.select(table).where(table.c.run_id == run_id)

        def work(connection: sa.Connection) -> bool:
            if insert_new(connection, table, row):
                return True
            return self._operation(table, connection.execute(owner).mappings().one()) == operation

        return await self._store.run(work)

    async def _run_of(self, table: sa.Table, operation: int) -> int | str | None:
        first = sa.select(table).where(table.c.operation == operation).order_by(table.c.claimed_at).limit(1)
        row = await self._store.run(lambda connection: connection.execute(first).mappings().first())
        if row is not None:
            self._operation(table, row)
        run_id: int | str | None = row["run_id"] if row is not None else None
        return run_id

    def _operation(self, table: sa.Table, row: sa.RowMapping) -> int:
        """The operation of this claim. Raises ForgedError."""
        sealed.check(self._store.keyring, table, row, f"the run of #{row['operation']}")
        return int(row["operation"])

    def _was_dispatched(self, connection: sa.Connection, operation: int) -> bool:
        sent = sa.select(dispatches).where(dispatches.c.operation == operation)
        row = connection.execute(sent).mappings().first()
        if row is not None and not sealed.verifies(self._store.keyring, dispatches, row):
            raise ForgedError(
                f"The record of the request of #{operation} to start a workflow does not verify: something other than "
                "Signalbox has changed the database, or SIGNALBOX_KEY lacks the key that sealed it. Signalbox does not "
                "request it again. Look at the repository's Actions page for what was started."
            )
        return row is not None

    def _rivals(self, connection: sa.Connection, operation: int, workflow: str, since: float) -> int:
        """A request counts also where its record does not verify: then people say which run it is. A forged claim does not."""
        sent = sa.select(dispatches.c.operation).where(
            dispatches.c.workflow == workflow, dispatches.c.operation != operation, dispatches.c.sent_at >= since
        )
        rivals = frozenset(connection.scalars(sent))
        claims = sa.select(run_claims).where(run_claims.c.operation.in_(rivals))
        return len(rivals - frozenset(self._verified(connection, claims, "operation")))

    def _verified(self, connection: sa.Connection, claims: sa.Select[tuple[object, ...]], column: str) -> Iterator[int]:
        for row in connection.execute(claims).mappings():
            if sealed.verifies(self._store.keyring, run_claims, row):
                yield int(row[column])
