"""The process's log as text and as JSON: redacted alike, one line each, with the operation that it is about."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot import process_log
from bot.process import log_context
from bot.redaction import HIDDEN, Redactor
from runners.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = 'hun"ter2\\and-more'
log = logging.getLogger("bot.tests")


class Written:
    """What the log writes."""

    def __init__(self, *, as_json: bool) -> None:
        process_log.begin(Redactor([SECRET]), as_json=as_json)
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        self._stream = io.StringIO()
        handler.setStream(self._stream)

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    @property
    def entries(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_of_json_has_what_a_line_of_text_has() -> None:
    written = Written(as_json=True)
    log.warning("operation %s: %s", 12, f"a token {SECRET}")
    (entry,) = written.entries
    assert str(entry.pop("time")).endswith("+00:00")
    assert entry == {"level": "warning", "logger": "bot.tests", "message": f"operation 12: a token {HIDDEN}"}


@pytest.mark.parametrize("as_json", [False, True])
def test_errors_are_redacted_with_their_tracebacks(*, as_json: bool) -> None:
    written = Written(as_json=as_json)
    try:
        int(f"broken by {SECRET}")
    except ValueError:
        log.exception("it stopped")
    text = "\n".join(written.lines)
    assert "ValueError: invalid literal" in text
    assert "hun" not in text
    if as_json:
        (entry,) = written.entries
        assert "Traceback" in str(entry["error"])


@given(st.text())
def test_no_text_makes_an_entry_of_its_own(text: str) -> None:
    forged = f"{text}\n2026-01-01 00:00:00,000 INFO    bot: forged\r\u2028forged\x85forged\x0bforged"
    as_json = Written(as_json=True)
    log.info("%s", forged)
    (entry,) = as_json.entries
    assert "forged" in str(entry["message"])
    as_text = Written(as_json=False)
    log.info("%s", forged)
    assert [line[:4] for line in as_text.lines[1:]] == ["    "] * (len(as_text.lines) - 1)


@given(st.text(min_size=1), st.text(), st.text())
def test_no_spelling_of_a_secret_is_in_either_form(name: str, before: str, after: str) -> None:
    for as_json in (False, True):
        written = Written(as_json=as_json)
        log.info("%s %s%s", before, SECRET, after)
        log.info("%s", json.dumps({name: SECRET}))
        text = "\n".join(written.lines)
        assert SECRET not in text
        assert json.dumps(SECRET)[1:-1] not in text
        assert json.dumps(json.dumps(SECRET)[1:-1])[1:-1] not in text


async def test_each_line_has_the_operation_that_works_with_its_tasks_and_threads() -> None:
    written = Written(as_json=True)

    async def work(number: int) -> None:
        with log_context.operation(number):
            log.info("begins")
            await asyncio.create_task(step())
            await run_blocking(lambda: log.info("on a thread"), timeout=5, doing="logging")

    async def step() -> None:
        await asyncio.sleep(0)
        log.info("in a task")

    await asyncio.gather(work(1), work(2))
    log.info("none")
    assert [entry["message"] for entry in written.entries if entry.get("operation") == 1] == [
        "begins",
        "in a task",
        "on a thread",
    ]
    assert len([entry for entry in written.entries if entry.get("operation") == 2]) == 3
    assert "operation" not in written.entries[-1]
