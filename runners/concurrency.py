"""The one crossing from asyncio to threads (a bounded pool, and a timeout for every call), and what tasks share."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from runners.errors import TimedOutError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from concurrent.futures import Executor


T = TypeVar("T")

THREADS = 16
_pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="blocking")


async def run_blocking(
    function: Callable[..., T], *args: object, timeout: float, doing: str, pool: Executor = _pool
) -> T:
    """Run `function(*args)` on a thread and wait for at most `timeout` seconds, its turn in the queue included.

    A thread cannot be stopped: after the timeout the call goes on unheard and holds its place in the pool, so
    give what it calls a timeout of its own as well. One that was still queued never starts.

    Raises:
        TimedOutError: it took longer.
    """
    context = contextvars.copy_context()
    work = asyncio.wrap_future(pool.submit(context.run, function, *args))
    limit = asyncio.timeout(timeout)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise TimedOutError(doing, f"no answer within {timeout:g} seconds") from None
    finally:
        del work  # its exception names this frame: the cycle would keep `args` until the next garbage collection


async def stop_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks, and wait until each has ended. Raises what one of them raised."""
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


async def together(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]:
    """The results of all, in their order. Raises what the first that failed raised, by itself and in no group."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except* Exception as failed:  # noqa: BLE001  -- raised again below
        first = failed.exceptions[0]
    else:
        return tuple(task.result() for task in tasks)
    raise first
