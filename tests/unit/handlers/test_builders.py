"""Builders that were left running: found, told once, held, terminated, followed; EC2 is moto, the clock the test's."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto import mock_aws

from bot.blocks.operation import Head
from bot.commands import Click, Submission
from bot.config import read as read_config
from bot.config.places import BUILDERS
from bot.errors import Denied, UserError
from bot.operations import Request, Status
from bot.policy import place_of
from handlers.builders import (
    alert as builder_alert,
    buttons as builder_buttons,
    left as builder_left,
    watch as builder_watch,
)
from runners.aws import Account
from runners.builders.prices import Prices
from runners.builders.reading import read_builder
from runners.errors import UnavailableError
from runners.github import past_runs
from runners.results import Job, State, WorkflowRun
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.conftest import FILE, MONDAY_NOON
from tests.unit.runners.ec2_world import HOME, Built, answer, build, calls_of, launched_at, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bot.blocks.kit import Message
    from bot.operation import Operation
    from tests.unit.handlers.conftest import Desk

NOON = datetime.fromtimestamp(MONDAY_NOON, UTC)
WATCHED = FILE + "watch: {builders: {every: 5m}}\n"


@pytest.fixture
def account(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws():
        desk.config = read_config(WATCHED)
        desk.account = Account((HOME,), attempts=1)
        desk.prices = Prices(desk.account, desk.clock)
        refuse(desk.account.client("pricing", "us-east-1"), "GetProducts", "AccessDeniedException")
        yield desk.account


def a_builder(account: Account, *, ago: timedelta = timedelta(hours=3), **more: Any) -> Built:
    built = build(account, NOON - ago, **more)
    launched_at(built.instance_id, NOON - ago)
    return built


def github(monkeypatch: pytest.MonkeyPatch, *runs: WorkflowRun, fails: bool = False) -> None:
    async def listed(*_: Any) -> tuple[WorkflowRun, ...]:
        if fails:
            raise UnavailableError("listing the runs", "GitHub cannot be reached")
        return runs

    monkeypatch.setattr(past_runs, "runs_since", listed)


def a_run(state: State, *, began: timedelta = timedelta(hours=3, minutes=5)) -> WorkflowRun:
    start, end = NOON - began, NOON - timedelta(hours=2)
    ended = end if state.ended else None
    job = Job(7, "build (backend, staging)", state, "https://github.com/o/r/job/7", start, ended)
    url = "https://github.com/o/r/actions/runs/10"
    return WorkflowRun("o/r", 10, 3, 1, "Build images", "a" * 40, state, url, start, (job,), ended)


class Course:
    """The operation of a builder's message; waiting passes the time and lets the next thing happen."""

    def __init__(self, desk: Desk, number: int, instance: str, *happen: Callable[[], Any]) -> None:
        self.services, self.number = desk.services, number
        self.head = Head(number, f"Builder {instance}", f"{BUILDERS}/{instance}", "signalbox")
        self.record = SimpleNamespace(arguments={"region": HOME, "instance": instance})
        self.shown: list[Message] = []
        self.thread: list[Message] = []
        self.ended: tuple[Status, Message] | None = None
        self._desk, self._happen = desk, list(happen)
        cast("Any", self.services.engine).wait = self._wait

    async def _wait(self, seconds: float) -> None:
        self._desk.now += seconds
        if not self._happen:
            raise TimeoutError("nothing more happens, and it still waits")
        if result := self._happen.pop(0)():
            await result

    async def step(self, _: str, function: Any) -> Any:
        return await function()

    async def show(self, _: str, message: Message, status: Status, __: str = "") -> None:
        assert status is Status.RUNNING
        self.shown.append(message)

    async def details(self, _: str, message: Message) -> None:
        self.thread.append(message)

    async def audit(self, action: str, **detail: str) -> None:
        await self.services.audit.record(cast("Any", SimpleNamespace(
            actor="signalbox", action=action, environment=BUILDERS, operation=self.number, detail=detail)))  # fmt: skip

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(show=lambda draw: self.shown.append(draw()))

    def approvers(self) -> str:
        return "<!subteam^S0LEADS>"

    async def end(self, status: Status, message: Message, *, outcome: str = "", timed: bool = True) -> None:
        assert outcome
        assert not timed
        self.ended = (status, message)

    @property
    def said(self) -> str:
        """All that its message ever showed."""
        return "\n".join(read(message) for message in self.shown)

    async def run(self) -> str:
        """Follow it to its end; what its message says then."""
        await builder_alert.alert(cast("Operation", self))
        assert self.ended is not None
        return read(self.ended[1])


