"""How much of GitHub's rate limit it takes to follow workflow runs, on a virtual clock: with webhooks, without, many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from runners.github.runs import poller
from tests.bench.figures import Figure
from tests.virtual_github import REPOSITORY, VirtualGitHub, clock
from tests.virtual_time import now, run_virtually

POLLING = 30.0  # calls for a run of twenty minutes
WEBHOOKS = 8.0
HOURLY = 5_000.0  # a token's calls in an hour, by GitHub's limit
MANY = 50  # runs at once
JOBS = 17  # 12 builds, before them 4 checks, after them 1 notification


@dataclass(frozen=True)
class Watched:
    """A followed run: the calls that it took, and the delay until its end was reported."""

    calls: int
    unchanged: int
    minutes: float
    late: float


async def measure(*, quick: bool) -> list[Figure]:
    """Follow random runs; the most expensive counts."""
    seeds = ["one"] if quick else ["one", "two", "three", "four", "five"]
    return await asyncio.to_thread(_figures, seeds, 600 if quick else 3_600)


def _figures(seeds: list[str], seconds: int) -> list[Figure]:
    polled = [run_virtually(_follow(seed, webhooks=False)) for seed in seeds]
    message = [run_virtually(_follow(seed, webhooks=True)) for seed in seeds]
    calls, unchanged = run_virtually(_crowd(seconds))
    over = f"{MANY} runs at any moment, for {seconds // 60} minutes"
    return [
        _cost("calls for a run, by polling", polled, POLLING),
        _cost("calls for a run, with webhooks", message, WEBHOOKS),
        Figure("its end told after, by polling", max(item.late for item in polled), " s", detail="slowest"),
        Figure("its end told after, with webhooks", max(item.late for item in message), " s", detail="slowest"),
        Figure("calls in an hour, 50 runs at once", calls, "", HOURLY, detail=over),
        Figure("with those not counted (304)", calls + unchanged, "", detail=over),
    ]


def _cost(what: str, runs: list[Watched], limit: float) -> Figure:
    dearest = max(runs, key=lambda item: item.calls)
    detail = (
        f"{dearest.minutes:.0f} minutes, {JOBS} jobs; {dearest.unchanged} answers 304 beside; dearest of {len(runs)}"
    )
    return Figure(what, dearest.calls, "", limit, detail=detail)


async def _follow(seed: str, *, webhooks: bool) -> Watched:
    github = VirtualGitHub(seed)
    if webhooks:
        github.send_webhooks()
    began, run_id = now(), github.build()
    items = [run async for run in poller.watch_run(github, REPOSITORY, run_id)]
    if len(items[-1].jobs) != JOBS or not items[-1].state.ended:
        raise RuntimeError(f"the run was not followed to its end: {items[-1]}")
    truly = max(job.completed_at.timestamp() for job in github.repository.runs[run_id].jobs if job.completed_at)
    await github.close()
    return Watched(github.calls, len(github.asked) - github.calls, (now() - began) / 60, clock() - truly)


async def _crowd(seconds: int) -> tuple[int, int]:
    """Calls, and answers that cost nothing; when a run ends, the next run begins."""
    github = VirtualGitHub()

    async def follow() -> None:
        while True:
            async for _ in poller.watch_run(github, REPOSITORY, github.build()):
                pass

    watching = [asyncio.create_task(follow()) for _ in range(MANY)]
    await asyncio.sleep(seconds)
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    await github.close()
    return github.calls, len(github.asked) - github.calls
