"""SSH host keys by instance: trusted on first use, replaced only when a person who may approve accepts the new keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import Store, insert_new, metadata
from runners.results import ChangedKey
from runners.ssh.host_keys import HostKey, read_keys, write_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FIRST_USE = "first sight"
CHANGED = sa.text("changed_in IS NOT NULL")
USED_WITHIN = 86_400.0  # seconds by which `used_at` may be late

host_keys = sa.Table(
    "signalbox_host_keys",
    metadata,
    sa.Column("instance", sa.String(40), primary_key=True),  # EC2's id: a machine that is replaced has a new id
    sa.Column("trusted_keys", sa.Text, nullable=False),  # lines of "kind base64"
    sa.Column("trust_reason", sa.String(80), nullable=False),  # "first sight", or who accepted them
    sa.Column("trusted_at", sa.Double, nullable=False),
    sa.Column("changed_keys", sa.Text, nullable=False, default=""),  # other keys that it has presented since
    sa.Column("changed_in", sa.Integer),  # the operation that they were presented to
    sa.Column("used_at", sa.Double, index=True),  # when an operation last asked for them, within a day
    sealed.seal_column(),
    sa.Index("ix_signalbox_host_keys_changed", "changed_in", sqlite_where=CHANGED, postgresql_where=CHANGED),
    info={sealed.UNSEALED: ("used_at",)},
)


class HostKeys:
    """Reads and writes the trusted keys. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def trusted(self, instances: Iterable[str]) -> dict[str, tuple[HostKey, ...]]:
        """The trusted keys of these instances; an instance without any is absent. Raises ForgedError."""
        wanted = sa.select(host_keys).where(host_keys.c.instance.in_(list(instances)))
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        for row in rows:
            self._check(row)
        await self._mark_used(
            [row["instance"] for row in rows if (row["used_at"] or 0.0) < self._clock() - USED_WITHIN]
        )
        return {str(row["instance"]): read_keys(str(row["trusted_keys"])) for row in rows}

    async def _mark_used(self, instances: Sequence[str]) -> None:
        """Keys that nothing has used for a year are deleted (bot/store/retention.py)."""
        if instances:
            used = sa.update(host_keys).where(host_keys.c.instance.in_(instances)).values(used_at=self._clock())
            await self._store.run(lambda connection: connection.execute(used))

    async def trust(self, presented: Mapping[str, Sequence[HostKey]], reason: str = FIRST_USE) -> tuple[str, ...]:
        """Trust the keys of instances without trusted keys; the instances that were new."""

        def work(connection: sa.Connection) -> tuple[str, ...]:
            now = self._clock()
            new = {"trust_reason": reason, "trusted_at": now, "changed_keys": "", "changed_in": None, "used_at": now}
            rows = [
                sealed.sealed(self._store.keyring, host_keys, {**new, "instance": instance, "trusted_keys": text})
                for instance, text in ((instance, write_keys(keys)) for instance, keys in presented.items())
            ]
            return tuple(str(row["instance"]) for row in rows if insert_new(connection, host_keys, row))

        return await self._store.run(work)

    async def record_changed(self, operation: int, presented: Mapping[str, Sequence[HostKey]]) -> None:
        """Record the other keys that these instances have presented to this operation."""

        def work(connection: sa.Connection) -> None:
            for instance, keys in presented.items():
                values = {"changed_keys": write_keys(keys), "changed_in": operation}
                self._change(connection, instance, values)

        await self._store.run(work)

    async def accept(
        self, operation: int, person: str, record: Callable[[sa.Connection, Sequence[ChangedKey]], None]
    ) -> tuple[ChangedKey, ...]:
        """Trust the keys that instances have presented to this operation, except where they have changed since.

        `record` is called in the same transaction. Returns each instance (as host as well) with its old and new
        fingerprint.
        """
        wanted = sa.select(host_keys).where(host_keys.c.changed_in == operation).order_by(host_keys.c.instance)

        def work(connection: sa.Connection) -> tuple[ChangedKey, ...]:
            rows = connection.execute(wanted).mappings().all()
            accepted = [self._accept(connection, row, person) for row in rows]
            record(connection, accepted)
            return tuple(accepted)

        return await self._store.run(work)

    def _accept(self, connection: sa.Connection, row: sa.RowMapping, person: str) -> ChangedKey:
        instance = row["instance"]
        trusted = {
            "trusted_keys": row["changed_keys"],
            "trust_reason": f"accepted by {person}",
            "trusted_at": self._clock(),
            "changed_keys": "",
            "changed_in": None,
        }
        self._change(connection, instance, trusted)
        old, new = read_keys(row["trusted_keys"])[0], read_keys(row["changed_keys"])[0]
        return ChangedKey(instance, instance, old.fingerprint, new.fingerprint)

    def _change(self, connection: sa.Connection, instance: str, values: Mapping[str, object]) -> None:
        """Change this row, which must verify before."""
        same = host_keys.c.instance == instance
        for row in connection.execute(sa.select(host_keys).where(same)).mappings().all():
            self._check(row)
            sealed.change(connection, self._store.keyring, host_keys, row, values)

    def _check(self, row: sa.RowMapping) -> None:
        sealed.check(self._store.keyring, host_keys, row, f"the host keys of {row['instance']}")
