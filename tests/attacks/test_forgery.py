"""Forged rows: an attacker who may write to the database, and has no key, starts nothing. On SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import pickle
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import ForgedError, NoLongerApprovedError
from bot.operations import authority
from bot.seals import Keyring
from bot.store.approvals import Outcome
from bot.store.operations import Status
from tests.attacks.forgery_world import Bot, binding_of, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

OLD, NEW = bytes(range(32)), bytes(range(100, 132))
KEYRING = Keyring([OLD])
VOTE = "INSERT INTO signalbox_votes (approval, person, decision, at, seal) SELECT id, ?, 'approved', created_at, seal "
ROWS = {
    "outcome": "UPDATE signalbox_approvals SET outcome = 'approved'",
    "required": "UPDATE signalbox_approvals SET required = 0",
    "requester": "UPDATE signalbox_approvals SET requester = 'U0EVE'",
    "binding": "UPDATE signalbox_approvals SET binding = 'f'",
    "expiry": "UPDATE signalbox_approvals SET expires_at = expires_at + 86400",
    "typed confirmation": "UPDATE signalbox_approvals SET typed_confirmation = 'prod'",
    "votes": f"{VOTE.replace('?', chr(39) + 'U0LEE' + chr(39))} FROM signalbox_approvals",
    "no seal": "UPDATE signalbox_approvals SET outcome = 'approved', seal = ''",
}


@pytest.fixture
async def bot(url: str, tmp_path: Path) -> AsyncIterator[Bot]:
    made = await start(url, KEYRING, tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize("forged", ROWS)
async def test_a_forged_row_of_an_approval_starts_nothing(bot: Bot, forged: str) -> None:
    record = await bot.request("prod")
    await bot.attack(ROWS[forged])
    reply = await bot.click(record, "U0LEE")
    assert "The record of the approval of #1 does not verify" in reply
    assert "The record of the approval of #1 does not verify" in await bot.refused(record)
    assert "click refused" in await bot.audit_actions()


async def test_an_approval_that_was_deleted_starts_nothing(bot: Bot) -> None:
    record = await bot.request("prod")
    await bot.attack("DELETE FROM signalbox_approvals")
    assert "do not know this approval" in await bot.click(record, "U0LEE")
    await bot.services.engine.wake(record.number)
    await bot.until(record, Status.FAILED)
    assert bot.effects == []


async def test_a_vote_that_was_copied_from_another_approval_does_not_count(bot: Bot) -> None:
    first = await bot.request("dev")
    assert await bot.click(first, "U0LEE") == ""
    await bot.until(first, Status.SUCCEEDED)
    second = await bot.request("prod")
    await bot.attack(
        "INSERT INTO signalbox_votes (approval, person, decision, at, seal) "
        "SELECT (SELECT id FROM signalbox_approvals WHERE operation = 2), person, decision, at, seal FROM signalbox_votes"
    )
    assert "does not verify" in await bot.click(second, "U0MAX")
    await bot.refused(second)


async def test_an_approval_that_was_moved_to_another_operation_does_not_count(bot: Bot) -> None:
    first = await bot.request("dev")
    assert await bot.click(first, "U0LEE") == ""
    await bot.until(first, Status.SUCCEEDED)
    second = await bot.request("dev")
    await bot.attack("DELETE FROM signalbox_approvals WHERE operation = 2")
    await bot.attack("UPDATE signalbox_approvals SET operation = 2, binding = ?", binding_of(2))
    with pytest.raises(ForgedError, match="does not verify"):
        await authority.check(bot.services, second, binding_of(2))
    await bot.services.engine.wake(second.number)
    await bot.until(second, Status.FAILED)
    assert bot.effects == [1]


async def test_a_rejection_cannot_be_taken_back_by_an_older_row(bot: Bot) -> None:
    record = await bot.request("dev")
    older = "CREATE TABLE older AS SELECT * FROM signalbox_approvals"
    await bot.attack(older)
    assert await bot.reject(record, "U0LEE") == ""
    await bot.until(record, Status.REJECTED)
    await bot.attack("DELETE FROM signalbox_approvals")
    await bot.attack("DELETE FROM signalbox_votes")
    await bot.attack("INSERT INTO signalbox_approvals SELECT * FROM older")
    approval = await bot.services.approvals.of_binding(1, binding_of(1))
    assert approval is not None
    assert approval.outcome is Outcome.PENDING  # the older row verifies: Signalbox wrote it
    await bot.click(record, "U0MAX")
    # By the audit log, or, before that has the end, because a click on what has ended closes the older row.
    refused = r"By the audit log #1 (was rejected|has ended already)|#1 is not approved: ended"
    with pytest.raises((ForgedError, NoLongerApprovedError), match=refused):
        await authority.check(bot.services, record, binding_of(1))


async def test_a_decision_that_the_audit_log_does_not_hold_does_not_count(bot: Bot) -> None:
    record = await bot.request("dev")
    approval = await bot.services.approvals.of_binding(1, binding_of(1))
    assert approval is not None
    await bot.services.approvals.decide(approval.id, "U0LEE", Outcome.APPROVED)  # without its entry
    assert "The audit log does not hold the approval of #1" in await bot.refused(record)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("environment", "dev"),
        ("requester", "U0EVE"),
        ("arguments", '{"key": "key 2"}'),
        ("kind", "other"),
        ("title", "x"),
    ],
)
async def test_a_request_that_was_changed_while_it_waits_is_refused(bot: Bot, column: str, value: str) -> None:
    record = await bot.request("prod")
    cast = "CAST(? AS JSON)" if column == "arguments" and bot.store.url.startswith("postgresql") else "?"
    await bot.attack(f"UPDATE signalbox_operations SET {column} = {cast}", value)  # noqa: S608  -- names of this file
    assert "The record of #1 does not verify" in await bot.click(record, "U0LEE")
    with pytest.raises(ForgedError, match="The record of #1 does not verify"):
        await authority.check(bot.services, record, binding_of(1))
    assert bot.effects == []


async def test_whoever_left_the_group_no_longer_counts(bot: Bot) -> None:
    record = await bot.request("prod")
    assert await bot.click(record, "U0LEE") == ""
    await bot.world.until_said(record, "needs 1 more approval")
    bot.directory.lapsed.add("U0LEE")
    assert await bot.click(record, "U0MAX") == ""
    assert "no longer an approver; 1 of 2" in await bot.world.until_said(record, "no longer an approver")
    assert bot.effects == []
    assert await bot.click(record, "U0GUS") == ""
    await bot.until(record, Status.SUCCEEDED)
    assert bot.effects == [1]


async def test_whoever_leaves_the_group_after_the_approval_no_longer_counts(bot: Bot) -> None:
    record = await bot.request("prod")
    for person in ("U0LEE", "U0MAX"):
        approval = await bot.services.approvals.of_binding(1, binding_of(1))
        assert approval is not None
        bot.directory.lapsed = {"U0LEE"} if person == "U0MAX" else set()
        assert await bot.click(record, person) == ""
    await bot.world.until_said(record, "1 of 2")
    bot.directory.lapsed = set()
    assert await bot.click(record, "U0GUS") == ""
    await bot.until(record, Status.SUCCEEDED)
    bot.directory.lapsed = {"U0LEE", "U0GUS"}
    with pytest.raises((ForgedError, NoLongerApprovedError)):
        await authority.check(bot.services, record, binding_of(1))


async def test_the_result_of_a_step_of_another_operation_starts_nothing(bot: Bot, url: str, tmp_path: Path) -> None:
    first = await bot.request("dev")
    assert await bot.click(first, "U0LEE") == ""
    await bot.until(first, Status.SUCCEEDED)
    second = await bot.request("dev")
    bot.stop()
    again = await start(url, KEYRING, tmp_path, bot)
    again.stop()
    await again.pretend(
        "UPDATE {dbos}operation_outputs SET output = (SELECT output FROM {dbos}operation_outputs WHERE workflow_uuid = "
        "'operation-1' AND function_name = 'request approval') "
        "WHERE workflow_uuid = 'operation-2' AND function_name = 'request approval'"
    )
    again = await start(url, KEYRING, tmp_path, bot)
    await again.until(second, Status.FAILED)
    assert "does not belong to operation-2" in await again.world.until_said(second, "Nothing was started")
    assert bot.effects == [1]
    again.stop()


class Planted:
    """What a pickle runs when it is read: it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return (open, (str(self._path), "w"))


