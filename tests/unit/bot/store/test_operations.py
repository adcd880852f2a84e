"""Operations: numbers, side effects, statuses, queues, cancellations; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.store.database import Store
from bot.store.operations import Operations, Request, Status
from runners.results import Commit

if TYPE_CHECKING:
    from tests.unit.bot.conftest import Clock

REQUEST = Request("key-1", "deploy", "staging", "U0ANA", "Deploy main to staging", "C0STAGING", {"ref": "main"})
COMMIT = Commit("o/r", "a" * 40, "main", "Raise the memory", "Lee", "https://github.com/o/r")


@pytest.fixture
def operations(store: Store, clock: Clock) -> Operations:
    return Operations(store, clock)


async def several(operations: Operations, count: int, environment: str = "staging") -> list[int]:
    wanted = [replace(REQUEST, key=f"{environment} {number}", environment=environment) for number in range(count)]
    return [await operations.create(request) for request in wanted]


async def test_the_same_request_always_has_the_same_number(operations: Operations) -> None:
    assert await operations.create(REQUEST) == 1
    assert await operations.create(replace(REQUEST, title="something else")) == 1
    assert await operations.create(replace(REQUEST, key="key-2")) == 2
    assert await operations.started_by("key-1")
    assert not await operations.started_by("key-3")


async def test_requests_at_once_get_a_number_each(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    both = [Operations(store, clock), Operations(other, clock)]
    wanted = [replace(REQUEST, key=f"key-{number % 25}") for number in range(100)]
    numbers = await asyncio.gather(*(both[index % 2].create(request) for index, request in enumerate(wanted)))
    other.close()
    by_key = {
        request.key: {numbers[index] for index, same in enumerate(wanted) if same == request} for request in wanted
    }
    assert all(len(same) == 1 for same in by_key.values())
    assert len(set(numbers)) == 25


async def test_a_record_is_what_was_asked_for(operations: Operations, clock: Clock) -> None:
    record = await operations.get(await operations.create(REQUEST))
    assert (record.kind, record.environment, record.requester, record.channel) == (
        "deploy", "staging", "U0ANA", "C0STAGING",
    )  # fmt: skip
    assert (record.arguments, record.status, record.created_at) == ({"ref": "main"}, Status.WAITING, clock.now)
    assert (record.message_ts, record.ended_at, record.activity) == (None, None, "")


async def test_the_longest_request_that_can_be_typed_is_stored(operations: Operations) -> None:
    title = "Plan for staging " + "x=" * 250
    record = await operations.get(await operations.create(replace(REQUEST, title=title)))
    assert record.title == title[:200]


async def test_an_unknown_number_is_an_error(operations: Operations) -> None:
    with pytest.raises(LookupError, match="#7"):
        await operations.get(7)


async def test_a_side_effect_is_begun_once(operations: Operations) -> None:
    assert await operations.begin_side_effect(1, "dispatch")
    assert not await operations.begin_side_effect(1, "dispatch")
    assert await operations.begin_side_effect(2, "dispatch")
    assert await operations.begin_side_effect(1, "apply")


async def test_side_effects_begun_at_once_are_begun_once(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    both = [Operations(store, clock), Operations(other, clock)]
    begun = await asyncio.gather(*(both[index % 2].begin_side_effect(index % 5, "apply") for index in range(100)))
    other.close()
    assert begun.count(True) == 5


@pytest.mark.parametrize("status", list(Status))
async def test_an_operation_that_ends_has_a_time_and_leaves_the_queue(
    operations: Operations, clock: Clock, status: Status
) -> None:
    number = await operations.create(REQUEST)
    clock.now += 9
    await operations.set_status(number, status, "x" * 300)
    record = await operations.get(number)
    assert (record.status, record.activity) == (status, "x" * 200)
    assert record.ended_at == (clock.now if status.ended else None)
    assert await operations.open_in("staging") == (() if status.ended else (record,))
    assert set(await operations.open_keys()) == (set() if status.ended else {number})


async def test_a_queue_is_in_the_order_of_its_numbers(operations: Operations) -> None:
    numbers = await several(operations, 4)
    await several(operations, 2, "prod")
    await operations.set_status(numbers[1], Status.SUCCEEDED)
    await operations.set_status(numbers[0], Status.RUNNING)
    queue = await operations.open_in("staging")
    assert [record.number for record in queue] == [numbers[0], numbers[2], numbers[3]]


async def test_the_newest_come_first(operations: Operations) -> None:
    numbers = await several(operations, 12)
    await operations.create(replace(REQUEST, key="a check without findings"))
    for number in numbers:
        await operations.set_message(number, "C0STAGING", f"{number}.0")
    assert [record.number for record in await operations.recent(5)] == numbers[:-6:-1]
    assert await operations.counts() == {"waiting": 13}


async def test_where_its_message_is(operations: Operations) -> None:
    number = await operations.create(REQUEST)
    await operations.set_message(number, "C0OTHER", "12.5")
    record = await operations.get(number)
    assert (record.channel, record.message_ts) == ("C0OTHER", "12.5")


async def test_the_person_who_cancelled_first(operations: Operations, clock: Clock) -> None:
    assert await operations.cancel_requested(1) is None
    await operations.request_cancel(1, "U0LEE")
    clock.now += 1
    await operations.request_cancel(1, "U0ANA")
    await operations.request_cancel(1, "U0LEE")
    assert await operations.cancel_requested(1) == "U0LEE"
    assert await operations.cancel_requested(2) is None