async def told(desk: Desk) -> int:
    """The number of the one message that was begun."""
    (request,) = desk.engine.begun
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "5.0")
    return number


def pressed(number: int, user: str, action: str) -> Click:
    return Click(user, "C0OPS", "5.0", action, str(number), "1.2", "")


async def test_a_builder_whose_run_has_ended_is_told_once(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = a_builder(account)
    github(monkeypatch, a_run(State.FAILED))
    await builder_watch.look_after(desk.services)
    number = await told(desk)
    request = desk.engine.begun[0]
    assert (request.kind, request.environment) == ("builder", f"{BUILDERS}/{built.instance_id}")
    assert place_of(desk.config, request.environment).name == BUILDERS
    await builder_watch.look_after(desk.services)
    assert len(desk.engine.begun) == 1
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    text = read(course.shown[-1])
    for part in (built.instance_id, "left running, 3 h 0 min old", "build (backend, staging) (failed)", "run 3", "aaaaaaa", "only one job ran then", built.key):  # fmt: skip
        assert part in text, part
    assert buttons(course.shown[-1])[0] == "builder-terminate"


async def test_a_builder_whose_job_still_runs_is_left_alone_until_no_build_takes_so_long(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account, ago=timedelta(hours=2))
    github(monkeypatch, a_run(State.RUNNING, began=timedelta(hours=2, minutes=1)))
    await builder_watch.look_after(desk.services)
    assert desk.engine.begun == []
    page = read(await builder_watch.topic(desk.services, cast("Any", None), ()))
    assert "1 builder, 0 stuck" in page
    assert "works" in page
    desk.now += 3_700
    await builder_watch.look_after(desk.services)
    assert len(desk.engine.begun) == 1


async def test_without_github_nobody_is_accused_before_the_time(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account, ago=timedelta(minutes=40))
    github(monkeypatch, fails=True)
    await builder_watch.look_after(desk.services)
    assert desk.engine.begun == []
    page = read(await builder_watch.topic(desk.services, cast("Any", None), ()))
    assert "GitHub's runs could not be read" in page
    desk.now += 600
    await builder_watch.look_after(desk.services)
    assert len(desk.engine.begun) == 1


async def stuck(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[int, Built]:
    built = a_builder(account, **more)
    github(monkeypatch, a_run(State.CANCELLED))
    await builder_watch.look_after(desk.services)
    return await told(desk), built


async def test_terminate_ends_it_with_all_that_belongs_to_it(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    course = Course(
        desk, number, built.instance_id,
        lambda: builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate")),
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
    assert [one["State"]["Name"] for held in ec2.describe_instances()["Reservations"] for one in held["Instances"]] == [
        "terminated"
    ]
    assert ("U0LEE", "terminate builder") in await desk.trail()


async def test_a_builder_whose_job_runs_again_is_not_terminated(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def press() -> Any:
        github(monkeypatch, a_run(State.RUNNING))
        desk.now = MONDAY_NOON - 3_600  # the longest build is not over
        return builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate"))

    course = Course(desk, number, built.instance_id, press)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "not terminated: its job build (backend, staging) still runs" in read(course.shown[-1])
    states = [one["State"]["Name"] for held in account.ec2(HOME).describe_instances()["Reservations"] for one in held["Instances"]]  # fmt: skip
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
        lambda: builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate")),
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        await course.run()
    text = read(course.shown[-1])
    assert "termination protection is switched on" in text
    assert "builder-terminate" in buttons(course.shown[-1])


def ended_by_packer(account: Account, built: Built, *, but: str = "") -> Callable[[], None]:
    def end() -> None:
        ec2 = account.ec2(HOME)
        ec2.terminate_instances(InstanceIds=[built.instance_id])
        ec2.delete_key_pair(KeyName=built.key)
        ec2.delete_security_group(GroupId=built.group_id)
        for one in ec2.describe_volumes()["Volumes"]:
            if one["VolumeId"] in built.volumes and one["VolumeId"] != but:
                ec2.delete_volume(VolumeId=one["VolumeId"])

    return end


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
        lambda: builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate")),
    )  # fmt: skip
    text = await course.run()
    assert f"left something behind: `volume {built.volumes[1]}`" in course.said
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
    assert "AWS asks for patience" in read(course.shown[-1])
    assert "nothing of it was left behind" in text


async def test_a_region_that_is_denied_is_told_and_nothing_is_done(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    def deny() -> Any:
        refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
        return builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate"))

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
        # It is looked at for the message and before it is terminated; then AWS is gone for a while.
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
        return builder_buttons.terminate(desk.services, pressed(number, "U0LEE", "builder-terminate"))

    course = Course(desk, number, built.instance_id, down, lambda: None, lambda: None)
    text = await course.run()
    assert "AWS asks for patience" in course.said
    assert "terminated for @lee" in text
    assert account.ec2(HOME).describe_key_pairs()["KeyPairs"] == []
    assert account.ec2(HOME).describe_volumes()["Volumes"] == []


async def test_two_presses_terminate_once(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    number, built = await stuck(desk, account, monkeypatch)

    async def press_twice() -> None:
        for user in ("U0LEE", "U0MAX"):
            await builder_buttons.terminate(desk.services, pressed(number, user, "builder-terminate"))

    calls = calls_of(account.ec2(HOME))
    text = await Course(desk, number, built.instance_id, press_twice).run()
    assert "terminated for @lee" in text
    assert [name for name, _ in calls].count("TerminateInstances") == 1


@pytest.mark.parametrize("value", ["", "x", "-1", "1 or 1", "9" * 40, "²", "0"])
async def test_a_button_with_another_value_does_nothing(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    await stuck(desk, account, monkeypatch)
    for handle in (builder_buttons.terminate, builder_buttons.snooze, builder_buttons.mine):
        with pytest.raises(UserError, match="do not know this operation"):
            await handle(desk.services, Click("U0LEE", "C0OPS", "5.0", "builder-snooze-1h", value, "1.2", ""))
    assert (desk.engine.woken, desk.chat.views) == ([], [])


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
        "runners.builders.finding.read_builder",
        lambda *a, **more: replace(read_builder(*a, **more), usage_operation="RunInstances"),
    )
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "left running, 3 h 0 min old, about $0.25 so far" in read(course.shown[-1])
    assert "about $0.25 so far" in course.shown[-1].text


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
        lambda: builder_buttons.snooze(desk.services, pressed(number, "U0ANA", "builder-snooze-4h")), *quiet[:40],
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        await snoozed.run()
    assert "snoozed by @ana until" in read(snoozed.shown[-1])
    assert snoozed.thread == []


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
    assert await builder_buttons.claimed(desk.services, claim) == {}
    course = Course(desk, number, built.instance_id, *[lambda: None] * 30)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "belongs to @max until" in read(course.shown[-1])


async def test_without_an_image_workflow_that_is_said_plainly(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = read_config(WATCHED.replace("images: {workflow: build.yml}\n", ""))
    number, built = await stuck(desk, account, monkeypatch)
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "not known: signalbox.yaml has no images section" in read(course.shown[-1])


async def test_mine_holds_it_for_so_many_hours(desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    number, built = await stuck(desk, account, monkeypatch)
    await builder_buttons.mine(desk.services, pressed(number, "U0MAX", "builder-mine"))
    view = desk.chat.views[-1]
    answer = Submission("U0MAX", "builder-claim", view["private_metadata"], {"hours": "4"}, "k")
    assert await builder_buttons.claimed(desk.services, answer) == {}
    course = Course(desk, number, built.instance_id)
    with pytest.raises(TimeoutError):
        await course.run()
    assert "belongs to @max until" in read(course.shown[-1])
    wrong = Submission("U0MAX", "builder-claim", view["private_metadata"], {"hours": "9999"}, "k")
    assert "hours" in await builder_buttons.claimed(desk.services, wrong)


@pytest.mark.parametrize(("user", "answer"), [("U0ANA", "may not approve"), ("U0GUS", "may not run")])
async def test_who_may_not_terminate_is_refused(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch, user: str, answer: str
) -> None:
    number, _ = await stuck(desk, account, monkeypatch)
    with pytest.raises(Denied, match=answer):
        await builder_buttons.terminate(desk.services, pressed(number, user, "builder-terminate"))
    assert desk.engine.woken == []


async def test_one_that_is_over_takes_no_more_clicks(desk: Desk) -> None:
    request = Request("k", "builder", f"{BUILDERS}/i-1", "signalbox", "Builder i-1", "C0OPS", {})
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "5.0")
    await desk.operations.set_status(number, Status.SUCCEEDED)
    with pytest.raises(UserError, match="is over already"):
        await builder_buttons.snooze(desk.services, pressed(number, "U0LEE", "builder-snooze-1h"))


async def test_until_tomorrow_is_nine_o_clock_where_the_person_is(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = await stuck(desk, account, monkeypatch)
    await builder_buttons.snooze(desk.services, pressed(number, "U0ANA", "builder-snooze-tomorrow"))
    (note,) = await desk.operations.noted(number, "snooze")
    until = datetime.fromtimestamp(float(note.split(" ")[1]), UTC)
    assert until == datetime(NOON.year, NOON.month, NOON.day + 1, 17, tzinfo=UTC)  # her clock is 8 hours behind


async def test_one_that_is_still_within_the_grace_is_looked_at_when_that_is_over(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_builder(account)
    github(monkeypatch, a_run(State.CANCELLED))
    desk.now = MONDAY_NOON - 2 * 3_600 + 60  # its job ended a minute ago
    assert await builder_watch.look_after(desk.services) == timedelta(minutes=4)
    assert desk.engine.begun == []
    desk.now += 4 * 60 + 1
    assert await builder_watch.look_after(desk.services) is None
    assert len(desk.engine.begun) == 1


async def test_what_a_run_left_is_known_as_soon_as_it_has_ended(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = a_builder(account)
    others = a_builder(account, tags={"Name": "Packer Builder", "GITHUB_RUN_ID": "99"})
    run = a_run(State.CANCELLED)
    github(monkeypatch, run)
    monkeypatch.setattr(past_runs, "run_with_jobs", unknown_run)
    desk.now = MONDAY_NOON - 2 * 3_600 + 60
    said = await builder_left.left_behind(desk.services, run)
    assert f"Still in EC2: builder `{ours.instance_id}`" in said
    assert others.instance_id not in said
    assert "told here if it is still there in 4 min" in said
    refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
    assert "could not be asked" in await builder_left.left_behind(desk.services, run)


async def unknown_run(*_: Any) -> None:
    return None


async def test_after_a_run_that_left_nothing_there_is_nothing_to_say(
    desk: Desk, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.regions == (HOME,)
    run = a_run(State.SUCCEEDED)
    github(monkeypatch, run)
    assert await builder_left.left_behind(desk.services, run) == ""
