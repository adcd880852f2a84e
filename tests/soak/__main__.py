"""`make soak`: N rounds from the seed SEED on (200 from 1 unless given); a bench serves several rounds."""

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

ROUNDS_EACH = 10  # of a bench


async def soak(first: int, count: int) -> int:
    """Play them and print what was observed. How many rounds had violations."""
    failed, began = 0, time.monotonic()
    aws = AwsStandIn()
    handle = await aws.start()
    try:
        with running_postgres() as server, fork_server() as forked:
            seeds = list(range(first, first + count))
            while seeds:
                async with running_bench(server, forked, handle) as bench:
                    played, broken = await _several(bench, seeds[:ROUNDS_EACH])
                del seeds[:played]
                failed += broken
    finally:
        await aws.stop()
    befell = Counter(fault.kind for seed in range(first, first + count) for fault in rounds.drawn(seed).faults)
    print(f"{count} rounds in {time.monotonic() - began:.0f} s, {failed} with violations; faults: {dict(befell)}")  # noqa: T201  -- a command
    return failed


async def _several(bench: Bench, seeds: Sequence[int]) -> tuple[int, bool]:
    """Play rounds on one bench, until one has violations. How many were played, and whether it had."""
    for number, seed in enumerate(seeds, start=1):
        chosen = rounds.drawn(seed)
        print(chosen, flush=True)  # noqa: T201  -- a command
        since = time.monotonic()
        listed = await rounds.play(bench, chosen)
        print(f"  {time.monotonic() - since:.1f} s, {bench.counted()}", flush=True)  # noqa: T201  -- a command
        if number == len(seeds) and not listed:
            listed = [f"left over: {each}" for each in await bench.end_politely()]
        for each in listed:
            print(f"  !! {each}", flush=True)  # noqa: T201  -- a command
        if listed:
            bench.keep(f"soak-{seed}")
            return number, True
    return len(seeds), False


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(soak(int(os.environ.get("SEED", "1")), int(os.environ.get("N", "200"))))))
