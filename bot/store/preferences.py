"""How each person wants to be notified: what they chose in the app's Home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

preferences = sa.Table(
    "signalbox_preferences",
    metadata,
    sa.Column("person", sa.String(40), primary_key=True),
    sa.Column("turn", sa.Boolean, nullable=False),  # a direct message when they may approve
    sa.Column("ended", sa.Boolean, nullable=False),  # a direct message when what they requested ends
    sa.Column("quiet_from", sa.Integer, nullable=False),  # hours of their day; the same twice: never quiet
    sa.Column("quiet_to", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Preference:
    """A person's choice: direct messages in place of mentions, and from which hour to which they get none."""

    turn: bool = False
    ended: bool = False
    quiet: tuple[int, int] = (0, 0)

    def is_quiet(self, hour: int) -> bool:
        """Whether this hour of their day is quiet; quiet hours may span midnight."""
        begin, end = self.quiet
        return begin <= hour < end if begin <= end else hour >= begin or hour < end


class Preferences:
    """Reads and writes what people chose. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def of(self, people: Iterable[str]) -> dict[str, Preference]:
        """The choice of each of these people; the default for one who chose nothing."""
        names = list(people)
        wanted = sa.select(preferences).where(preferences.c.person.in_(names))
        rows = await self._store.run(lambda connection: connection.execute(wanted).mappings().all())
        chosen = {str(row["person"]): _preference(row) for row in rows}
        return {name: chosen.get(name, Preference()) for name in names}

    async def change(
        self, person: str, *, turn: bool | None = None, ended: bool | None = None, quiet: tuple[int, int] | None = None
    ) -> None:
        """Store what this person chose; what is None stays as it is."""
        now = self._clock()
        begin, end = quiet or (0, 0)
        row: dict[str, Any] = {
            "person": person, "turn": bool(turn), "ended": bool(ended), "quiet_from": begin, "quiet_to": end, "changed_at": now,
        }  # fmt: skip
        given = {"turn": turn, "ended": ended, **({"quiet_from": begin, "quiet_to": end} if quiet else {})}
        values = {name: value for name, value in given.items() if value is not None} | {"changed_at": now}

        def work(connection: sa.Connection) -> None:
            if not insert_new(connection, preferences, row):
                connection.execute(sa.update(preferences).where(preferences.c.person == person).values(values))

        await self._store.run(work)


def _preference(row: sa.RowMapping) -> Preference:
    return Preference(bool(row["turn"]), bool(row["ended"]), (int(row["quiet_from"]), int(row["quiet_to"])))
