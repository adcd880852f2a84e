from __future__ import annotations

import asyncio

import pytest

from sandbox import waiting


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which everything takes a hundred times as long."""
    monkeypatch.setattr(waiting, "slowness", lambda: 100.0)


async def test_a_timeout_ends_what_takes_longer() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        await waiting.within(0.01, endless())
    await ended.wait()


async def test_a_busy_machine_has_more_time(busy: None) -> None:
    await waiting.within(0.01, asyncio.sleep(0.1))
    timer = waiting.Timer(1)
    await asyncio.sleep(0.1)
    assert 0.9 < timer.remaining() < 1


async def test_until_returns_once_it_holds_and_raises_when_it_does_not() -> None:
    results = iter([False, False, True])
    await waiting.until(lambda: next(results))
    with pytest.raises(TimeoutError):
        await waiting.until(lambda: False, 0.01)


async def test_the_error_of_what_is_waited_for_is_raised() -> None:
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await waiting.within(1, waiting.aloud("an error", fails()))


async def test_long_waiting_is_announced(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "SAID_AFTER", 0.01)
    assert await waiting.aloud("a train", asyncio.sleep(0.1, "here")) == "here"
    assert "still waiting for a train" in capsys.readouterr().out


def test_no_machine_is_quicker_than_the_usual_one() -> None:
    assert waiting.slowness() >= 1
