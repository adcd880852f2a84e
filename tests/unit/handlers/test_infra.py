"""The trail as /infra audit shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.audit import Entry
from handlers import infra
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import typed

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


async def test_the_trail_reads_as_sentences_with_short_digests(desk: Desk) -> None:
    await desk.audit.record(
        Entry("U0LEE", "approved", "staging", 2, {"binding": "0123456789abcdef" * 4, "outcome": "approved"})
    )
    await desk.audit.record(
        Entry(
            "signalbox", "apply started", "staging", 2, {"commit": "abc1234", "plan": "d" * 12, "changes": "1 to add"}
        )
    )
    await desk.audit.record(
        Entry(
            "signalbox", "ended", "staging", 2, {"status": "succeeded", "outcome": "applied", "url": "https://x.test"}
        )
    )
    answer = await infra.handle(desk.services, typed("audit 4"))
    assert answer is not None
    said = read(answer)
    assert "@lee #2 approved in staging (of 0123456789ab, approved)" in said
    assert "#2 apply started in staging (commit abc1234, plan dddddddddddd, 1 to add)" in said
    assert "#2 ended in staging (applied)" in said
    assert "=" not in said
