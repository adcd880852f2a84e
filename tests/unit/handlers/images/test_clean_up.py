"""A clean-up of images: surveyed, chosen, approved, checked again, removed; EC2 is moto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.config.targets import IMAGES
from bot.operations.registry import Submission
from bot.store.approvals import Outcome
from bot.store.operations import Request, Status
from handlers.images import clean_up_buttons, image_list
from handlers.shared.requests import PLANNED_IMAGE
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.clean_up_support import (
    DISABLES,
    CleanUp,
    begun,
    pressed,
    there,
    three_images,
)
from tests.unit.handlers.conftest import refusal_of
from tests.unit.runners.ec2_world import HOME, refuse

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk


async def test_what_is_free_goes_and_what_is_kept_stays(desk: Desk, account: Account) -> None:
    first, second, newest = three_images(account)
    course = CleanUp(desk, await begun(desk), lambda _: Outcome.APPROVED)
    text = await course.run()
    asked = read(course.shown[0])
    assert "2 images can be deleted" in asked
    assert first in asked
    assert newest not in asked
    assert "2 of 2 removed" in text
    assert there(account) == {newest}
    protected = account.ec2(HOME).describe_images(ImageIds=[newest])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]
    snapshots = account.ec2(HOME).describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [snapshot["SnapshotId"] for snapshot in snapshots] == [protected["SnapshotId"]]
    assert second not in there(account)


@pytest.mark.parametrize(("outcome", "rendered"), [(Outcome.REJECTED, "rejected"), (Outcome.EXPIRED, "expired")])
async def test_without_approval_nothing_goes(desk: Desk, account: Account, outcome: Outcome, rendered: str) -> None:
    made = three_images(account)
    text = await CleanUp(desk, await begun(desk), lambda _: outcome).run()
    assert f"{rendered}, nothing was removed" in text
    assert there(account) == set(made)


async def test_nothing_to_do_is_said(desk: Desk, account: Account) -> None:
    del account
    assert "nothing can be deleted" in await CleanUp(desk, await begun(desk)).run()


async def test_a_choice_makes_it_a_new_question_and_what_is_spared_stays(desk: Desk, account: Account) -> None:
    first, _, newest = three_images(account)
    number = await begun(desk)

    async def spare(_: Message) -> Outcome:
        await desk.asked(IMAGES, channel="C0OPS", message_ts="5.0")
        await clean_up_buttons.choose(desk.services, pressed(number, "U0LEE", "choose-images"))
        view = desk.chat.views[-1]
        values = {"stay": first}
        assert (
            await clean_up_buttons.chosen(
                desk.services, Submission("U0LEE", "c", view["private_metadata"], values, "k")
            )
            == {}
        )
        return Outcome.SUPERSEDED

    course = CleanUp(desk, number, spare, lambda _: Outcome.APPROVED)
    await course.run()
    assert "1 image can be deleted" in read(course.shown[1])
    assert course.bindings[0] != course.bindings[1]
    assert there(account) == {first, newest}


async def test_letting_everything_stay_is_no_choice(desk: Desk, account: Account) -> None:
    made = three_images(account)
    number = await begun(desk)

    async def spare_all(_: Message) -> Outcome:
        values = {"stay": ",".join(made[:2])}
        faults = await clean_up_buttons.chosen(desk.services, Submission("U0LEE", "c", str(number), values, "k"))
        assert "reject the clean-up instead" in faults["stay"]
        return Outcome.REJECTED

    await CleanUp(desk, number, spare_all).run()


async def test_who_may_not_approve_may_not_choose(desk: Desk, account: Account) -> None:
    three_images(account)
    number = await begun(desk)
    await desk.operations.set_status(number, Status.APPROVAL)
    denied = clean_up_buttons.choose(desk.services, pressed(number, "U0ANA", "choose-images"))
    assert "You may not approve" in await refusal_of(desk, denied)
    await desk.operations.set_status(number, Status.SUCCEEDED)
    late = clean_up_buttons.choose(desk.services, pressed(number, "U0LEE", "choose-images"))
    assert "too late" in await refusal_of(desk, late)


async def test_one_that_came_into_use_is_left_alone(desk: Desk, account: Account) -> None:
    first, second, newest = three_images(account)

    def in_use(_: Message) -> Outcome:
        account.ec2(HOME).run_instances(ImageId=first, MinCount=1, MaxCount=1)
        return Outcome.APPROVED

    text = await CleanUp(desk, await begun(desk), in_use).run()
    assert "1 of 2 removed" in text
    assert "used by instance" in text
    assert there(account) == {first, newest}
    assert second not in there(account)


async def test_one_that_a_waiting_plan_names_is_not_offered(desk: Desk, account: Account) -> None:
    first, second, _ = three_images(account)
    plan = await desk.operations.create(Request("p", "plan", "staging", "U0ANA", "Plan staging", "C0STAGING", {}))
    await desk.operations.set_status(plan, Status.APPROVAL)
    await desk.annotations.add(plan, PLANNED_IMAGE, first)
    page = await image_list.topic(desk.services, cast("Any", None), ())
    assert f"named in the plan #{plan}" in read(page)
    course = CleanUp(desk, await begun(desk), lambda _: Outcome.REJECTED)
    await course.run()
    assert first not in read(course.shown[0])
    assert second in read(course.shown[0])


async def test_what_aws_refuses_is_said_with_its_reason(desk: Desk, account: Account) -> None:
    made = three_images(account)
    refuse(account.ec2(HOME), "DeregisterImage", "UnauthorizedOperation", message="not authorized")
    text = await CleanUp(desk, await begun(desk), lambda _: Outcome.APPROVED).run()
    assert "0 of 2 removed" in text
    assert "⚠️ not removed" in text
    assert there(account) == set(made)


async def test_disabled_first_it_can_be_taken_back(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, number = three_images(account), 0
    desk.config = read_config(DISABLES)
    switched = switching(account, monkeypatch)
    number = await begun(desk)

    async def take_back() -> None:
        await desk.operations.set_status(number, Status.RUNNING)
        await clean_up_buttons.take_back(desk.services, pressed(number, "U0LEE", "undo-clean-up"))

    desk.later.append(take_back)
    course = CleanUp(desk, number, lambda _: Outcome.APPROVED)
    text = await course.run()
    assert "taken back by @lee; nothing was removed" in text
    assert any("undo-clean-up" in buttons(message) for message in course.shown)
    assert there(account) == set(made)
    assert switched == [*(("disable", item) for item in made[:2]), *(("enable", item) for item in made[:2])]


async def test_disabled_first_it_goes_when_the_time_is_over(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = three_images(account)
    desk.config = read_config(DISABLES)
    switching(account, monkeypatch)
    began = desk.now
    text = await CleanUp(desk, await begun(desk), lambda _: Outcome.APPROVED).run()
    assert desk.now >= began + 2 * 86_400
    assert "2 of 2 removed" in text
    assert there(account) == {made[2]}


def switching(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Moto neither disables nor enables images: this does, and notes it."""
    ec2, observed = account.ec2(HOME), list[tuple[str, str]]()
    off: set[str] = set()
    describe = ec2.describe_images

    def described(**asked: Any) -> Any:
        answer = describe(**asked)
        for item in answer["Images"]:
            item["State"] = "disabled" if item["ImageId"] in off else item["State"]
        return answer

    def disable(*, ImageId: str, **_: Any) -> Any:  # noqa: N803  -- boto3's own name
        observed.append(("disable", ImageId))
        off.add(ImageId)
        return {"Return": True}

    def enable(*, ImageId: str, **_: Any) -> Any:  # noqa: N803  -- boto3's own name
        observed.append(("enable", ImageId))
        off.discard(ImageId)
        return {"Return": True}

    for name, function in (("describe_images", described), ("disable_image", disable), ("enable_image", enable)):
        monkeypatch.setattr(ec2, name, function)
    return observed
