"""`make soak`: N rounds from the seed SEED on (200 from 1 unless given); a bench serves several, which overlap."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from sandbox.aws import AwsStandIn
from tests.forked_bot import fork_server
from tests.postgres_server import running_postgres
from tests.soak import rounds
from tests.soak.bench import running_bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.bench import Bench

TOGETHER = 10  # rounds that overlap


async def soak(first: int, count: int) -> int:
    """Play them and print what was observed. How many violations there were."""
    violated, began = 0, time.monotonic()
    befell: Counter[str] = Counter()
    operations: Counter[str] = Counter()
    aws = AwsStandIn()
    await aws.start()
    try:
        with running_postgres() as server, fork_server() as forked:
            for start in range(first, first + count, TOGETHER):
                async with running_bench(server, forked, aws) as bench:
                    violated += await _together(bench, range(start, min(start + TOGETHER, first + count)))
                    befell += bench.befell
                    operations += Counter(each.kind for each in bench.database.operations())
    finally:
        await aws.stop()
    _say(f"{count} rounds in {time.monotonic() - began:.0f} s, {violated} violations")
    _say(f"faults: {dict(befell)}\noperations: {dict(operations)}")
    return violated


async def _together(bench: Bench, seeds: Sequence[int]) -> int:
    """Play these rounds on one bench. How many violations there were."""
    chosen, since = [rounds.drawn(seed) for seed in seeds], time.monotonic()
    _say("\n".join(map(str, chosen)))
    listed = await rounds.play(bench, chosen)
    _say(f"  {time.monotonic() - since:.1f} s, {bench.counted()}")
    listed = listed or [f"left over: {each}" for each in await bench.end_politely()]
    for each in listed:
        _say(f"  !! {each}")
    if listed:
        bench.keep(f"soak-{seeds[0]}")
    return len(listed)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  -- a command


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(soak(int(os.environ.get("SEED", "1")), int(os.environ.get("N", "200"))))))
