"""How each person wants to be notified; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.store.preferences import Preference, Preferences

if TYPE_CHECKING:
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock


@pytest.fixture
def preferences(store: Store, clock: Clock) -> Preferences:
    return Preferences(store, clock)


async def test_who_chose_nothing_is_mentioned_at_any_time(preferences: Preferences) -> None:
    assert await preferences.of(["U0ANA"]) == {"U0ANA": Preference()}
    assert not any(Preference().is_quiet(hour) for hour in range(24))
    assert await preferences.of([]) == {}


async def test_each_choice_leaves_the_others_as_they_are(preferences: Preferences) -> None:
    await preferences.change("U0ANA", turn=True)
    await preferences.change("U0ANA", quiet=(22, 7))
    await preferences.change("U0ANA", ended=True)
    await preferences.change("U0LEE", ended=True)
    both = await preferences.of(["U0ANA", "U0LEE"])
    assert both == {"U0ANA": Preference(turn=True, ended=True, quiet=(22, 7)), "U0LEE": Preference(ended=True)}
    await preferences.change("U0ANA", turn=False)
    assert (await preferences.of(["U0ANA"]))["U0ANA"] == Preference(ended=True, quiet=(22, 7))


async def test_two_presses_at_once_are_both_stored(preferences: Preferences) -> None:
    await asyncio.gather(preferences.change("U0ANA", turn=True), preferences.change("U0ANA", ended=True))
    assert (await preferences.of(["U0ANA"]))["U0ANA"] == Preference(turn=True, ended=True)


@given(begin=st.integers(0, 23), end=st.integers(0, 23))
def test_quiet_hours_last_from_one_hour_to_the_other_across_midnight(begin: int, end: int) -> None:
    quiet = [hour for hour in range(24) if Preference(quiet=(begin, end)).is_quiet(hour)]
    assert sorted(quiet) == sorted((begin + each) % 24 for each in range((end - begin) % 24))
