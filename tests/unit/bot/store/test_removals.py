"""What a clean-up is to remove, written down: the first list stands, and who spared what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.removals import Removals
from runners.results import Candidate, Removal, Snapshot, What

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def removals(tmp_path: Path) -> AsyncIterator[Removals]:
    store = Store(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await store.create_tables()
    yield Removals(store)
    store.close()


def candidate(image_id: str, what: What = What.IMAGE) -> Candidate:
    snapshots = (Snapshot(f"snap-{image_id}", 15), Snapshot(f"snap-2-{image_id}", 8))
    return Candidate(what, Removal("us-west-2", image_id, "staging-1", "staging", snapshots), "backend staging", 1.5)


FIRST = (candidate("ami-2"), candidate("ami-1"), candidate("vol-1", What.VOLUME))


async def test_it_comes_back_as_it_was_proposed_in_that_order(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    assert await removals.of(7) == FIRST
    assert await removals.of(8) == ()


async def test_proposed_again_after_a_crash_the_first_list_stands(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    await removals.spare(7, ["ami-1"], "U0LEE")
    await removals.propose(7, [replace(one, group="other") for one in FIRST])
    assert [(one.group, one.spared_by) for one in await removals.of(7)] == [
        ("backend staging", ""),
        ("backend staging", "U0LEE"),
        ("backend staging", ""),
    ]


async def test_exactly_what_was_chosen_last_stays_and_whoever_chose_it_first_is_kept(removals: Removals) -> None:
    await removals.propose(7, FIRST)
    await removals.propose(8, FIRST)
    await removals.spare(7, ["ami-1", "ami-2"], "U0LEE")
    await removals.spare(7, ["ami-1", "vol-1", "ami-unknown"], "U0MAX")
    spared = {one.removal.image_id: one.spared_by for one in await removals.of(7)}
    assert spared == {"ami-2": "", "ami-1": "U0LEE", "vol-1": "U0MAX"}
    assert not any(one.spared_by for one in await removals.of(8))
    await removals.spare(7, [], "U0ANA")
    assert not any(one.spared_by for one in await removals.of(7))
