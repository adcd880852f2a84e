"""A few rounds of the bench: `make soak` plays hundreds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.aws import AwsStandIn
from tests.forked_bot import fork_server
from tests.postgres_server import running_postgres
from tests.soak import people, rounds
from tests.soak.bench import running_bench
from tests.soak.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.soak.bench import Bench

# Six rounds with all kinds of operations; what a bench costs to start is as much as two or three rounds.
SEEDS = range(836, 842)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    aws = AwsStandIn()
    await aws.start()
    try:
        with running_postgres() as server, fork_server() as forked:
            async with running_bench(server, forked, aws) as started:
                yield started
    finally:
        await aws.stop()


@pytest.mark.needs_postgres
@pytest.mark.slow("starts a PostgreSQL, three processes and an AWS, and lets faults befall them")
async def test_nothing_is_doubled_lost_untrue_or_at_once_whatever_befalls_three_machines(bench: Bench) -> None:
    chosen = [rounds.drawn(seed) for seed in SEEDS]
    assert await rounds.play(bench, chosen) == [], "\n".join(map(str, chosen))
    assert bench.observed().effects, "no effect was counted, so nothing was shown"
    assert await bench.end_politely() == []


def test_a_seed_gives_the_same_round_again() -> None:
    assert rounds.drawn(14) == rounds.drawn(14)


def test_what_is_played_here_has_all_kinds_of_operations() -> None:
    assert {act.command for seed in SEEDS for act in rounds.drawn(seed).acts} == set(people.COMMANDS)


def test_all_kinds_of_operations_and_faults_befall_within_two_hundred_rounds() -> None:
    drawn = [rounds.drawn(seed) for seed in range(1, 201)]
    assert {act.command for each in drawn for act in each.acts} == set(people.COMMANDS)
    assert {fault.kind for each in drawn for fault in each.faults} == set(KINDS)
