"""Annotations have a name and several values, in order; on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.store.annotations import Annotations

if TYPE_CHECKING:
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock


@pytest.fixture
def facts(store: Store, clock: Clock) -> Annotations:
    return Annotations(store, clock)


async def test_values_keep_their_order_although_the_clock_does_not_move(facts: Annotations) -> None:
    for value in ("b", "a", "c", "a"):
        await facts.add(1, "retry", value)
    assert await facts.values_of(1, "retry") == ("b", "a", "c")


async def test_a_name_that_begins_with_another_name_is_a_name_of_its_own(facts: Annotations) -> None:
    await facts.add(1, "retry", "host i-1")
    await facts.add(1, "retry host", "i-2")
    await facts.add(2, "retry", "i-3")
    assert await facts.values_of(1, "retry") == ("host i-1",)
    assert await facts.values_of(1, "retry host") == ("i-2",)
    assert await facts.values_of(1, "re%") == ()
