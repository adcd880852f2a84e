"""Whose message a pressed button stands on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import UserError
from bot.operations import follow_ups
from bot.operations.registry import Click
from bot.store.operations import Record, Status
from handlers.shared import clicks

if TYPE_CHECKING:
    from bot.services import Services

RECORD = Record(7, "plan", "dev", "U0ANA", "Plan", {}, "C1", "1.5", Status.WAITING, "", 1.0, None)
CLICK = Click("U0ANA", "C1", "1.5", "cancel", "7", "t", "https://hooks.slack.example/r")


DAY = 86_400.0
SETTINGS = SimpleNamespace(operations=SimpleNamespace(retention=timedelta(days=30)))


def services(*records: Record) -> Services:
    """A record of operations that gives these one after the other, then the last again and again."""
    remaining = list(records)

    async def get(number: int) -> Record:
        if number != RECORD.number:
            raise LookupError
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    return cast(
        "Services",
        SimpleNamespace(operations=SimpleNamespace(get=get, verified=get), config=SETTINGS, clock=lambda: 100 * DAY),
    )


async def test_a_button_that_is_pressed_before_its_messages_address_is_known_counts() -> None:
    unknown = replace(RECORD, message_ts=None)
    assert await clicks.clicked(services(unknown, unknown, RECORD), CLICK) == RECORD


async def test_a_message_that_never_gets_an_address_has_no_buttons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_ups, "CHECK_INTERVAL", 0.001)
    with pytest.raises(UserError, match="does not belong to this message"):
        await clicks.clicked(services(replace(RECORD, message_ts=None)), CLICK)


@pytest.mark.parametrize("change", [{"channel": "C2"}, {"message_ts": "1.6"}])
async def test_a_button_on_another_message_changes_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="does not belong to this message"):
        await clicks.clicked(services(RECORD), replace(CLICK, **change))


@pytest.mark.parametrize("value", ["", "8", "x", "-7", "7" * 10, "7.0"])
async def test_an_operation_that_nobody_knows_is_said(value: str) -> None:
    with pytest.raises(UserError, match="I do not know this operation"):
        await clicks.clicked(services(RECORD), replace(CLICK, value=value))


async def test_a_button_whose_operation_ended_before_the_retention_changes_nothing() -> None:
    recent = replace(RECORD, status=Status.FAILED, ended_at=70.1 * DAY)
    assert await clicks.clicked(services(recent), CLICK) == recent
    with pytest.raises(UserError, match=r"#7 ended more than 30 days ago.*was deleted.*Nothing changed"):
        await clicks.clicked(services(replace(recent, ended_at=69.9 * DAY)), CLICK)
