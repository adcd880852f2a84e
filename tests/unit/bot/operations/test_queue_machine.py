"""Whatever people do, in whatever order: no effect without its approvals, none twice, one at a time, and each end is reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.operations import approval as waiting
from bot.store.approvals import Outcome
from bot.store.operations import Status
from tests.unit.bot.operations.queue_machine import APPROVERS, REQUESTERS, REQUIRED, World, world_in

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from bot.store.operations import Record

ENVIRONMENTS = st.sampled_from(sorted(REQUIRED))
HOUR = 3_600.0
MOST = 6  # requests of a sequence
ROUNDS = 60  # until everything has ended; a busy machine notices late that the time is over
CHANGED = set[int]()  # numbers of operations that had an effect, in any sequence


class Queues(RuleBasedStateMachine):
    """People request, decide, cancel, leave and return; the clock moves, environments freeze, the bot starts again."""

    directory: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world: World = self.run(world_in(self.directory))
        self.approved: dict[int, set[str]] = {}  # who pressed Approve, and it counted
        self.own_ends = set[int]()  # what its requester rejected

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def chosen(self, place: int) -> Record | None:
        records = self.run(self.world.open())
        return records[place % len(records)] if records else None

    @initialize(wanted=st.lists(st.tuples(ENVIRONMENTS, st.sampled_from(REQUESTERS)), min_size=2, max_size=4))
    def begin(self, wanted: list[tuple[str, str]]) -> None:
        for environment, requester in wanted:
            self.request(environment, requester)

    @rule(environment=ENVIRONMENTS, requester=st.sampled_from(REQUESTERS))
    def request(self, environment: str, requester: str) -> None:
        if self.world.requests < MOST:
            self.run(self.world.request(environment, requester))
            self.settle()

    @rule(place=st.integers(0, 5), person=st.sampled_from([*APPROVERS, "U0ANA", "U0GUS"]))
    def approve(self, place: int, person: str) -> None:
        record = self.chosen(place)
        if record and self.run(self.world.press(record.number, person, Outcome.APPROVED)):
            assert person in APPROVERS
            assert person not in self.world.directory.lapsed
            assert person != record.requester
            assert record.environment not in self.world.frozen
            self.approved.setdefault(record.number, set()).add(person)
        self.settle()

    @rule(place=st.integers(0, 5))
    def approve_all_together(self, place: int) -> None:
        """Several press before the operation goes on."""
        record = self.chosen(place)
        for person in APPROVERS if record else ():
            if record and self.run(self.world.press(record.number, person, Outcome.APPROVED)):
                self.approved.setdefault(record.number, set()).add(person)
        self.settle()

    @rule(place=st.integers(0, 5), person=st.sampled_from([*APPROVERS, "U0ANA", "U0GUS"]))
    def reject(self, place: int, person: str) -> None:
        record = self.chosen(place)
        if record and self.run(self.world.press(record.number, person, Outcome.REJECTED)):
            self.own_ends |= {record.number} if person == record.requester else set()
            assert person == record.requester or (person in APPROVERS and person not in self.world.directory.lapsed)
        self.settle()

    @rule(place=st.integers(0, 5))
    def cancel(self, place: int) -> None:
        record = self.chosen(place)
        if record and record.status is Status.WAITING:
            self.run(self.world.services.operations.cancel_queued(record.number, record.requester))
        self.settle()

    @rule(person=st.sampled_from(APPROVERS))
    def leaves_or_returns(self, person: str) -> None:
        self.world.directory.lapsed ^= {person}
        self.settle()

    @rule(environment=ENVIRONMENTS)
    def freeze_or_unfreeze(self, environment: str) -> None:
        frozen = environment in self.world.frozen
        self.run(self.world.unfreeze(environment) if frozen else self.world.freeze(environment))

    @rule(seconds=st.sampled_from([60.0, HOUR]))
    def time_passes(self, seconds: float) -> None:
        self.world.later += seconds
        self.settle()

    @rule()
    def restart(self) -> None:
        self.run(self.world.restart())
        self.settle()

    def settle(self) -> None:
        self.run(self.world.settle())

    @invariant()
    def effects_have_their_approvals_and_happen_once(self) -> None:
        outside = self.world.outside
        assert not outside.faults
        changes = [effect for effect in outside.effects if effect.what == "changes"]
        assert len(changes) == len({effect.number for effect in changes}), changes
        for effect in changes:
            record = self.run(self.world.services.operations.get(effect.number))
            approved = self.approved.get(effect.number, set()) - effect.lapsed - {record.requester}
            assert len(approved) >= REQUIRED[record.environment]
            assert not effect.frozen
        CHANGED.update(effect.number for effect in changes)

    def teardown(self) -> None:
        """Let all that is open end: nobody decides any more, and the time is over."""
        try:
            for environment in sorted(self.world.frozen):
                self.run(self.world.unfreeze(environment))
            for _ in range(ROUNDS):
                self.world.later += 2 * HOUR
                self.settle()
                if not self.run(self.world.open()):
                    break
            records = self.run(self.world.services.operations._select())
            assert [record for record in records if not record.status.ended] == []
            self.effects_have_their_approvals_and_happen_once()
            for record in records:
                self._check_reported(record)
        finally:
            self.run(self.world.stop())
            self.loop.close()
            self.world.store.close()

    def _check_reported(self, record: Record) -> None:
        """Its message says how it ended, and one notice notifies its requester, unless that person ended it."""
        if record.status is Status.CANCELLED:
            return  # by its requester
        expected = record.number not in self.own_ends
        for _ in range(ROUNDS):
            if len(self._reports_of(record)) >= expected:
                break
            self.settle()
        assert len(self._reports_of(record)) == expected, self.world.chat.says
        text = self.world.chat.says[record.message_ts or ""]
        ended = f"ended: {'changed' if record.status is Status.SUCCEEDED else record.status.value}"
        refused = record.status is Status.FAILED and ("approvals count" in text or "frozen" in text)
        assert ended in text or refused, text

    def _reports_of(self, record: Record) -> list[str]:
        """The notices of an operation that are no questions."""
        texts = [text for ts, text in self.world.chat.says.items() if ts != record.message_ts and record.title in text]
        return [text for text in texts if "Decide until" not in text and "still needs" not in text]


@pytest.mark.slow("plays sequences on the real engine, and starts it again")
def test_no_sequence_has_an_effect_without_its_approvals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    del quick
    monkeypatch.setattr(waiting, "CHECK_INTERVAL", 0.05)
    monkeypatch.setattr(waiting, "SHORTEST_INTERVAL", 0.05)
    monkeypatch.setattr(Queues, "directory", tmp_path, raising=False)
    run_state_machine_as_test(
        Queues,
        settings=settings(
            max_examples=6,
            stateful_step_count=12,
            phases=[Phase.generate],  # without shrinking, which takes an hour on the real engine
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert CHANGED, "no sequence had an effect"
