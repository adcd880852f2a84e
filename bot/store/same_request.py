"""The same request twice: what identifies a request, and the operation of the same request that is open."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store import sealed
from bot.store.annotations import annotation_rows
from bot.store.database import insert_new, lock_transaction
from bot.store.operation_tables import IS_OPEN, operations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.seals import Keyring
    from bot.store.operations import Request

IDENTITY = "requested"  # the name of an operation's annotation with the identity of its request
# PostgreSQL's advisory lock: of two processes that number the same request, one sees the other's operation.
LOCK = 5_146_100_741


def identity_of(request: Request, what: Mapping[str, str]) -> str:
    """What two requests have in common that ask for the same: kind, queue, and `what` they are about."""
    listed = json.dumps([request.kind, request.environment, sorted(what.items())])
    return hashlib.sha256(listed.encode()).hexdigest()


def open_operation(connection: sa.Connection, keyring: Keyring, request: Request, identity: str) -> int | None:
    """Within the transaction that numbers the request: the operation of this identity that was open when it was accepted.

    A repetition of the transaction finds the same: an operation that has ended since then counts.
    """
    lock_transaction(connection, LOCK)
    rows, there = annotation_rows.c, operations.c.environment == request.environment
    # Each part is answered by an index; one condition with "or" would read all operations of the environment.
    was_open = sa.union_all(
        sa.select(operations.c.number).where(there, IS_OPEN),
        sa.select(operations.c.number).where(there, operations.c.ended_at > request.at),
    )
    same = rows.operation.in_(was_open), rows.name == IDENTITY, rows.value == identity
    candidates = sa.select(annotation_rows).where(*same).order_by(rows.operation.desc())
    for row in connection.execute(candidates).mappings():
        if sealed.verifies(keyring, annotation_rows, row):
            return int(row["operation"])
    return None


def record(connection: sa.Connection, keyring: Keyring, number: int, identity: str, at: float) -> None:
    """Within the same transaction: store the identity of the request that begins this operation."""
    row: dict[str, Any] = {"operation": number, "name": IDENTITY, "value": identity, "at": at}
    insert_new(connection, annotation_rows, sealed.sealed(keyring, annotation_rows, row))
