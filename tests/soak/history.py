"""What happened: triggers in the database write down each lease, side effect and status, with time and process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# One transaction each: a trigger waits for those who use its table, and would hold the others' tables meanwhile.
_TRIGGERS = (
    """
    CREATE TABLE soak_history (
        id bigserial PRIMARY KEY, at double precision, process text, tx bigint, what text, data jsonb
    )
    """,
    """
    CREATE FUNCTION soak_note() RETURNS trigger AS $$
    BEGIN
        INSERT INTO soak_history (at, process, tx, what, data) VALUES (
            extract(epoch FROM clock_timestamp()), current_setting('application_name'), txid_current(), TG_TABLE_NAME, to_jsonb(NEW)
        );
        RETURN NEW;
    END $$ LANGUAGE plpgsql
    """,
    "CREATE TRIGGER soak AFTER INSERT OR UPDATE ON signalbox_workers FOR EACH ROW EXECUTE FUNCTION soak_note()",
    """
    INSERT INTO soak_history (at, process, tx, what, data)  -- the leases that are held already
        SELECT seen_at, executor, txid_current(), 'signalbox_workers', to_jsonb(workers) FROM signalbox_workers workers
    """,
    "CREATE TRIGGER soak AFTER INSERT ON signalbox_side_effects FOR EACH ROW EXECUTE FUNCTION soak_note()",
    """
    CREATE TRIGGER soak AFTER UPDATE OF status ON signalbox_operations FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION soak_note()
    """,
)
_OPERATIONS = """
SELECT number, kind, environment, title, status, channel, message_ts, created_at, ended_at, requester
FROM signalbox_operations ORDER BY number
"""
_DECISIONS = """
SELECT operation, max(times) FROM (
    SELECT operation, count(*) AS times FROM signalbox_audit
    WHERE action IN ('approved', 'rejected') AND operation IS NOT NULL GROUP BY operation, detail::json->>'binding'
) AS of_each_approval GROUP BY operation
"""
_ANSWERED = """
SELECT actor, environment, count(*) FROM signalbox_audit
WHERE action = 'not begun' GROUP BY actor, environment
"""
_WORKFLOWS = "SELECT workflow_uuid, status FROM workflow_status"  # of the engine, in a schema of its own
_OVER = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
OPEN = ("waiting", "running", "approval")
# Tables that hold what an operation leaves for other machines, where the program has them: rows of operations that ended.
_LEFT = {
    "signalbox_artifacts": "SELECT operation FROM signalbox_artifacts",
    "signalbox_children": "SELECT operation FROM signalbox_children WHERE NOT ended AND lost_at IS NULL",
    "signalbox_child_output": "SELECT operation FROM signalbox_child_output JOIN signalbox_children USING (keeper)",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a row: `process` is the executor that wrote it, `what` its table. Times are Unix seconds."""

    number: int
    at: float
    process: str
    transaction: int
    what: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation at the end of a round; `requester` is a user id."""

    number: int
    kind: str
    environment: str
    title: str
    status: str
    channel: str
    message_ts: str | None
    created_at: float
    ended_at: float | None
    requester: str = ""


class Database:
    """The bench's own way to the database, past all proxies."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, options="-c search_path=public,dbos")

    def install(self) -> None:
        """Write down the history from now on. Waits for those who use the tables: call it on a thread."""
        for statement in _TRIGGERS:
            self._connection.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return self._connection.execute(query.encode()).fetchall()

    def history(self) -> tuple[Change, ...]:
        """All changes, in their order."""
        listed = self.rows("SELECT id, at, process, tx, what, data FROM soak_history ORDER BY id")
        return tuple(Change(*row) for row in listed)

    def operations(self) -> tuple[Operation, ...]:
        """All operations, in the order of their numbers."""
        listed = self.rows(_OPERATIONS)
        return tuple(Operation(*row) for row in listed)

    def decisions(self) -> Mapping[int, int]:
        """How many entries of the audit log decide about an approval of each operation, at most: one that is asked for again has another binding."""
        return {int(number): int(count) for number, count in self.rows(_DECISIONS)}

    def answered(self) -> Mapping[tuple[str, str], int]:
        """How many commands began nothing since the same was open, by requester and environment."""
        return {(str(who), str(where)): int(count) for who, where, count in self.rows(_ANSWERED)}

    def open_work(self) -> list[str]:
        """What is not over: operations, and workflows of the engine."""
        operations = [f"#{each.number} {each.status}" for each in self.operations() if each.status in OPEN]
        listed = self.rows(_WORKFLOWS)
        return operations + [f"{name} {status}" for name, status in listed if status not in _OVER]

    def failed_work(self) -> list[str]:
        """Workflows of the engine that ended in an error."""
        listed = self.rows(_WORKFLOWS)
        return [f"{name} {status}" for name, status in listed if status in _OVER - {"SUCCESS"}]

    def left_over(self) -> list[str]:
        """Rows of operations that ended, in tables that hold what is needed only until then."""
        ended = {each.number for each in self.operations() if each.status not in OPEN}
        present = {name for (name,) in self.rows("SELECT tablename FROM pg_tables")}
        listed = []
        for table, query in _LEFT.items():
            if table in present:
                listed += [f"{table} #{number}" for (number,) in self.rows(query) if number in ended]
        return listed

    def sessions(self, living: Sequence[str]) -> list[str]:
        """Sessions of processes that are not among the living."""
        query = "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        names = [str(name) for (name,) in self.rows(query)]
        return [name for name in names if name not in living and name and not name.startswith("dbos")]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
