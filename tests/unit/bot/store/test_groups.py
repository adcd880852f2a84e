"""Shared transactions: each item gets its own result, once, whatever comes together and whatever fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.errors import DatabaseAwayError
from bot.store.deliveries import Deliveries
from bot.store.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock


class BadItemError(Exception):
    """What the work raises for a bad item."""


def doubled(_: sa.Connection, items: Sequence[int]) -> Sequence[int]:
    if any(item < 0 for item in items):
        raise BadItemError
    return [2 * item for item in items]


def negated(_: sa.Connection, items: Sequence[int]) -> Sequence[int]:
    return [-item for item in items]


async def test_what_comes_together_is_one_transaction_and_each_gets_its_own_result(store: Store) -> None:
    begun: list[int] = []
    sa.event.listen(store.engine, "begin", lambda _: begun.append(1))
    groups = Groups(store)
    doubling, other = groups.of(doubled), groups.of(negated)
    results = await asyncio.gather(*(group.run(item) for item in range(50) for group in (doubling, other)))
    assert results == [result for item in range(50) for result in (2 * item, -item)]
    assert len(begun) == 1


async def test_the_fault_of_one_group_is_not_that_of_the_others(store: Store) -> None:
    groups = Groups(store)
    doubling, other = groups.of(doubled), groups.of(doubled)
    bad, beside, good = await asyncio.gather(doubling.run(-1), doubling.run(1), other.run(2), return_exceptions=True)
    assert isinstance(bad, BadItemError)
    assert isinstance(beside, BadItemError), "its transaction was rolled back"
    assert good == 4
    assert await doubling.run(3) == 6


async def test_while_the_database_is_away_each_is_told_and_the_next_is_written(store: Store) -> None:
    groups = Groups(store)
    doubling, other = groups.of(doubled), groups.of(doubled)
    store.lost = "away"
    answers = await asyncio.gather(doubling.run(1), other.run(2), return_exceptions=True)
    assert all(isinstance(answer, DatabaseAwayError) for answer in answers)
    store.lost = ""
    assert await doubling.run(1) == 2


async def test_who_no_longer_waits_stops_nobody(store: Store) -> None:
    group = Groups(store).of(doubled)
    first = asyncio.create_task(group.run(1))
    second = asyncio.create_task(group.run(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 4


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(keys=st.lists(st.text("abc", min_size=1, max_size=2), max_size=30))
def test_of_equal_deliveries_one_is_the_first_however_they_come(store: Store, clock: Clock, keys: list[str]) -> None:
    async def use() -> list[bool]:
        store_of = Deliveries(store, clock)
        used_before = await asyncio.gather(*map(store_of.is_used, keys))
        answers = await asyncio.gather(*map(store_of.use, keys))
        for key in dict.fromkeys(keys):
            of_key = [answer for each, answer in zip(keys, answers, strict=True) if each == key]
            before = used_before[keys.index(key)]
            assert of_key.count(True) == (0 if before else 1)
            assert of_key[0] is not before
        assert all(await asyncio.gather(*map(store_of.is_used, keys)))
        return answers

    asyncio.run(use())
