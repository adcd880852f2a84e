"""The same request twice begins once while the first is open; on SQLite and on PostgreSQL, also from two processes."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from bot.errors import AlreadyOpenError
from bot.seals import Keyring
from bot.store.annotations import annotation_rows
from bot.store.operations import Operations, Request, Status
from bot.store.same_request import identity_of
from tests.migrated import migrated
from tests.unit.bot.conftest import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock

FIRST = Request(
    "key-1", "deploy", "staging", "U0ANA", "Deploy main", "C0STAGING", {"ref": "main"}, 1_700_000_000.0, typed=True
)
SAME = replace(FIRST, key="key-2", requester="U0LEE")
ABOUT = {"commit": "a" * 40}
IDENTITY = identity_of(FIRST, ABOUT)
_examples = itertools.count()


@pytest.fixture
def operations(store: Store, clock: Clock) -> Operations:
    return Operations(store, clock)


async def test_the_same_is_open_until_it_has_ended(operations: Operations, clock: Clock) -> None:
    number = await operations.create(FIRST, IDENTITY)
    assert await operations.create(FIRST, IDENTITY) == number, "a step that runs again has its number"
    for status in (Status.WAITING, Status.RUNNING, Status.APPROVAL):
        await operations.set_status(number, status)
        with pytest.raises(AlreadyOpenError) as refused:
            await operations.create(SAME, IDENTITY)
        assert refused.value.number == number
    clock.now += 10
    await operations.set_status(number, Status.REJECTED)
    later = replace(SAME, at=clock.now + 1)
    assert await operations.create(later, IDENTITY) == number + 1


async def test_what_was_accepted_while_it_was_open_is_answered_the_same_after_a_crash(
    operations: Operations, clock: Clock
) -> None:
    number = await operations.create(FIRST, IDENTITY)
    accepted = replace(SAME, at=clock.now + 5)
    with pytest.raises(AlreadyOpenError):
        await operations.create(accepted, IDENTITY)
    clock.now += 10
    await operations.set_status(number, Status.FAILED)
    with pytest.raises(AlreadyOpenError):
        await operations.create(accepted, IDENTITY)
    assert await operations.create(replace(SAME, at=clock.now), IDENTITY) == number + 1


@pytest.mark.parametrize(
    ("request_", "about"),
    [
        (replace(SAME, kind="run"), ABOUT),
        (replace(SAME, environment="prod"), ABOUT),
        (replace(SAME, environment="staging/unit network:vpc"), ABOUT),
        (SAME, {"commit": "b" * 40}),
        (SAME, {**ABOUT, "machines": "backend"}),
        (SAME, {**ABOUT, "input:version": "1.2"}),
    ],
)
async def test_another_request_begins(operations: Operations, request_: Request, about: dict[str, str]) -> None:
    number = await operations.create(FIRST, IDENTITY)
    assert await operations.create(request_, identity_of(request_, about)) == number + 1


async def test_what_nobody_typed_always_begins(operations: Operations) -> None:
    assert [await operations.create(each) for each in (FIRST, SAME)] == [1, 2]


async def test_an_identity_that_the_database_alone_has_holds_nothing_up(operations: Operations, store: Store) -> None:
    number = await operations.create(FIRST)
    row = {"operation": number, "name": "requested", "value": IDENTITY, "at": 0.0, "seal": "forged"}
    await store.run(lambda connection: connection.execute(sa.insert(annotation_rows).values(row)))
    assert await operations.create(SAME, IDENTITY) == number + 1


@pytest.fixture
def two(url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that number requests in the same database."""
    asyncio.run(migrated(url, Keyring.read(KEY))).close()
    command, pipe = (sys.executable, "-m", "tests.unit.bot.store.numbering_program", url, KEY), subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    yield both
    for each in both:
        each.communicate()


@pytest.mark.slow("starts two processes, which import the store")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=2, max_size=10))
def test_of_two_processes_one_begins_it(two: list[subprocess.Popen[str]], drawn: list[tuple[bool, int]]) -> None:
    example = next(_examples)
    requests = [
        (int(first), f"{example}-{number}", f"{example}-{which}") for number, (first, which) in enumerate(drawn)
    ]
    for index, process in enumerate(two):
        assert process.stdin
        process.stdin.write(json.dumps([each[1:] for each in requests if each[0] == index]) + "\n")
        process.stdin.flush()
    outcomes = defaultdict[str, list[tuple[str, int]]](list)
    for index, process in enumerate(two):
        assert process.stdout
        answers = json.loads(process.stdout.readline())
        for (_, _, identity), (what, number) in zip(
            [each for each in requests if each[0] == index], answers, strict=True
        ):
            outcomes[identity].append((what, number))
    for answers in outcomes.values():
        assert [what for what, _ in answers].count("new") == 1, answers
        assert len({number for _, number in answers}) == 1, "each other one is answered with its number"
