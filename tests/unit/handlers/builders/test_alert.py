"""The message of a builder that was left running: its cost, its reminders, who holds it, and how it ends by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.config.targets import BUILDERS
from bot.errors import UserError
from bot.operations.registry import Click, Submission
from bot.store.operations import Request, Status
from handlers.builders import alert_buttons
from runners.aws.builders.prices import Prices
from runners.aws.builders.recognition import read_builder
from runners.aws.client import Account
from tests.unit.bot.drawn import read
from tests.unit.handlers.builder_support import (
    NOON,
    Course,
    ended_by_packer,
    lee_terminates,
    pressed,
    stuck,
)
from tests.unit.handlers.conftest import refusal_of
from tests.unit.runners.ec2_world import HOME, answer, refuse

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk

pytestmark = pytest.mark.usefixtures("builders_watched")


async def test_one_that_ends_by_itself_is_followed(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    text = await Course(desk, number, built.instance_id, ended_by_packer(account, built)).run()
    assert "is gone, without Signalbox" in text
    assert "nothing of it was left behind" in text
    assert "told 2026-03-02 12:00 UTC, over 2026-03-02 12:05 UTC" in text


async def test_a_volume_that_stayed_behind_is_told_and_removed_by_a_click(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    course = Course(
        desk, number, built.instance_id, ended_by_packer(account, built, but=built.volumes[1]),
        lambda: lee_terminates(desk, number),
    )  # fmt: skip
    text = await course.run()
    assert f"left something behind: `volume {built.volumes[1]}`" in course.transcript
    assert f"volume `{built.volumes[1]}` deleted" in text
    assert "was gone; what it had left is removed for @lee" in text


async def test_while_aws_does_not_tell_what_is_left_it_is_not_over(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def end_and_refuse() -> None:
        ended_by_packer(account, built)()
        refuse(account.ec2(HOME), "DescribeVolumes", "RequestLimitExceeded", times=1)

    course = Course(desk, number, built.instance_id, end_and_refuse, lambda: None)
    text = await course.run()
    assert "AWS cannot process the request right now" in read(course.shown[-1])
    assert "nothing of it was left behind" in text


async def test_what_it_has_cost_so_far_is_told_where_the_price_list_can_be_read(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    term = {"priceDimensions": {"D": {"unit": "Hrs", "pricePerUnit": {"USD": "0.0832000000"}}}}
    listed = [json.dumps({"terms": {"OnDemand": {"T": term}}})]
    lister = Account((HOME,), attempts=1)
    answer(lister.client("pricing", "us-east-1"), "GetProducts", {"PriceList": listed})
    desk.prices = Prices(lister, desk.clock)
    # Moto does not say what an instance is billed as; EC2 says RunInstances for Linux.
    monkeypatch.setattr(
        "runners.aws.builders.discovery.read_builder",
        lambda *a, **more: replace(read_builder(*a, **more), usage_operation="RunInstances"),
    )
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "left running, 3 h 0 min old, about $0.25 so far" in read(course.shown[-1])
    assert "about $0.25 so far" in course.shown[-1].text


@pytest.mark.slow("a day of checks, each of which asks EC2 for all that belongs to the builder")
async def test_it_reminds_at_growing_intervals_and_not_while_snoozed(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    quiet = [lambda: None] * 150
    course = Course(desk, number, built.instance_id, *quiet)
    with pytest.raises(TimeoutError):
        await course.run()
    assert len(course.thread) == 3  # after 1 h, 3 h and 7 h of the 12.5 hours
    snoozed = Course(
        desk, number, built.instance_id,
        lambda: alert_buttons.snooze(desk.services, pressed(number, "U0ANA", "builder-snooze-4h")), *quiet[:40],
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        await snoozed.run()
    assert "snoozed by @ana until" in read(snoozed.shown[-1])
    assert snoozed.thread == []


async def test_until_tomorrow_is_nine_o_clock_where_the_person_is(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = await stuck(desk, account, monkeypatch)
    await alert_buttons.snooze(desk.services, pressed(number, "U0ANA", "builder-snooze-tomorrow"))
    (note,) = await desk.annotations.values_of(number, "snooze")
    until = datetime.fromtimestamp(float(note.split(" ")[1]), UTC)
    assert until == datetime(NOON.year, NOON.month, NOON.day + 1, 17, tzinfo=UTC)  # her clock is 8 hours behind


async def test_mine_holds_it_for_so_many_hours(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    await alert_buttons.mine(desk.services, pressed(number, "U0MAX", "builder-mine"))
    view = desk.chat.views[-1]
    answer = Submission("U0MAX", "builder-claim", view["private_metadata"], {"hours": "4"}, "k")
    assert await alert_buttons.claimed(desk.services, answer) == {}
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "belongs to @max until" in read(course.shown[-1])
    wrong = Submission("U0MAX", "builder-claim", view["private_metadata"], {"hours": "9999"}, "k")
    assert "hours" in await alert_buttons.claimed(desk.services, wrong)


@pytest.mark.parametrize("value", ["", "x", "-1", "1 or 1", "9" * 40, "²", "0"])
async def test_a_button_with_another_value_does_nothing(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    await stuck(desk, account, monkeypatch)
    for handle in (alert_buttons.terminate, alert_buttons.snooze, alert_buttons.mine):
        click = Click("U0LEE", "C0OPS", "5.0", "builder-snooze-1h", value, "1.2", "")
        assert "do not know this operation" in await refusal_of(desk, handle(desk.services, click))
    assert (desk.engine.woken, desk.chat.views) == ([], [])


async def test_one_that_is_over_takes_no_more_clicks(desk: Desk) -> None:
    request = Request("k", "builder", f"{BUILDERS}/i-1", "signalbox", "Builder i-1", "C0OPS", {})
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "5.0")
    await desk.operations.set_status(number, Status.SUCCEEDED)
    with pytest.raises(UserError, match="is over already"):
        await alert_buttons.snooze(desk.services, pressed(number, "U0LEE", "builder-snooze-1h"))
