"""Terminating a builder from its message: by whom, what of it goes, and what AWS or a job that runs again prevents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.errors import Denied
from bot.operations.registry import Submission
from bot.store.operations import Status
from handlers.builders import alert_buttons, watch as builder_watch
from runners.results import State
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.builder_support import (
    Course,
    a_run,
    github,
    lee_terminates,
    pressed,
    stuck,
)
from tests.unit.handlers.conftest import FILE, MONDAY_NOON
from tests.unit.runners.ec2_world import HOME, calls_of, refuse

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

pytestmark = pytest.mark.usefixtures("builders_watched")


async def test_terminate_ends_it_with_all_that_belongs_to_it(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    course = Course(
        desk, number, built.instance_id,
        lambda: lee_terminates(desk, number),
    )  # fmt: skip
    text = await course.run()
    assert course.ended is not None
    assert course.ended[0] is Status.SUCCEEDED
    assert "terminated for @lee" in text
    assert f"instance `{built.instance_id}` terminated" in text
    assert f"key pair `{built.key}` deleted" in text
    assert "security group" in text
    ec2 = account.ec2(HOME)
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    assert [
        item["State"]["Name"] for held in ec2.describe_instances()["Reservations"] for item in held["Instances"]
    ] == ["terminated"]
    assert ("U0LEE", "terminate builder") in await desk.audit_log()


async def test_a_builder_whose_job_runs_again_is_not_terminated(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def press() -> Any:
        github(monkeypatch, a_run(State.RUNNING))
        desk.now = MONDAY_NOON - 3_600  # the longest build is not over
        return lee_terminates(desk, number)

    course = Course(desk, number, built.instance_id, press)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "not terminated: its job build (backend, staging) still runs" in read(course.shown[-1])
    states = [item["State"]["Name"] for held in account.ec2(HOME).describe_instances()["Reservations"] for item in held["Instances"]]  # fmt: skip
    assert states == ["running"]


async def test_what_only_looks_like_a_builder_has_no_button_to_terminate_it(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch, key="team", description="ours", group_name="ours")
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "builder-terminate" not in buttons(course.shown[-1])
    assert "neither Packer's key pair nor its security group" in read(course.shown[-1])


async def test_what_protects_it_is_told_and_it_stays(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    refuse(account.ec2(HOME), "TerminateInstances", "OperationNotPermitted")
    course = Course(
        desk, number, built.instance_id,
        lambda: lee_terminates(desk, number),
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        await course.run()
    text = read(course.shown[-1])
    assert "termination protection is switched on" in text
    assert "builder-terminate" in buttons(course.shown[-1])


async def test_a_region_that_is_denied_is_told_and_nothing_is_done(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def deny() -> Any:
        refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
        return lee_terminates(desk, number)

    course = Course(desk, number, built.instance_id, deny)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "AWS forbids DescribeInstances" in read(course.shown[-1])
    assert course.ended is None
    page = read(await builder_watch.topic(desk.services, cast("Any", None), ()))
    assert "Could not be read: builders in us-west-2" in page


async def test_aws_that_fails_in_the_middle_is_told_and_what_is_left_goes_later_on_the_same_word(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def down() -> Any:
        # It is checked for the message and before it is terminated; then AWS is gone for a while.
        refuse(account.ec2(HOME), "DescribeKeyPairs", "ServiceUnavailable", times=1)
        calls = iter(range(9))

        def third(**_: Any) -> Any:
            if next(calls, 9) != 2:
                return None
            body = {
                "Error": {"Code": "ServiceUnavailable", "Message": "down"},
                "ResponseMetadata": {"HTTPStatusCode": 503},
            }
            return SimpleNamespace(status_code=503), body

        account.ec2(HOME).meta.events.register_first("before-call.ec2.DescribeInstances", third)
        return lee_terminates(desk, number)

    course = Course(desk, number, built.instance_id, down, lambda: None, lambda: None)
    text = await course.run()
    assert "AWS cannot process the request right now" in course.transcript
    assert "terminated for @lee" in text
    assert account.ec2(HOME).describe_key_pairs()["KeyPairs"] == []
    assert account.ec2(HOME).describe_volumes()["Volumes"] == []


async def test_two_presses_terminate_once(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    async def press_twice() -> None:
        for user in ("U0LEE", "U0MAX"):
            await alert_buttons.terminate(desk.services, pressed(number, user, "builder-terminate"))

    calls = calls_of(account.ec2(HOME))
    text = await Course(desk, number, built.instance_id, press_twice).run()
    assert "terminated for @lee" in text
    assert [name for name, _ in calls].count("TerminateInstances") == 1


@pytest.mark.parametrize(("user", "answer"), [("U0ANA", "may not approve"), ("U0GUS", "may not run")])
async def test_who_may_not_terminate_is_refused(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, user: str, answer: str
) -> None:
    number, _ = await stuck(desk, account, monkeypatch)
    with pytest.raises(Denied, match=answer):
        await alert_buttons.terminate(desk.services, pressed(number, user, "builder-terminate"))
    assert desk.engine.woken == []


async def test_it_is_terminated_by_itself_where_the_configuration_says_so_and_nobody_claims_it(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = read_config(FILE + "watch: {builders: {every: 5m, terminate: after 1h}}\n")
    number, built = await stuck(desk, account, monkeypatch)
    text = await Course(desk, number, built.instance_id, *[lambda: None] * 13).run()
    assert "terminated by itself, as the configuration says" in text


async def test_it_is_not_terminated_by_itself_while_nobody_knows_whether_its_job_runs(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = read_config(FILE + "watch: {builders: {every: 5m, terminate: after 1h, longest_build: 6h}}\n")
    number, built = await stuck(desk, account, monkeypatch)
    github(monkeypatch, fails=True)
    course = Course(desk, number, built.instance_id, *[lambda: None] * 20)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "GitHub did not tell which jobs ran" in read(course.shown[-1])
    again = Course(desk, number, built.instance_id, *[lambda: None] * 40)
    assert "terminated by itself" in await again.run()  # six hours after it began, no build runs any more


async def test_one_that_is_claimed_is_not_terminated_by_itself(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = read_config(FILE + "watch: {builders: {every: 5m, terminate: after 1h}}\n")
    number, built = await stuck(desk, account, monkeypatch)
    claim = Submission("U0MAX", "builder-claim", str(number), {"hours": "4"}, "k")
    assert await alert_buttons.claimed(desk.services, claim) == {}
    course = Course(desk, number, built.instance_id, *[lambda: None] * 30)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "belongs to @max until" in read(course.shown[-1])
