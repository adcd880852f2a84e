"""An approval is decided once, by enough distinct people, in time; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.errors import Denied, ForgedError, UserError
from bot.store.approval_tables import votes
from bot.store.approvals import Approval, ApprovalRequest, Approvals, Outcome
from bot.store.database import Store
from bot.store.operations import Operations, Request, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bot.seals import Field
    from tests.unit.bot.conftest import Clock

YES, NO = Outcome.APPROVED, Outcome.REJECTED
REQUEST = ApprovalRequest(1, "staging", "b" * 64, "U0ANA", "C0STAGING", "1.0", required=1, expires_after=3_600)
CROWD = [f"U{number:03}" for number in range(40)]


@pytest.fixture
def approvals(store: Store, clock: Clock) -> Approvals:
    return Approvals(store, clock)


async def outcomes(clicks: Iterable[asyncio.Future[Approval]]) -> tuple[list[Approval], list[Denied]]:
    """The results of clicks at the same time: those that counted, and the refusals."""
    results = await asyncio.gather(*clicks, return_exceptions=True)
    counted = [result for result in results if isinstance(result, Approval)]
    refused = [result for result in results if isinstance(result, Denied)]
    assert len(counted) + len(refused) == len(results), results
    return counted, refused


async def test_the_same_request_twice_is_one_approval(approvals: Approvals, clock: Clock) -> None:
    first = await approvals.create(REQUEST)
    clock.now += 60
    assert await approvals.create(replace(REQUEST, message_ts="2.0", required=5)) == first
    assert (await approvals.create(replace(REQUEST, binding="c" * 64))).id != first.id


async def test_the_same_request_at_once_is_one_approval(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    stores = [Approvals(store, clock), Approvals(other, clock)] * 10
    created = await asyncio.gather(*(approvals.create(REQUEST) for approvals in stores))
    other.close()
    assert len({approval.id for approval in created}) == 1


async def test_an_id_cannot_be_guessed(approvals: Approvals) -> None:
    made = [await approvals.create(replace(REQUEST, operation=number)) for number in range(5)]
    assert all(len(approval.id) >= 24 for approval in made)
    assert len({approval.id for approval in made}) == 5


async def test_it_keeps_what_it_was_asked_for(approvals: Approvals, clock: Clock) -> None:
    made = await approvals.create(replace(REQUEST, typed_confirmation="staging"))
    assert (made.binding, made.typed_confirmation, made.requester) == ("b" * 64, "staging", "U0ANA")
    assert (made.channel, made.message_ts) == ("C0STAGING", "1.0")
    assert (made.outcome, made.votes) == (Outcome.PENDING, ())
    assert made.expires_at == clock.now + 3_600
    assert await approvals.get(made.id) == made


async def test_one_approval_is_enough_where_one_is_required(approvals: Approvals, clock: Clock) -> None:
    made = await approvals.create(REQUEST)
    clock.now += 5
    decided = await approvals.decide(made.id, "U0LEE", YES)
    assert (decided.outcome, decided.approvers) == (YES, ("U0LEE",))
    assert await approvals.get(made.id) == decided


async def test_many_clicks_at_once_decide_once(url: str, store: Store, clock: Clock) -> None:
    other = Store(url, store.keyring)
    made = await Approvals(store, clock).create(REQUEST)
    clicks = [
        asyncio.ensure_future(Approvals([store, other][number % 2], clock).decide(made.id, person, YES))
        for number, person in enumerate(CROWD)
    ]
    counted, refused = await outcomes(clicks)
    other.close()
    assert len(counted) == 1
    assert {str(error) for error in refused} == {"This was already approved; your click changed nothing."}
    assert len((await Approvals(store, clock).get(made.id)).votes) == 1


async def test_one_person_who_clicks_many_times_at_once_counts_once(approvals: Approvals) -> None:
    made = await approvals.create(replace(REQUEST, required=2))
    clicks = [asyncio.ensure_future(approvals.decide(made.id, "U0LEE", YES)) for _ in range(20)]
    counted, refused = await outcomes(clicks)
    assert len(counted) == 1
    assert "You have approved this already; it needs another person as well." in {str(error) for error in refused}
    assert (await approvals.get(made.id)).outcome is Outcome.PENDING


async def test_exactly_as_many_people_count_as_are_required(approvals: Approvals) -> None:
    made = await approvals.create(replace(REQUEST, required=3))
    clicks = [asyncio.ensure_future(approvals.decide(made.id, person, YES)) for person in CROWD for _ in range(2)]
    counted, _ = await outcomes(clicks)
    assert len(counted) == 3
    assert sorted(approval.outcome for approval in counted) == [YES, Outcome.PENDING, Outcome.PENDING]
    closed = await approvals.get(made.id)
    assert len(set(closed.approvers)) == len(closed.votes) == 3


async def test_approvals_and_rejections_at_once_close_it_one_way(approvals: Approvals) -> None:
    for number in range(5):
        made = await approvals.create(replace(REQUEST, operation=number, required=2))
        clicks = [
            asyncio.ensure_future(approvals.decide(made.id, person, YES if place % 2 else NO))
            for place, person in enumerate(CROWD[:10])
        ]
        counted, _ = await outcomes(clicks)
        closed = await approvals.get(made.id)
        last = [approval for approval in counted if approval.outcome is not Outcome.PENDING]
        assert [approval.outcome for approval in last] == [closed.outcome]
        rejected = [vote for vote in closed.votes if vote.decision == NO]
        assert len(rejected) == (1 if closed.outcome is NO else 0)


async def test_a_single_rejection_closes_it(approvals: Approvals) -> None:
    made = await approvals.create(replace(REQUEST, required=3))
    await approvals.decide(made.id, "U0LEE", YES)
    assert (await approvals.decide(made.id, "U0MAX", NO)).outcome is NO
    with pytest.raises(Denied, match="already rejected"):
        await approvals.decide(made.id, "U0GUS", YES)


async def test_a_rejection_keeps_its_reason_and_votes_from_before_there_were_any_verify(
    approvals: Approvals, store: Store
) -> None:
    made = await approvals.create(replace(REQUEST, required=2))
    await approvals.decide(made.id, "U0LEE", YES)
    decided = await approvals.decide(made.id, "U0MAX", NO, reason="too late " * 40)
    assert decided.rejection
    assert decided.rejection.reason == ("too late " * 40)[:200]
    fields: Mapping[str, Field] = {
        "approval": made.id, "person": "U0LEE", "decision": "approved", "at": decided.votes[0].at,
    }  # fmt: skip
    of_lee = sa.select(votes.c.seal).where(votes.c.person == "U0LEE")
    assert await store.run(lambda connection: connection.scalar(of_lee)) == store.keyring.seal(votes.name, fields)
    await store.run(lambda connection: connection.execute(sa.update(votes).values(reason=None)))
    with pytest.raises(ForgedError):
        await approvals.get(made.id)


async def test_whoever_approved_may_still_reject(approvals: Approvals) -> None:
    made = await approvals.create(replace(REQUEST, required=2))
    await approvals.decide(made.id, "U0LEE", YES)
    decided = await approvals.decide(made.id, "U0LEE", NO)
    assert decided.outcome is NO
    assert [(vote.person, vote.decision) for vote in decided.votes] == [("U0LEE", "rejected")]


@pytest.mark.parametrize(("after", "outcome"), [(3_599.999, Outcome.PENDING), (3_600, Outcome.EXPIRED)])
async def test_it_expires_at_the_moment(approvals: Approvals, clock: Clock, after: float, outcome: Outcome) -> None:
    made = await approvals.create(REQUEST)
    clock.now += after
    assert (await approvals.get(made.id)).outcome is outcome


async def test_a_click_after_it_expired_changes_nothing(approvals: Approvals, clock: Clock) -> None:
    made = await approvals.create(replace(REQUEST, required=2))
    await approvals.decide(made.id, "U0LEE", YES)
    clock.now += 3_600
    for decision in (YES, NO):
        with pytest.raises(Denied, match="expired; nothing was done"):
            await approvals.decide(made.id, "U0MAX", decision)
    closed = await approvals.get(made.id)
    assert (closed.outcome, closed.approvers) == (Outcome.EXPIRED, ("U0LEE",))


async def test_a_decision_stays_when_its_time_has_passed(approvals: Approvals, clock: Clock) -> None:
    made = await approvals.create(REQUEST)
    decided = await approvals.decide(made.id, "U0LEE", YES)
    clock.now += 100_000
    assert await approvals.get(made.id) == decided


async def test_a_newer_request_supersedes_a_pending_approval(approvals: Approvals) -> None:
    made = await approvals.create(REQUEST)
    assert await approvals.supersede(1)
    assert not await approvals.supersede(1)
    assert (await approvals.get(made.id)).outcome is Outcome.SUPERSEDED
    with pytest.raises(Denied, match="newer request"):
        await approvals.decide(made.id, "U0LEE", YES)


async def test_what_is_decided_cannot_be_superseded(approvals: Approvals) -> None:
    made = await approvals.create(REQUEST)
    await approvals.decide(made.id, "U0LEE", YES)
    assert not await approvals.supersede(1)
    assert (await approvals.get(made.id)).outcome is YES


async def test_an_unknown_id_is_an_error_for_people(approvals: Approvals) -> None:
    for unknown in ("", "nothing", "' OR 1=1 --", "x" * 5_000):
        with pytest.raises(UserError, match="do not know this approval"):
            await approvals.get(unknown)
        with pytest.raises(UserError, match="do not know this approval"):
            await approvals.decide(unknown, "U0LEE", YES)


async def test_a_decision_that_cannot_be_recorded_did_not_happen(approvals: Approvals) -> None:
    made = await approvals.create(REQUEST)

    def fail(_: sa.Connection, decided: Approval) -> None:
        assert decided.outcome is YES
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await approvals.decide(made.id, "U0LEE", YES, fail)
    assert await approvals.get(made.id) == made


@pytest.mark.parametrize("status", list(Status))
async def test_an_approval_is_closed_once_its_operation_has_ended(
    approvals: Approvals, store: Store, clock: Clock, status: Status
) -> None:
    operations = Operations(store, clock)
    number = await operations.create(Request("key", "plan", "staging", "U0ANA", "Plan", "C0OPS", {}))
    made = await approvals.create(replace(REQUEST, operation=number))
    await operations.set_status(number, status)
    if not status.ended:
        assert (await approvals.decide(made.id, "U0LEE", YES)).outcome is YES
        return
    with pytest.raises(Denied, match="This has ended, and its message says how; your click changed nothing"):
        await approvals.decide(made.id, "U0LEE", YES)
    closed = await approvals.get(made.id)
    assert (closed.outcome, closed.votes) == (Outcome.ENDED, ())


async def test_what_is_decided_is_not_closed_as_undecided(approvals: Approvals) -> None:
    decided = await approvals.create(REQUEST)
    await approvals.decide(decided.id, "U0LEE", YES)
    pending = await approvals.create(replace(REQUEST, binding="c" * 64))
    await approvals.close_undecided(REQUEST.operation)
    assert (await approvals.get(decided.id)).outcome is YES
    assert (await approvals.get(pending.id)).outcome is Outcome.ENDED
