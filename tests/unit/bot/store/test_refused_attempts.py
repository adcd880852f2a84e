"""Refused attempts are counted: the audit log's entries and counts make up every attempt, in few entries and little memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, strategies as st

from bot.errors import DatabaseAwayError
from bot.store.audit import Audit, Entry
from bot.store.refused_attempts import (
    ATTEMPTS,
    COUNT,
    MOST_DIFFERENT,
    MOST_STRANGERS,
    RETRY_AFTER,
    WINDOW,
    RefusedAttempts,
)
from tests.unit.bot.conftest import Clock
from tests.virtual_time import run_virtually

if TYPE_CHECKING:
    from bot.store.database import Store

GUEST = Entry("U0GUEST", "refused", detail={"what": "/deploy", "why": "your account is a guest's"})
LEE = Entry("U0LEE", "click refused", "prod", 7, {"what": "approve", "why": "you asked for this yourself"})


@dataclass
class Written:
    """An audit log in memory, whose writes take a turn of the loop and may fail."""

    entries: list[Entry] = field(default_factory=list)
    away: bool = False

    async def record(self, entry: Entry) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise DatabaseAwayError("the database is away")
        self.entries.append(entry)

    @property
    def attempts(self) -> int:
        return sum(entry.detail.get(COUNT, 1) for entry in self.entries)


def attempts_of(log: Written, clock: Clock) -> RefusedAttempts:
    return RefusedAttempts(cast("Audit", log), clock)


async def test_a_guest_who_repeats_has_two_entries(clock: Clock) -> None:
    log = Written()
    refused = attempts_of(log, clock)
    for number in range(600):
        await refused.record(replace(GUEST, detail={"what": f"/deploy {number % 3}", "why": "guest"}), named=False)
        clock.now += 0.01
    await refused.close_due()
    assert [entry.detail["what"] for entry in log.entries] == ["/deploy 0"]
    clock.now += WINDOW
    await refused.close_due()
    _, summary = log.entries
    assert (summary.actor, summary.action, summary.detail[COUNT]) == ("U0GUEST", "refused", 599)
    assert summary.detail["what"] == "/deploy 1, /deploy 2, /deploy 0"
    assert summary.detail["first"] == "2023-11-14T22:13:20Z"
    assert summary.detail["last"] == "2023-11-14T22:13:25Z"
    await refused.record(GUEST, named=False)
    assert len(log.entries) == 3, "the next window begins with an entry"


async def test_a_known_person_has_an_entry_for_each_different_refusal(clock: Clock) -> None:
    log = Written()
    refused = attempts_of(log, clock)
    different = [LEE, replace(LEE, operation=8), replace(LEE, environment="dev"), replace(LEE, detail={"what": "x"})]
    for attempt in [*different, *different, *different]:
        await refused.record(attempt, named=True)
    assert log.entries == different
    await refused.flush()
    assert [(entry.operation, entry.environment, entry.detail[COUNT]) for entry in log.entries[4:]] == [
        (7, "prod", 2), (8, "prod", 2), (7, "dev", 2), (7, "prod", 2),
    ]  # fmt: skip


async def test_one_person_cannot_use_up_the_windows_of_others(clock: Clock) -> None:
    log = Written()
    refused = attempts_of(log, clock)
    for number in range(5 * MOST_DIFFERENT):
        await refused.record(replace(LEE, operation=number), named=True)
    assert len(log.entries) == MOST_DIFFERENT + 1
    await refused.record(replace(LEE, actor="U0MAX"), named=True)
    assert log.entries[-1].actor == "U0MAX"
    await refused.flush()
    assert log.attempts == 5 * MOST_DIFFERENT + 1


async def test_many_accounts_share_a_window_for_each_action(clock: Clock) -> None:
    log = Written()
    refused = attempts_of(log, clock)
    for number in range(2_000):
        for action in ("refused", "click refused"):
            await refused.record(Entry(f"U{number}", action, detail={"what": "/plan"}), named=False)
    assert len(refused._windows) == MOST_STRANGERS + 2
    await refused.flush()
    assert len(log.entries) == 2 * (MOST_STRANGERS + 2)
    assert log.attempts == 4_000
    assert log.entries[-1].actor == "signalbox"
    assert log.entries[-1].detail["by"] == "U11, U12, U13, U14, U15, others"


def test_a_window_ends_by_itself() -> None:
    log = Written()

    async def attempts() -> None:
        refused = RefusedAttempts(cast("Audit", log), asyncio.get_running_loop().time)
        await refused.record(GUEST, named=False)
        await refused.record(GUEST, named=False)
        await asyncio.sleep(WINDOW - 5)
        assert len(log.entries) == 1
        await asyncio.sleep(10)
        assert len(log.entries) == 2
        log.away = True
        with pytest.raises(DatabaseAwayError):
            await refused.record(LEE, named=True)
        await asyncio.sleep(WINDOW + 5)
        log.away = False
        await asyncio.sleep(RETRY_AFTER)
        assert log.entries[2].detail[COUNT] == 1
        await asyncio.sleep(3 * WINDOW)
        assert refused._windows == {}

    run_virtually(attempts())
    assert log.attempts == 3


async def test_what_is_counted_is_stored_redacted_and_sealed(store: Store, clock: Clock) -> None:
    audit = Audit(store, clock, lambda text: text.replace("s3cret", "•••"))
    refused = RefusedAttempts(audit, clock)
    for _ in range(3):
        await refused.record(replace(GUEST, detail={"what": "/deploy s3cret", "why": "no"}), named=False)
    await refused.flush()
    newest, first = await audit.read(newest=9)
    assert first.entry.detail["what"] == newest.entry.detail["what"] == "/deploy •••"
    assert newest.entry.detail[COUNT] == 2


async def test_attempts_are_a_metric(clock: Clock) -> None:
    refused = attempts_of(Written(), clock)

    def value(person: str) -> float:
        return float(ATTEMPTS.labels("refused", person)._value.get())

    before = value("named"), value("unnamed")
    for named in (True, False, False):
        await refused.record(GUEST, named=named)
    assert (value("named"), value("unnamed")) == (before[0] + 1, before[1] + 2)


NAMED = ("U0ANA", "U0LEE")
ATTEMPT = st.builds(
    Entry,
    actor=st.sampled_from([*NAMED, *(f"U{number}" for number in range(MOST_STRANGERS + 4))]),
    action=st.sampled_from(["refused", "click refused"]),
    environment=st.sampled_from(["", "prod"]),
    operation=st.sampled_from([None, 1]),
    detail=st.fixed_dictionaries({"what": st.text(max_size=3), "why": st.sampled_from(["no", "closed"])}),
)
STEPS = st.lists(
    st.one_of(
        st.lists(ATTEMPT, min_size=1, max_size=30),  # at the same time, while windows that ended are summed up
        st.floats(min_value=0, max_value=2 * WINDOW),
        st.sampled_from(["flush", "away", "back"]),
    ),
    max_size=30,
)


@given(steps=STEPS)
def test_the_counts_make_up_every_attempt(steps: list[list[Entry] | float | str]) -> None:
    log, clock, made = Written(), Clock(), list[Entry]()
    most = 0

    async def play() -> None:
        nonlocal most
        refused = attempts_of(log, clock)
        for step in steps:
            if isinstance(step, list):
                work = (refused.record(attempt, named=attempt.actor in NAMED) for attempt in step)
                await asyncio.gather(refused.close_due(), *work, return_exceptions=True)
                made.extend(step)
            elif isinstance(step, float):
                clock.now += step
                await refused.close_due()
            elif step == "flush":
                await refused.flush()
            else:
                log.away = step == "away"
            strangers = [key for key in refused._windows if not key.named]
            most = max(most, len(strangers))
        log.away = False
        await refused.flush()
        await refused.flush()  # a window that was summed up is closed when nothing came meanwhile
        assert refused._windows == {}

    asyncio.run(play())
    assert log.attempts == len(made)
    assert most <= MOST_STRANGERS + 2
    by_person = Counter[str]()
    for entry in log.entries:
        by_person[entry.actor] += entry.detail.get(COUNT, 1)
    in_truth = Counter(entry.actor for entry in made)
    assert all(by_person[person] == in_truth[person] for person in NAMED)
    if "away" not in steps:
        alone = {repr(entry) for entry in log.entries if COUNT not in entry.detail}
        assert {repr(entry) for entry in made if entry.actor in NAMED} <= alone
