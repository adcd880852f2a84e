"""A run belongs to the operation that claims it first, and to no other; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.operations import Operations
from bot.store.run_claims import RunClaims
from tests.unit.bot.conftest import KEY

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
    other = Store(url, store.keyring)
    both = [RunClaims(store, clock), RunClaims(other, clock)]
    won = await asyncio.gather(*(both[number % 2].claim(number, RUN) for number in range(40)))
    other.close()
    assert won.count(True) == 1
    assert await both[0].run_of(won.index(True)) == RUN


CLAIMING = """
import asyncio, sys, time
from bot.seals import Keyring
from bot.store.database import Store
from bot.store.run_claims import RunClaims

async def main(url, key, first):
    claims = RunClaims(Store(url, Keyring.read(key)), time.time)
    print("ready", flush=True)
    sys.stdin.readline()
    for run in range(60):
        print(run if await claims.claim(first + run, run) else "", flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


@pytest.mark.slow("starts two processes, which import the store")
async def test_two_processes_that_claim_the_same_runs_share_them_out(url: str, store: Store, clock: Clock) -> None:
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", CLAIMING, url, KEY, first, stdin=pipe, stdout=pipe)
        for first in ("1000", "2000")
    ]
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    won = [[int(line) for line in out.split()] for out, _ in outputs]
    assert sorted(won[0] + won[1]) == list(range(60)), "each run has one owner, and none has two"
    claims = RunClaims(store, clock)
    assert [await claims.run_of(1_000 + run) for run in won[0]] == won[0]


async def test_of_many_requests_at_once_one_is_sent_while_none_has_its_run(
    url: str, store: Store, clock: Clock
) -> None:
    other = Store(url, store.keyring)
    both = [RunClaims(store, clock), RunClaims(other, clock)]
    since = clock() - 30
    begun = await asyncio.gather(
        *(both[number % 2].begin_dispatch(number, "o/r d.yml main", alone_since=since) for number in range(20))
    )
    assert begun.count(True) == 1
    first, claims = begun.index(True), both[0]
    assert await both[1].begin_dispatch(50, "o/r d.yml other", alone_since=since), "another ref's runs look otherwise"
    assert await claims.was_dispatched(first)
    assert not await claims.was_dispatched(51)
    assert await claims.rivals(51, "o/r d.yml main", since) == 1
    await claims.claim(first, RUN)
    assert await claims.rivals(51, "o/r d.yml main", since) == 0
    assert await claims.begin_dispatch(51, "o/r d.yml main", alone_since=since)
    await claims.drop_dispatch(51)
    assert not await claims.was_dispatched(51)
    other.close()


async def test_claimed_runs_are_the_runs_of_all_operations(claims: RunClaims, store: Store, clock: Clock) -> None:
    await claims.claim(1, RUN)
    await claims.claim(2, RUN + 1)
    await Operations(store, clock).begin_side_effect(3, "run plan.sh")
    assert await claims.claimed_runs([RUN, RUN + 1, RUN + 2]) == {RUN, RUN + 1}


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
