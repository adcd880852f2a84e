"""A clean-up of images: surveyed, chosen, approved, looked at again, removed; EC2 is moto."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.access.policy import target_of
from bot.config import read as read_config
from bot.config.targets import IMAGES
from bot.errors import Denied, UserError
from bot.operations.registry import Click, Submission
from bot.slack.blocks.common import ApprovalView, Head
from bot.slack.client import Posted
from bot.store.approvals import Outcome
from bot.store.operations import Request, Status
from handlers.images import clean_up, image_list
from handlers.shared.requests import PLANNED_IMAGE
from runners.results import ImageList, OrphanedImageResources, OrphanedSnapshot
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.conftest import FILE
from tests.unit.runners.ec2_world import HOME, image, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

KEEPS_ONE = FILE.replace(
    "images: {workflow: build.yml}", "images: {workflow: build.yml, keep: {newest: 1, younger_than: 1s}}"
)
DISABLES = KEEPS_ONE.replace("younger_than: 1s", "younger_than: 1s, disable_first: 2d")
LONG_AFTER = 4_000_000_000.0  # moto's images are made now


@pytest.fixture
def account(desk: Desk, account: Account) -> Account:
    desk.config, desk.now = read_config(KEEPS_ONE), LONG_AFTER
    return account


def three_images(account: Account, name_tag: str = "backend-staging") -> list[str]:
    """The oldest first; only the last one is kept by the rule."""
    return [image(account, name_tag, datetime(2026, 11, day, tzinfo=UTC)) for day in (1, 2, 3)]


def there(account: Account) -> set[str]:
    return {
        describe_image["ImageId"] for describe_image in account.ec2(HOME).describe_images(Owners=["self"])["Images"]
    }


class CleanUp:
    """The operation; `decide` is called for each question, and gives how it was settled."""

    def __init__(self, desk: Desk, number: int, *decide: Callable[[Message], Awaitable[Outcome] | Outcome]) -> None:
        self.services, self.number = desk.services, number
        self.head = Head(number, "Clean up old images", IMAGES, "U0ANA")
        self.target, self.at = target_of(desk.config, IMAGES), Posted("C0OPS", "5.0")
        self.shown: list[Message] = []
        self.ended: tuple[Status, Message] | None = None
        self.bindings: list[str] = []
        self._desk, self._decide = desk, list(decide)
        cast("Any", self.services.engine).wait = self._wait

    async def _wait(self, seconds: float) -> None:
        self._desk.now += seconds
        if self._desk.later:
            await self._desk.later.pop(0)()

    async def step(self, _: str, function: Any) -> Any:
        return await function()

    async def show(self, _: str, message: Message, __: Status, ___: str = "") -> None:
        self.shown.append(message)

    async def audit(self, action: str, **detail: str) -> None:
        assert action
        assert all(isinstance(value, str) for value in detail.values())

    async def approved(self, binding: str, required: int, render: Callable[[ApprovalView], Message]) -> ApprovalView:
        assert required == 1
        self.bindings.append(binding)
        view = ApprovalView("id", required, "pending", (), self._desk.now + 60, "<!subteam^S0LEADS>")
        message = render(view)
        self.shown.append(message)
        await self._desk.operations.set_status(self.number, Status.APPROVAL)
        outcome = self._decide.pop(0)(message)
        finished = outcome if isinstance(outcome, Outcome) else await outcome
        return replace(view, outcome=finished.value)

    async def end(self, status: Status, message: Message, *, outcome: str = "") -> None:
        del outcome
        self.ended = (status, message)

    async def run(self) -> str:
        await clean_up.clean_up(cast("Operation", self))
        assert self.ended is not None
        return read(self.ended[1])


async def begun(desk: Desk) -> int:
    number = await desk.operations.create(Request("k", "clean up", IMAGES, "U0ANA", "Clean up", "C0OPS", {}))
    await desk.operations.set_message(number, "C0OPS", "5.0")
    return number


def pressed(number: int, user: str, action: str) -> Click:
    return Click(user, "C0OPS", "5.0", action, str(number), "1.2", "")


async def test_what_is_free_goes_and_what_is_kept_stays(desk: Desk, account: Account) -> None:
    first, second, newest = three_images(account)
    course = CleanUp(desk, await begun(desk), lambda _: Outcome.APPROVED)
    text = await course.run()
    asked = read(course.shown[0])
    assert "2 images may go" in asked
    assert first in asked
    assert newest not in asked
    assert "2 of 2 removed" in text
    assert there(account) == {newest}
    protected = account.ec2(HOME).describe_images(ImageIds=[newest])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]
    snapshots = account.ec2(HOME).describe_snapshots(OwnerIds=["self"])["Snapshots"]
    assert [snapshot["SnapshotId"] for snapshot in snapshots] == [protected["SnapshotId"]]
    assert second not in there(account)


@pytest.mark.parametrize(("outcome", "said"), [(Outcome.REJECTED, "rejected"), (Outcome.EXPIRED, "expired")])
async def test_without_approval_nothing_goes(desk: Desk, account: Account, outcome: Outcome, said: str) -> None:
    made = three_images(account)
    text = await CleanUp(desk, await begun(desk), lambda _: outcome).run()
    assert f"{said}, nothing was removed" in text
    assert there(account) == set(made)


async def test_nothing_to_do_is_said(desk: Desk, account: Account) -> None:
    del account
    assert "nothing may go" in await CleanUp(desk, await begun(desk)).run()


async def test_a_choice_makes_it_a_new_question_and_what_is_spared_stays(desk: Desk, account: Account) -> None:
    first, _, newest = three_images(account)
    number = await begun(desk)

    async def spare(_: Message) -> Outcome:
        await desk.asked(IMAGES, channel="C0OPS", message_ts="5.0")
        await clean_up.choose(desk.services, pressed(number, "U0LEE", "choose-images"))
        view = desk.chat.views[-1]
        values = {"stay": first}
        assert (
            await clean_up.chosen(desk.services, Submission("U0LEE", "c", view["private_metadata"], values, "k")) == {}
        )
        return Outcome.SUPERSEDED

    course = CleanUp(desk, number, spare, lambda _: Outcome.APPROVED)
    await course.run()
    assert "1 image may go" in read(course.shown[1])
    assert course.bindings[0] != course.bindings[1]
    assert there(account) == {first, newest}


async def test_letting_everything_stay_is_no_choice(desk: Desk, account: Account) -> None:
    made = three_images(account)
    number = await begun(desk)

    async def spare_all(_: Message) -> Outcome:
        values = {"stay": ",".join(made[:2])}
        faults = await clean_up.chosen(desk.services, Submission("U0LEE", "c", str(number), values, "k"))
        assert "reject the clean-up instead" in faults["stay"]
        return Outcome.REJECTED

    await CleanUp(desk, number, spare_all).run()


async def test_who_may_not_approve_may_not_choose(desk: Desk, account: Account) -> None:
    three_images(account)
    number = await begun(desk)
    await desk.operations.set_status(number, Status.APPROVAL)
    with pytest.raises(Denied):
        await clean_up.choose(desk.services, pressed(number, "U0ANA", "choose-images"))
    await desk.operations.set_status(number, Status.SUCCEEDED)
    with pytest.raises(UserError, match="too late"):
        await clean_up.choose(desk.services, pressed(number, "U0LEE", "choose-images"))


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
    assert "left alone" in text
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
        await clean_up.take_back(desk.services, pressed(number, "U0LEE", "undo-clean-up"))

    desk.later.append(take_back)
    course = CleanUp(desk, number, lambda _: Outcome.APPROVED)
    text = await course.run()
    assert "taken back by @lee; nothing was removed" in text
    assert any("undo-clean-up" in buttons(message) for message in course.shown)
    assert there(account) == set(made)
    assert switched == [*(("disable", one) for one in made[:2]), *(("enable", one) for one in made[:2])]


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
    ec2, seen = account.ec2(HOME), list[tuple[str, str]]()
    off: set[str] = set()
    describe = ec2.describe_images

    def described(**asked: Any) -> Any:
        answer = describe(**asked)
        for one in answer["Images"]:
            one["State"] = "disabled" if one["ImageId"] in off else one["State"]
        return answer

    def disable(*, ImageId: str, **_: Any) -> Any:  # noqa: N803  -- boto3's own name
        seen.append(("disable", ImageId))
        off.add(ImageId)
        return {"Return": True}

    def enable(*, ImageId: str, **_: Any) -> Any:  # noqa: N803  -- boto3's own name
        seen.append(("enable", ImageId))
        off.discard(ImageId)
        return {"Return": True}

    for name, function in (("describe_images", described), ("disable_image", disable), ("enable_image", enable)):
        monkeypatch.setattr(ec2, name, function)
    return seen


async def test_the_page_leads_to_one_clean_up_and_a_schedule_proposes_one(desk: Desk, account: Account) -> None:
    three_images(account)
    page = await image_list.topic(desk.services, cast("Any", None), ())
    assert "3 images, 2 may go" in read(page)
    assert buttons(page) == ["clean-up-images"]
    for _ in range(2):
        await image_list.clean_up(desk.services, pressed(0, "U0ANA", "clean-up-images"))
    assert len({request.key for request in desk.engine.begun}) == 1
    watched = read_config(KEEPS_ONE + "watch: {images: {every: 7d}}\n")
    (task,) = image_list.PERIODIC_TASKS
    assert {target: interval.days for target, interval in task.intervals(watched).items()} == {IMAGES: 7}
    assert task.intervals(desk.config) == {}


def test_the_snapshots_of_one_image_that_is_no_more_go_together() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    ends = [OrphanedSnapshot(HOME, "snap-1", "ami-1", 15, at), OrphanedSnapshot(HOME, "snap-2", "ami-1", 8, at),
            OrphanedSnapshot(HOME, "snap-3", "ami-2", 4, at)]  # fmt: skip
    seen = image_list.ImageSnapshot(ImageList(()), OrphanedImageResources(tuple(ends), ()))
    assert [(candidate.removal.image_id, candidate.size_gb) for candidate in seen.candidates] == [
        ("ami-1", 23),
        ("ami-2", 4),
    ]


async def test_the_page_can_be_of_a_machine_or_an_environment(desk: Desk, account: Account) -> None:
    first, _, newest = three_images(account)
    for said in (("backend",), ("staging",), ("staging", "backend")):
        page = await image_list.topic(desk.services, cast("Any", None), said)
        assert first in read(page)
        assert newest in read(page)
    with pytest.raises(UserError, match="did you mean “backend”"):
        await image_list.topic(desk.services, cast("Any", None), ("backnd",))
