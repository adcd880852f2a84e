"""The host keys on record, by instance: trusted at first sight, changed only by somebody who may approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import Store, host_keys, insert_new
from runners.results import ChangedKey
from runners.ssh.host_keys import HostKey, read_keys, write_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

FIRST_SIGHT = "first sight"


class HostKeys:
    """Reads and writes the record. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def known(self, instances: Iterable[str]) -> dict[str, tuple[HostKey, ...]]:
        """The keys on record of these instances; those that were never seen are left out."""
        wanted = sa.select(host_keys.c.instance, host_keys.c["keys"]).where(host_keys.c.instance.in_(list(instances)))
        rows = await self._store.run(lambda connection: connection.execute(wanted).all())
        return {str(instance): read_keys(str(text)) for instance, text in rows}

    async def trust(self, shown: Mapping[str, Sequence[HostKey]], how: str = FIRST_SIGHT) -> tuple[str, ...]:
        """Put the keys of instances without any on record there; the instances that were new."""

        def work(connection: sa.Connection) -> tuple[str, ...]:
            now = self._clock()
            rows = [
                {"instance": instance, "keys": write_keys(keys), "how": how, "at": now, "shown": ""}
                for instance, keys in shown.items()
            ]
            return tuple(str(row["instance"]) for row in rows if insert_new(connection, host_keys, row))

        return await self._store.run(work)

    async def note_changed(self, operation: int, shown: Mapping[str, Sequence[HostKey]]) -> None:
        """Remember which other keys these instances have shown, and to which operation."""

        def work(connection: sa.Connection) -> None:
            for instance, keys in shown.items():
                values = {"shown": write_keys(keys), "shown_in": operation}
                connection.execute(sa.update(host_keys).where(host_keys.c.instance == instance).values(values))

        await self._store.run(work)

    async def accept(
        self, operation: int, person: str, note: Callable[[sa.Connection, Sequence[ChangedKey]], None]
    ) -> tuple[ChangedKey, ...]:
        """Trust from now on what instances have shown to this operation, unless they have shown yet others since.

        `note` is called in the same transaction. Gives each instance (as host as well) with its old and new fingerprint.
        """
        wanted = sa.select(host_keys).where(host_keys.c.shown_in == operation).order_by(host_keys.c.instance)

        def work(connection: sa.Connection) -> tuple[ChangedKey, ...]:
            accepted = []
            for row in connection.execute(wanted).mappings().all():
                values = {"keys": row["shown"], "how": f"accepted by {person}", "at": self._clock()}
                this = sa.update(host_keys).where(host_keys.c.instance == row["instance"])
                connection.execute(this.values({**values, "shown": "", "shown_in": None}))
                old, new = read_keys(row["keys"])[0], read_keys(row["shown"])[0]
                accepted.append(ChangedKey(row["instance"], row["instance"], old.fingerprint, new.fingerprint))
            note(connection, accepted)
            return tuple(accepted)

        return await self._store.run(work)
