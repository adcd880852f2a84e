"""Candidates for removal: the first list counts, and the person who excluded a candidate is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.removals import Removals
from runners.results import Candidate, Removal, Snapshot, What
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def removals(tmp_path: Path) -> AsyncIterator[Removals]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    yield Removals(store)
    store.close()


def candidate(image_id: str, what: What = What.IMAGE) -> Candidate:
    snapshots = (Snapshot(f"snap-{image_id}", 15), Snapshot(f"snap-2-{image_id}", 8))
    return Candidate(what, Removal("us-west-2", image_id, "staging-1", "staging", snapshots), "backend staging", 1.5)


FIRST = (candidate("ami-2"), candidate("ami-1"), candidate("vol-1", What.VOLUME))


async def test_candidates_are_read_as_proposed_in_that_order(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    assert await removals.proposed_by(7) == FIRST
    assert await removals.proposed_by(8) == ()


async def test_a_second_list_after_a_crash_changes_nothing(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    await removals.exclude(7, ["ami-1"], "U0LEE")
    await removals.propose(7, [replace(first, group="other") for first in FIRST])
    assert [(proposed.group, proposed.excluded_by) for proposed in await removals.proposed_by(7)] == [
        ("backend staging", ""),
        ("backend staging", "U0LEE"),
        ("backend staging", ""),
    ]


async def test_exactly_the_last_choice_is_excluded_by_the_person_who_chose_it_first(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    await removals.propose(8, FIRST)
    await removals.exclude(7, ["ami-1", "ami-2"], "U0LEE")
    await removals.exclude(7, ["ami-1", "vol-1", "ami-unknown"], "U0MAX")
    excluded = {proposed.removal.image_id: proposed.excluded_by for proposed in await removals.proposed_by(7)}
    assert excluded == {"ami-2": "", "ami-1": "U0LEE", "vol-1": "U0MAX"}
    assert not any(proposed.excluded_by for proposed in await removals.proposed_by(8))
    await removals.exclude(7, [], "U0ANA")
    assert not any(proposed.excluded_by for proposed in await removals.proposed_by(7))
