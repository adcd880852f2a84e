"""The part of the store's workload that is about people: the same request twice, and how they are notified."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bot.errors import AlreadyOpenError
from bot.store.preferences import Preferences
from bot.store.same_request import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.store.database import Store
    from bot.store.operations import Operations, Request


async def typed_twice(operations: Operations, requests: tuple[Request, Request]) -> int:
    """The number of the first of two requests for the same."""
    identity = identity_of(requests[0], {"commit": "a"})
    number = await operations.create(requests[0], identity)
    with suppress(AlreadyOpenError):
        await operations.create(requests[1], identity)
    return number


async def choose(store: Store, clock: Callable[[], float]) -> None:
    """Somebody chooses, and it is read."""
    preferences = Preferences(store, clock)
    await preferences.change("U0ANA", turn=True, quiet=(22, 7))
    await preferences.of(["U0ANA", "U0LEE"])
