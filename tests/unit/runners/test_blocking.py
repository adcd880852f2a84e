"""The crossing to threads."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from runners.concurrency import THREADS, run_blocking
from runners.errors import TimedOutError

asking: ContextVar[str] = ContextVar("asking", default="nobody")


async def test_hands_back_what_the_function_returns_from_another_thread() -> None:
    thread = await run_blocking(threading.current_thread, timeout=5, doing="asking")
    assert thread is not threading.current_thread()


async def test_the_callers_context_is_seen_on_the_thread() -> None:
    asking.set("ana")
    assert await run_blocking(asking.get, timeout=5, doing="asking") == "ana"


async def test_a_slow_call_is_given_up_in_time_and_says_what_was_being_done() -> None:
    answered = threading.Event()
    with pytest.raises(TimedOutError, match=r"asking EC2: no answer within 0.1 seconds"):
        await run_blocking(answered.wait, timeout=0.1, doing="asking EC2")
    answered.set()


async def test_a_timeout_of_the_functions_own_stays_itself() -> None:
    def fail() -> None:
        raise TimeoutError("the socket's")

    with pytest.raises(TimeoutError, match="the socket's"):
        await run_blocking(fail, timeout=5, doing="asking")


async def test_a_call_that_never_got_its_turn_never_starts() -> None:
    release = threading.Event()
    ran: list[str] = []
    busy = [run_blocking(release.wait, 10, timeout=0.3, doing="filling the pool") for _ in range(THREADS)]
    late = run_blocking(ran.append, "late", timeout=0.2, doing="waiting in line")
    outcomes = await asyncio.gather(*busy, late, return_exceptions=True)
    release.set()
    await run_blocking(int, timeout=5, doing="letting the pool settle")
    assert all(isinstance(outcome, TimedOutError) for outcome in outcomes)
    assert ran == []
