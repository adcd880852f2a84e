"""Signals: a queue is polled when something may be in it; every process hears of it, and one that is lost costs little."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from bot.engine.signals import CHANNEL, CONFIGURATION, FOLLOWED, UNASKED, WORK, Polls, Signal, remembered
from bot.settings import database_url
from bot.store.workers import SIGNAL, Identity, Lease, Workers
from tests.migrated import migrated
from tests.unit.bot.engine.test_takeover import LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.postgres_server import PostgresServer


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.sampled_from(["signal", "poll"]), st.floats(0.01, 20.0)), max_size=60))
def test_after_a_signal_each_poll_is_made_and_without_one_in_a_while(acts: Sequence[tuple[str, float]]) -> None:
    clock = Clock()
    polls = Polls(clock)
    signalled = made = float("-inf")
    for act, pause in acts:
        if act == "signal":
            polls.signalled()
            signalled = clock.now
        else:
            due = polls.due("operations")
            assert due or (clock.now - signalled > FOLLOWED and clock.now - made < UNASKED)
            if due:
                made = clock.now
            assert clock.now - made < UNASKED, "without any signal a poll is never longer ago"
        clock.now += pause


def test_each_queue_has_its_own_polls() -> None:
    polls = Polls(Clock())
    assert polls.due("operations")
    assert polls.due("internal")
    assert not polls.due("operations")


def test_the_same_question_is_asked_once_in_a_while_and_an_error_is_not_remembered() -> None:
    clock, asked = Clock(), list[str]()

    def read(name: str) -> str:
        asked.append(name)
        if name == "away":
            raise ConnectionError(name)
        return name.upper()

    answer = remembered(read, clock)
    assert [answer("a"), answer("a"), answer("b")] == ["A", "A", "B"]
    clock.now += CONFIGURATION + 1
    assert answer("a") == "A"
    for _ in range(2):
        with pytest.raises(ConnectionError):
            answer("away")
    assert asked == ["a", "b", "a", "away", "away"]


def test_that_there_is_nothing_is_not_remembered() -> None:
    answers = iter([[], None, ["operations"]])
    answer = remembered(lambda: next(answers), Clock())
    assert [answer(), answer(), answer(), answer()] == [[], None, ["operations"], ["operations"]]


def test_a_signal_is_heard_here_and_sent_on() -> None:
    sent: list[tuple[str, str]] = []
    database: Any = SimpleNamespace(
        engine=SimpleNamespace(dialect=SimpleNamespace(name="sqlite")),
        _signal_notification=lambda channel, payload: sent.append((channel, payload)),
    )
    signal, heard = Signal(WORK), list[int]()
    signal.heard(lambda: heard.append(1))
    signal.send()
    signal.connect(database)
    signal.send()
    assert (len(heard), sent) == (2, [(CHANNEL, WORK)])


@pytest.mark.needs_postgres
async def test_who_gives_a_lease_back_signals_that_to_all_when_it_is_committed(postgres: PostgresServer) -> None:
    store = await migrated(database_url(postgres.new_database(), ""))
    workers = Workers(store, LENGTH)
    lease = await workers.acquire(Identity("a", "machine", "host", "1"))
    assert isinstance(lease, Lease)
    heard: list[str] = []
    with store.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_autocommit(True)
        driver.execute(f"LISTEN {SIGNAL[0]}")
        assert await workers.renew(lease)  # renewals are no news
        assert await workers.drain("a", draining=True)
        await workers.release(lease)
        reader = threading.Thread(
            target=lambda: heard.extend(each.payload for each in driver.notifies(timeout=30, stop_after=2))
        )
        reader.start()
        reader.join()
    store.close()
    assert heard == [SIGNAL[1]] * 2
