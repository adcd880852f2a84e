"""A target is locked once and frozen once, until somebody opens it or its time is over; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.errors import ForgedError
from bot.store.closures import EVERYTHING, Closure, ClosureKind, Closures, closures
from bot.store.database import Store

if TYPE_CHECKING:
    from tests.unit.bot.conftest import Clock

LOCK, FREEZE = ClosureKind.LOCK, ClosureKind.FREEZE
CROWD = [f"U{number:03}" for number in range(50)]


def closure(person: str = "U0ANA", kind: ClosureKind = LOCK, target: str = "staging", **more: float) -> Closure:
    return Closure(kind, target, person, "migration", more.get("since", 1.0), more.get("until"))


async def test_fifty_people_at_once_lock_once(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    stores = [Closures(store, clock), Closures(other, clock)]
    made = await asyncio.gather(*(stores[n % 2].close(closure(person)) for n, person in enumerate(CROWD)))
    [winner] = [holds for holds, is_new in made if is_new]
    assert {holds for holds, _ in made} == {winner}
    assert await stores[1].active() == (winner,)
    opened = await asyncio.gather(*(stores[n % 2].open(LOCK, "staging", person) for n, person in enumerate(CROWD)))
    assert [each for each in opened if each] == [winner]
    assert await stores[0].active() == ()
    other.close()


async def test_each_kind_and_target_is_closed_by_itself(store: Store, clock: Clock) -> None:
    stored = Closures(store, clock)
    made = [closure(kind=kind, target=target) for kind in (LOCK, FREEZE) for target in ("staging", "prod", EVERYTHING)]
    assert [await stored.close(each) for each in made] == [(each, True) for each in made]
    assert await stored.open(FREEZE, "prod", "U0LEE") == closure(kind=FREEZE, target="prod")
    assert await stored.open(FREEZE, "prod", "U0LEE") is None
    assert set(await stored.active()) == {each for each in made if (each.kind, each.target) != (FREEZE, "prod")}


async def test_what_is_over_leaves_its_place_to_the_next(store: Store, clock: Clock) -> None:
    stored = Closures(store, clock)
    first = closure(until=clock.now + 60)
    assert await stored.close(first) == (first, True)
    clock.now += 59
    assert await stored.active() == (first,)
    clock.now += 1
    second = replace(first, person="U0LEE", until=None)
    assert await stored.close(second) == (second, True)
    assert await stored.active() == (second,)
    assert await stored.open(LOCK, "staging", "U0LEE") == second


async def test_one_process_reminds_of_what_is_forgotten(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    stores = [Closures(store, clock), Closures(other, clock)]
    await stores[0].close(closure())
    assert sorted(await asyncio.gather(*(stores[n % 2].claim_reminder(closure()) for n in range(10)))) == [
        *[False] * 9,
        True,
    ]
    [reminded] = await stores[1].active()
    assert reminded.reminded_at == clock.now
    other.close()


@pytest.mark.parametrize("change", [{"person": "U0EVE"}, {"until": 2.0}, {"target": "prod"}, {"kind": "freeze"}])
async def test_a_row_that_the_database_changed_closes_everything(
    store: Store, clock: Clock, change: dict[str, object]
) -> None:
    stored = Closures(store, clock)
    await stored.close(closure())
    await store.run(lambda connection: connection.execute(sa.update(closures).values(change)))
    with pytest.raises(ForgedError, match="does not verify"):
        await stored.active()


@pytest.mark.parametrize(
    ("target", "name", "covered"),
    [
        ("prod", "prod", True),
        ("prod", "prod/dns", True),
        ("prod/dns", "prod", False),
        ("prod/dns", "prod/api", False),
        ("prod", "production", False),
        (EVERYTHING, "old images", True),
    ],
)
def test_a_whole_environment_covers_its_parts(target: str, name: str, covered: bool) -> None:
    assert closure(target=target).covers(name) is covered
