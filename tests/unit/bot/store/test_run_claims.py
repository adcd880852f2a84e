"""A run belongs to the operation that claims it first, and to no other; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.operations import Operations
from bot.store.run_claims import RunClaims

if TYPE_CHECKING:
    from tests.unit.bot.conftest import Clock

RUN = 9_000_000_001


@pytest.fixture
def claims(store: Store, clock: Clock) -> RunClaims:
    return RunClaims(store, clock)


async def test_a_claim_is_exclusive(claims: RunClaims) -> None:
    assert await claims.claim(1, RUN)
    assert await claims.claim(1, RUN), "a step that runs again still has its claim"
    assert not await claims.claim(2, RUN)
    assert await claims.run_of(1) == RUN
    assert await claims.run_of(2) is None


async def test_of_many_claims_at_once_a_single_operation_wins(url: str, store: Store, clock: Clock) -> None:
    other = Store(url)
    both = [RunClaims(store, clock), RunClaims(other, clock)]
    won = await asyncio.gather(*(both[number % 2].claim(number, RUN) for number in range(40)))
    other.close()
    assert won.count(True) == 1
    assert await both[0].run_of(won.index(True)) == RUN


async def test_claimed_runs_are_the_runs_of_all_operations(claims: RunClaims, store: Store, clock: Clock) -> None:
    await claims.claim(1, RUN)
    await claims.claim(2, RUN + 1)
    await Operations(store, clock).begin_side_effect(3, "run plan.sh")
    assert await claims.claimed_runs() == {RUN, RUN + 1}


async def test_an_operation_has_the_run_that_it_claimed_first(claims: RunClaims, clock: Clock) -> None:
    await claims.claim(1, RUN + 1)
    clock.now += 1
    await claims.claim(1, RUN)
    assert await claims.run_of(1) == RUN + 1


async def test_a_run_of_hcp_terraform_belongs_to_one_operation(claims: RunClaims) -> None:
    assert await claims.hcp_run_of(1) is None
    assert await claims.claim_hcp(1, "run-one")
    assert await claims.claim_hcp(1, "run-one")
    assert not await claims.claim_hcp(2, "run-one")
    assert await claims.claim_hcp(2, "run-two")
    assert await claims.hcp_run_of(1) == "run-one"
    assert await claims.operation_of_hcp_run("run-two") == 2
    assert await claims.operation_of_hcp_run("run-three") is None
