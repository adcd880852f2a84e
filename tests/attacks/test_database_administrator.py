"""Attack: the database's administrator, with triggers, dropped constraints and older rows, but without SIGNALBOX_KEY."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError

from bot.errors import ForgedError
from bot.operations import authority, lifecycle
from bot.seals import Keyring
from bot.store.audit import Entry
from bot.store.operations import Status
from tests.attacks.forgery_world import Bot, binding_of, start
from tests.unit.bot.store.audit_tampering import drop_triggers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bot.store.operations import Record

KEYRING = Keyring([bytes(range(32))])


@pytest.fixture
async def bot(url: str, tmp_path: Path) -> AsyncIterator[Bot]:
    made = await start(url, KEYRING, tmp_path)
    yield made
    made.stop()


async def install(bot: Bot, table: str, event: str, changes: str) -> None:
    """A trigger that changes each row of the table while Signalbox writes it."""
    if bot.store.file:
        change = f"UPDATE {table} SET {changes} WHERE rowid = NEW.rowid"  # noqa: S608  -- names of this file
        await bot.attack(f"CREATE TRIGGER evil AFTER {event} ON {table} BEGIN {change}; END")
        return
    assigned = " ".join(f"NEW.{change.strip()};" for change in changes.split(","))
    await bot.attack(
        f"CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {assigned} RETURN NEW; END $$"
    )
    await bot.attack(f"CREATE TRIGGER evil BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION evil()")


async def test_a_trigger_cannot_put_its_own_request_under_the_seal(bot: Bot) -> None:
    await install(bot, "signalbox_operations", "INSERT", "requester = 'U0BOSS', environment = 'prod'")
    await bot.begin()
    await until_refused_in_log(bot)
    assert bot.effects == []


async def until_refused_in_log(bot: Bot) -> None:
    for _ in range(500):
        try:
            await bot.services.operations.verified(1)
        except ForgedError:
            return
        except LookupError:
            await asyncio.sleep(0.02)  # it is about to be numbered, or its transaction was rolled back
            says = bot.world.chat.says.values()
            if any("did not begin. The record of #1 does not verify" in each for each in says):
                return
            assert not says, "announced without a record"
            return
    raise AssertionError("the record of the trigger verifies")


@pytest.mark.parametrize(
    "changes", ["binding = 'other'", "required = 1", "requester = 'U0EVE'", "environment = 'dev'", "operation = 99"]
)
async def test_a_trigger_cannot_move_an_approval_while_it_is_closed(bot: Bot, changes: str) -> None:
    record = await bot.request("prod")
    assert await bot.click(record, "U0LEE") == ""
    await install(bot, "signalbox_approvals", "UPDATE", changes)
    assert "does not verify" in await bot.click(record, "U0MAX")
    assert (await bot.audit_actions()).count("approved") == 1
    assert bot.effects == []


async def rejected_and_rolled_back(bot: Bot) -> Record:
    """An operation whose rejection is taken out of its rows; the audit log is left."""
    record = await bot.request("dev")
    await bot.attack("CREATE TABLE older AS SELECT * FROM signalbox_approvals")
    assert await bot.reject(record, "U0LEE") == ""
    await bot.until(record, Status.REJECTED)
    for _ in range(500):
        if "ended" in await bot.audit_actions():
            break
        await asyncio.sleep(0.02)
    await bot.attack("DELETE FROM signalbox_approvals")
    await bot.attack("DELETE FROM signalbox_votes")
    await bot.attack("INSERT INTO signalbox_approvals SELECT * FROM older")
    await bot.attack("UPDATE signalbox_operations SET status = 'approval', ended_at = NULL")
    await bot.store.run(drop_triggers)
    return record


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE signalbox_audit SET operation = NULL WHERE action IN ('rejected', 'ended')", "does not verify"),
        ("UPDATE signalbox_audit SET action = 'seen' WHERE action IN ('rejected', 'ended')", "does not verify"),
        ("UPDATE signalbox_audit SET operation = NULL WHERE action <> 'approved'", "does not hold the request"),
        ("DELETE FROM signalbox_audit WHERE action IN ('rejected', 'ended')", "does not verify|removed or replaced"),
    ],
)
async def test_a_rejection_that_leaves_the_audit_log_leaves_a_gap(bot: Bot, statement: str, refusal: str) -> None:
    record = await rejected_and_rolled_back(bot)
    with pytest.raises(ForgedError):
        await authority.check(bot.services, record, binding_of(1))  # the newest entry was seen
    if statement.startswith("DELETE"):
        await bot.attack(statement)
        assert await bot.click(record, "U0LEE") == ""
    else:
        assert await bot.click(record, "U0LEE") == ""
        await bot.attack(statement)
    with pytest.raises(ForgedError, match=refusal):
        await authority.check(bot.services, record, binding_of(1))
    assert bot.effects == []


async def replayed(bot: Bot, url: str, workplace: Path, *changes_of_the_log: str) -> AsyncIterator[Bot]:
    """The bot after an operation without approval has ended, and its authentic request begins again."""
    for number in range(3):
        await bot.services.audit.record(Entry("U0ANA", f"before {number}"))
    await bot.world.until(await bot.begin("open"), Status.SUCCEEDED)
    await until_recorded(bot, "ended")
    assert bot.effects == [1]
    bot.stop()
    await bot.change(drop_triggers)
    for change in (
        "DELETE FROM signalbox_operations",
        "DELETE FROM signalbox_side_effects",
        "DELETE FROM {dbos}operation_outputs",
        "UPDATE {dbos}workflow_status SET status = 'PENDING', output = NULL WHERE workflow_uuid = 'begin-key 1'",
        *changes_of_the_log,
    ):
        await bot.pretend(change)
    again = await start(url, KEYRING, workplace, bot)
    yield again
    again.stop()


async def until_recorded(bot: Bot, action: str) -> None:
    for _ in range(500):
        if action in await bot.audit_actions():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{action} is not in {await bot.audit_actions()}")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ("SELECT 1", "the request of #2 has begun #1 already"),
        ("UPDATE signalbox_audit SET operation = NULL WHERE operation = 1", "does not verify"),
        ("DELETE FROM signalbox_audit WHERE operation = 1 AND action = 'test'", "does not verify"),
        ("DELETE FROM signalbox_audit WHERE number < 5", "was removed"),
    ],
)
async def test_a_request_that_begins_again_under_a_new_number_starts_nothing(
    bot: Bot, url: str, tmp_path: Path, change: str, refusal: str
) -> None:
    async for again in replayed(bot, url, tmp_path, change):
        await until_recorded(again, lifecycle.REFUSED)
        refused = [stored.entry for stored in await again.services.audit.read(newest=99)]
        why = next(entry for entry in refused if entry.action == lifecycle.REFUSED)
        assert why.operation == 2
        assert refusal in str(why.detail["why"])
        assert again.effects == [1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE signalbox_votes SET at = 'NaN'",
        "UPDATE signalbox_approvals SET created_at = 'NaN'",
        "UPDATE signalbox_approvals SET required = X'00'",
        "UPDATE signalbox_operations SET status = 'odd'",
        "UPDATE signalbox_operations SET created_at = 'x'",
        "UPDATE signalbox_operations SET arguments = 'nope'",
        "UPDATE signalbox_operations SET arguments = X'ff'",
        "UPDATE signalbox_operations SET title = X'ff'",
    ],
)
async def test_a_value_of_another_type_is_refused_in_words(bot: Bot, statement: str) -> None:
    record = await bot.request("prod")
    assert await bot.click(record, "U0LEE") == ""
    try:
        await bot.attack(statement)
    except DBAPIError:
        if bot.store.file:
            raise
        return  # PostgreSQL takes no other types
    with pytest.raises(ForgedError, match=r"does not verify|cannot be read"):
        await authority.check(bot.services, record, binding_of(1))