COLUMNS = (("workflow_input", "inputs"), ("operation_outputs", "output"), ("operation_outputs", "error"))


@pytest.mark.parametrize("form", ["py_pickle", "portable_json", "signalbox"])
@pytest.mark.parametrize("place", COLUMNS)
async def test_a_value_of_the_engine_that_was_replaced_is_not_read(
    bot: Bot, url: str, tmp_path: Path, place: tuple[str, str], form: str
) -> None:
    table, column = place
    await bot.request("dev")
    bot.stop()
    planted = tmp_path / "planted"
    for value in (b64encode(pickle.dumps(Planted(planted))).decode(), '{"args":[1],"kwargs":{}}', "[" * 100_000):
        await bot.pretend(f"UPDATE {{dbos}}{table} SET {column} = '{value}'")  # noqa: S608  -- names of this file
        await bot.pretend(f"UPDATE {{dbos}}workflow_status SET serialization = '{form}', status = 'PENDING'")  # noqa: S608
        if table == "operation_outputs":
            await bot.pretend(f"UPDATE {{dbos}}operation_outputs SET serialization = '{form}'")  # noqa: S608
        again = await start(url, KEYRING, tmp_path, bot)
        await asyncio.sleep(0.5)  # the engine resumes what is pending
        again.stop()
    assert not planted.exists()
    assert bot.effects == []


async def test_a_workflow_with_the_input_of_another_starts_nothing(bot: Bot) -> None:
    first = await bot.request("dev")
    assert await bot.click(first, "U0LEE") == ""
    await bot.until(first, Status.SUCCEEDED)
    with pytest.raises(ForgedError, match="does not belong"):
        await _replayed(bot)
    assert bot.effects == [1]


async def _replayed(bot: Bot) -> None:
    """Begin the first operation's workflow again under another id, as rows in the engine's tables can."""
    from dbos import DBOS, SetWorkflowID  # noqa: PLC0415

    with SetWorkflowID("operation-99"):
        handle = await DBOS.start_workflow_async(bot.services.engine._workflows["test"], 1)
    await handle.get_result()


async def test_keys_are_replaced_without_a_stop_and_without_the_old_key_nothing_verifies(
    url: str, tmp_path: Path
) -> None:
    bot = await start(url, KEYRING, tmp_path)
    record = await bot.request("prod")
    assert await bot.click(record, "U0LEE") == ""
    bot.stop()
    rotated = await start(url, Keyring([NEW, OLD]), tmp_path, bot)
    assert await rotated.click(record, "U0MAX") == ""
    await rotated.until(record, Status.SUCCEEDED)
    assert bot.effects == [1]
    rotated.stop()
    without = await start(url, Keyring([NEW]), tmp_path, bot)
    with pytest.raises(ForgedError, match="SIGNALBOX_KEY lacks the key"):
        await without.services.operations.verified(1)
    without.stop()
