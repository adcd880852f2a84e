"""Several things at once: all done, or the first failure as it was."""

from __future__ import annotations

import asyncio

import pytest

from runners.concurrency import together


async def after(seconds: float, result: int) -> int:
    await asyncio.sleep(seconds)
    return result


async def fails() -> int:
    raise KeyError("words")


async def test_results_come_in_the_order_of_the_work() -> None:
    assert await together(after(0.02, 1), after(0, 2)) == (1, 2)


async def test_a_failure_is_raised_by_itself_and_ends_the_others() -> None:
    ended = asyncio.Event()

    async def other() -> int:
        try:
            return await after(60, 1)
        finally:
            ended.set()

    with pytest.raises(KeyError, match="words"):
        await together(other(), fails())
    assert ended.is_set()


async def test_of_several_failures_one_is_raised() -> None:
    with pytest.raises(KeyError):
        await together(fails(), fails())
