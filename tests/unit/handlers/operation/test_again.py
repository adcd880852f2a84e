"""The same again by the button of a notice: for the person who presses, with all checks, once, and only from that notice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.config import read
from bot.errors import Denied, UserError
from bot.inbound.app import find_handlers
from bot.operations.notices import AGAIN, AGAIN_ACTION, REPEATABLE
from bot.operations.registry import Click
from bot.slack.blocks import kit
from bot.slack.client import Posted
from bot.store.operations import Record, Request, Status
from handlers.operation.again import again
from tests.unit.handlers.conftest import WATCHED

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

AT = Posted("C0STAGING", "9.0")
ENDED = [status for status in Status if status.ended]


async def ended(desk: Desk, status: Status = Status.FAILED, **request: Any) -> Record:
    """An operation that has ended, with its message and the notice of its end."""
    asked = Request("key", "deploy", "staging", "U0ANA", "Deploy main to staging", AT.channel, {"ref": "main"})
    number = await desk.operations.create(replace(asked, **request))
    await desk.operations.set_message(number, AT.channel, "1.0")
    await desk.operations.set_status(number, status)
    record = await desk.operations.get(number)
    button = kit.actions("next", kit.button("Deploy again", AGAIN_ACTION, str(number)))
    desk.chat.marked[f"{number}:end"] = (AT, kit.message("ended", [kit.section("ended"), button]))
    return record


def press(record: Record, user: str = "U0LEE", **more: str) -> Click:
    usual = {"channel": AT.channel, "message_ts": AT.ts, "value": str(record.number), "trigger_id": "1.2"}
    fields: dict[str, Any] = {"user": user, "action_id": AGAIN_ACTION, "response_url": "", **usual, **more}
    return Click(**fields, registry=find_handlers())


@pytest.mark.parametrize("status", REPEATABLE)
async def test_the_same_is_requested_for_whoever_presses(desk: Desk, status: Status) -> None:
    arguments = {"ref": "main", "machines": "backend", "input:version": "1.2"}
    record = await ended(desk, status, arguments=arguments)
    await again(desk.services, press(record))
    (begun,) = desk.engine.begun
    assert (begun.kind, begun.title, begun.requester, begun.environment) == ("deploy", record.title, "U0LEE", "staging")
    assert (dict(begun.arguments), begun.channel, begun.key) == (arguments, "C0STAGING", f"again-{record.number}")


async def test_a_unit_keeps_its_queue(desk: Desk) -> None:
    record = await ended(desk, kind="plan", environment="staging/unit network:vpc", arguments={"-unit": "network/vpc"})
    await again(desk.services, press(record))
    assert desk.engine.begun[0].environment == "staging/unit network:vpc"


async def test_what_only_the_first_requester_was_allowed_is_left_out(desk: Desk) -> None:
    record = await ended(desk, arguments={"ref": "main", "despite": "c" * 40, "reason": "it burns"})
    await again(desk.services, press(record))
    assert dict(desk.engine.begun[0].arguments) == {"ref": "main"}


async def test_a_second_press_begins_nothing_and_the_notice_links_to_what_was_begun(desk: Desk) -> None:
    record = await ended(desk)
    newer = await ended(desk, Status.RUNNING, key=f"again-{record.number}")
    desk.chat.says[AT] = desk.chat.marked[f"{record.number}:end"][1]
    with pytest.raises(UserError, match=f"requested again from this message already: it is #{newer.number}"):
        await again(desk.services, press(record))
    assert not desk.engine.begun


@pytest.mark.parametrize("status", [each for each in ENDED if each not in REPEATABLE])
async def test_nothing_else_is_requested_again(desk: Desk, status: Status) -> None:
    with pytest.raises(UserError, match="cannot be requested again"):
        await again(desk.services, press(await ended(desk, status)))
    assert not desk.engine.begun


@pytest.mark.parametrize("address", [{"channel": "C0OTHER"}, {"message_ts": "1.0"}, {"channel": "", "message_ts": ""}])
async def test_the_button_of_another_message_does_nothing(desk: Desk, address: dict[str, str]) -> None:
    with pytest.raises(UserError, match="does not belong to this message"):
        await again(desk.services, press(await ended(desk), **address))
    assert not desk.engine.begun


async def test_who_may_not_use_it_is_refused_and_recorded(desk: Desk) -> None:
    with pytest.raises(Denied):
        await again(desk.services, press(await ended(desk), "U0GUS"))
    assert await desk.audit_log() == [("U0GUS", "click refused")]


def test_only_kinds_that_there_are_can_be_requested_again() -> None:
    kinds = {kind.name: kind for kind in find_handlers().kinds}
    assert set(AGAIN) <= set(kinds)
    lists_anew = {"plan-stacks", "clean up", "remove orphaned resources"}
    assert all(kinds[name].about or name in lists_anew for name in AGAIN)


@pytest.mark.parametrize(
    ("kind", "environment"),
    [("clean up", "old images"), ("remove orphaned resources", "stuck builders/orphaned resources")],
)
async def test_what_belongs_to_no_environment_is_requested_again_in_its_queue(
    desk: Desk, kind: str, environment: str
) -> None:
    desk.config = read(WATCHED)
    record = await ended(desk, kind=kind, environment=environment, arguments={})
    await again(desk.services, press(record))
    (begun,) = desk.engine.begun
    assert (begun.kind, begun.environment, begun.channel, dict(begun.arguments)) == (kind, environment, "C0OPS", {})
