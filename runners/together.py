"""Several things at the same time, of which one that fails ends the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


async def together(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]:
    """The results of all, in their order. Raises what the first that failed raised, by itself and in no group."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except* Exception as failed:  # noqa: BLE001  -- raised again below
        first = failed.exceptions[0]
    else:
        return tuple(task.result() for task in tasks)
    raise first
