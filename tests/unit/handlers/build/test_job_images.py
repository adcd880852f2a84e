"""What a build job made: remembered, reported in the thread, dismissed with a reason, planned by a button."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from bot.config.targets import BUILDS, builds_target
from bot.errors import Denied, UserError
from bot.operations.registry import Click, Submission
from bot.slack.client import Posted
from bot.store.images import FollowedRun
from bot.store.operations import Request
from handlers.build import dismissals, image_plans, job_images
from handlers.images import provenance
from runners.aws.client import make_clients
from runners.results import AwsPlace, BuiltImage, ImageGroup, Job, LogFinding, LogReading, RollOut, State, WorkflowRun
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.conftest import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from tests.unit.handlers.conftest import Desk

REGION = "us-west-2"
BACKEND = ImageGroup("staging", "backend", "backend-staging")
SIGN = LogFinding("apt: package not found", 12, "E: Unable to locate package foo")
NOW = datetime.now(UTC)
URL = "https://github.com/o/r/actions/runs/10"
RUN = WorkflowRun("o/r", 10, 3, 1, "Build images", "a" * 40, State.SUCCEEDED, URL, NOW)


def job(job_id: int = 7) -> Job:
    return Job(job_id, "build (backend, staging)", State.SUCCEEDED, "https://github.com/o/r/job/7", NOW, NOW)


@pytest.fixture
def aws(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        desk.aws = make_clients(AwsPlace(REGION))
        yield boto3.client("ec2", REGION)


def image(ec2: Any, name: str = "backend-staging") -> str:
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    made: str = ec2.create_image(InstanceId=instance, Name=f"{name}-1")["ImageId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "Name", "Value": name}])
    return made


class Steps:
    """An operation whose steps are simply done; notes what goes into the thread and the trail."""

    def __init__(self, desk: Desk, number: int = 1, target: str = BUILDS) -> None:
        self.services, self.number = desk.services, number
        self.record = SimpleNamespace(environment=target)
        self.thread: dict[str, Message] = {}
        self.trail: list[tuple[str, dict[str, str]]] = []

    async def step(self, _: str, function: Any) -> Any:
        return await function()

    async def details(self, name: str, message: Message) -> None:
        self.thread[name] = message

    async def audit(self, action: str, **detail: str) -> None:
        self.trail.append((action, detail))


async def settle(steps: Steps, reading: LogReading) -> job_images.JobOutcome:
    return await job_images.record_job_image(cast("Operation", steps), RUN, job(), BACKEND, reading)


async def test_a_good_image_is_remembered_and_nothing_is_said(desk: Desk, aws: Any) -> None:
    made, steps = image(aws), Steps(desk)
    outcome = await settle(steps, LogReading(images=((REGION, made),)))
    assert (outcome.image_id, outcome.suspect, steps.thread) == (made, False, {})
    stored = await desk.services.images.get(made)
    assert stored
    assert (stored.sha, stored.run_id, stored.job_id, stored.operation) == ("a" * 40, 10, 7, 1)


async def test_signs_of_failure_make_a_green_job_suspect_and_are_told_in_the_thread(desk: Desk, aws: Any) -> None:
    made, steps = image(aws), Steps(desk)
    outcome = await settle(steps, LogReading(images=((REGION, made),), findings=(SIGN,)))
    assert outcome.warnings == ("apt: package not found",)
    rendered = steps.thread["warnings 7"]
    assert "build (backend, staging) is green, but its log shows signs of failure: suspect" in read(rendered)
    assert "E: Unable to locate package foo" in read(rendered)
    assert buttons(rendered) == ["dismiss-sign"]
    assert steps.trail == [("suspect", {"what": "build (backend, staging)", "why": "apt: package not found"})]


async def test_a_green_job_without_an_image_is_suspect_as_well(desk: Desk, aws: Any) -> None:
    del aws
    steps = Steps(desk)
    outcome = await settle(steps, LogReading())
    assert (outcome.image_id, outcome.warnings) == (None, ("its image",))
    assert "no image came out" in read(steps.thread["warnings 7"])


@pytest.mark.parametrize(
    ("build", "name_tag", "group"),
    [("base", "backend-staging", "backend staging"), ("", "golden", "unknown unknown"), ("base", "golden", "base no one environment")],
)  # fmt: skip
async def test_an_image_of_a_job_without_an_environment_in_its_name_stays_suspect(
    desk: Desk, aws: Any, build: str, name_tag: str, group: str
) -> None:
    made, steps = image(aws, name_tag), Steps(desk, target=builds_target(build))
    reading = LogReading(images=((REGION, made),), findings=(SIGN,), lines=20)
    now, span = datetime.now(UTC), timedelta(minutes=5)  # the image must have been made while the job ran
    built = replace(job(), name="build (backend)", started_at=now - span, ended_at=now + span)
    outcome = await job_images.record_named_images(cast("Operation", steps), RUN, built, reading)
    stored = await desk.services.images.get(made)
    assert stored
    assert outcome == job_images.JobOutcome(made, ("apt: package not found",))
    assert f"{stored.machine} {stored.environment}" == group
    assert await desk.services.images.open_warnings([made]) == {made: ("apt: package not found",)}
    assert buttons(steps.thread["warnings 7"]) == ["dismiss-sign"]


async def test_a_job_that_only_mentions_an_image_built_none(desk: Desk, aws: Any) -> None:
    made, steps = image(aws), cast("Operation", Steps(desk))
    later = replace(job(), started_at=NOW + timedelta(hours=1), ended_at=NOW + timedelta(hours=2))
    for mentioned in (((REGION, made),), (("eu-west-1", made),), ()):
        reading = LogReading(images=mentioned, findings=(SIGN,))
        assert await job_images.record_named_images(steps, RUN, later, reading) is None
    assert await desk.services.images.get(made) is None


async def suspicious(desk: Desk, aws: Any) -> str:
    steps = Steps(desk)
    await settle(steps, LogReading(images=((REGION, image(aws)),), findings=(SIGN,)))
    return (await desk.services.images.warnings_of([7]))[7][0].id


def pressed(user: str, value: str, action: str = "dismiss-sign") -> Click:
    return Click(user, "C0OPS", "5.0", action, value, "1.2", "")


async def test_a_sign_is_dismissed_with_a_reason_which_is_shown_and_kept(desk: Desk, aws: Any) -> None:
    await matrix_of(desk)
    sign = await suspicious(desk, aws)
    await dismissals.dismiss(desk.services, pressed("U0LEE", sign))
    view = desk.chat.views[-1]
    answer = Submission("U0LEE", "dismissal", view["private_metadata"], {"reason": " only  docs "}, "k")
    assert await dismissals.dismissed(desk.services, answer) == {}
    displayed = desk.chat.says[Posted("C0OPS", "5.0")]
    assert "harmless, says @lee: only docs" in read(displayed)
    assert buttons(displayed) == []
    assert await desk.audit_log() == [("U0LEE", "dismissed a sign of failure")]
    empty = Submission("U0LEE", "dismissal", view["private_metadata"], {"reason": "   "}, "k")
    assert "reason" in await dismissals.dismissed(desk.services, empty)


async def test_who_may_not_approve_may_not_dismiss_either(desk: Desk, aws: Any) -> None:
    await matrix_of(desk)
    sign = await suspicious(desk, aws)
    assert "You may not approve" in await refusal_of(desk, dismissals.dismiss(desk.services, pressed("U0ANA", sign)))
    assert desk.chat.views == []
    assert await desk.audit_log() == [("U0ANA", "click refused")]
    unknown = dismissals.dismiss(desk.services, pressed("U0LEE", "made-up"))
    assert "do not know this sign" in await refusal_of(desk, unknown)


async def built(desk: Desk, **changes: Any) -> BuiltImage:
    usual = BuiltImage(
        "ami-00000000000000001", "backend", "staging", "o/r", "a" * 40, 10, 3,
        "https://github.com/o/r/actions/runs/10", 1, 7, "https://github.com/o/r/job/7", 1, "backend-staging-1", 8, 9.0,
    )  # fmt: skip
    item = replace(usual, **changes)
    await desk.services.images.add(item)
    return item


async def test_an_environment_is_ready_when_all_its_images_are_there_of_one_commit_and_none_is_doubtful(
    desk: Desk,
) -> None:
    await built(desk)
    (ready,) = await image_plans.environment_images(desk.services, 10, ["staging"])
    assert ready.ready
    assert ready.plannable
    await desk.services.images.add_warnings(FollowedRun(4, 10), job(), BACKEND, [SIGN])
    (ready,) = await image_plans.environment_images(desk.services, 10, ["staging", "gone"])
    assert (ready.ready, ready.suspect) == (False, ("backend",))


async def test_a_machine_without_an_image_is_missing_and_another_run_s_image_counts(desk: Desk, aws: Any) -> None:
    del aws
    (ready,) = await image_plans.environment_images(desk.services, 10, ["staging"])
    assert (ready.ready, ready.missing) == (False, ("backend",))
    await built(desk, run_id=4, sha="b" * 40)
    (ready,) = await image_plans.environment_images(desk.services, 10, ["staging"])
    assert (ready.missing, ready.commits) == ((), ("b" * 40,))


async def test_an_image_from_before_is_there_though_its_commit_is_not_known(desk: Desk, aws: Any) -> None:
    image(aws)
    (ready,) = await image_plans.environment_images(desk.services, 10, ["staging"])
    assert (ready.missing, ready.commit_unknown, ready.ready) == ((), ("backend",), False)


async def matrix_of(desk: Desk) -> int:
    number = await desk.operations.create(Request("k", "build", BUILDS, "U0ANA", "Build images", "C0OPS", {}))
    await desk.operations.set_message(number, "C0OPS", "5.0")
    return number


async def test_the_plan_button_begins_one_plan(desk: Desk) -> None:
    number = await matrix_of(desk)
    await image_plans.plan_images(desk.services, pressed("U0ANA", f"{number}:staging", "plan-images"))
    (request,) = desk.engine.begun
    assert (request.kind, request.environment, request.requester) == ("plan", "staging", "U0ANA")
    await desk.operations.create(request)
    with pytest.raises(UserError, match="was begun from this message already"):
        await image_plans.plan_images(desk.services, pressed("U0LEE", f"{number}:staging", "plan-images"))


@pytest.mark.parametrize("value", ["1:moon", "1", "x:staging", "99:staging", ":", "1:staging:2"])
async def test_a_plan_button_with_anything_else_in_it_begins_nothing(desk: Desk, value: str) -> None:
    await matrix_of(desk)
    with pytest.raises((UserError, Denied)):
        await image_plans.plan_images(desk.services, pressed("U0ANA", value, "plan-images"))
    assert desk.engine.begun == []


async def page(desk: Desk, *rendered: str) -> str:
    return read(await provenance.image(desk.services, cast("Any", SimpleNamespace()), rendered))


async def test_an_image_s_story_goes_from_the_commit_to_the_hosts(desk: Desk, aws: Any) -> None:
    made = image(aws)
    await built(desk, image_id=made, operation=await asked_for(desk))
    await desk.services.images.add_warnings(FollowedRun(4, 10), job(), BACKEND, [SIGN])
    await desk.services.images.add_log_scan(7, 1_234)
    await desk.services.images.add_rollout(RollOut(made, 12, "staging", "backend", "U0LEE", 1_000.0))
    aws.run_instances(
        ImageId=made, MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "staging backend"}]}],
    )  # fmt: skip
    text = await page(desk, "backend", "staging")
    assert text == await page(desk, made) == await page(desk, "staging", "backend")
    for part in (made, "commit aaaaaaa", "run 3", "(#1, requested by @ana)", "Its log of 1,234 lines was read", "Suspect.", "E: Unable to locate", "#12 to `backend` in staging", "@lee", "staging backend (running)"):  # fmt: skip
        assert part in text, part
    assert "no sign of failure" not in text


async def test_an_image_whose_log_was_clean_says_so_and_who_started_its_build(desk: Desk, aws: Any) -> None:
    number = await asked_for(desk, by="started in GitHub by max-weber")
    made = image(aws)
    await settle(Steps(desk, number), LogReading(lines=12_034, images=((REGION, made),)))
    text = await page(desk, made)
    assert f"(#{number}, started in GitHub by max-weber)" in text
    assert (
        ":white_check_mark: Its log of 12,034 lines was read 2026-03-02 12:00 UTC, and has no sign of failure." in text
    )


async def test_of_an_image_whose_log_nobody_could_read_nothing_good_is_said(desk: Desk, aws: Any) -> None:
    number, made = await asked_for(desk), image(aws)
    unreadable = LogFinding("log not read", 0, "GitHub has no log of it")
    await settle(Steps(desk, number), LogReading(images=((REGION, made),), findings=(unreadable,)))
    text = await page(desk, made)
    assert "was read" not in text
    assert "Suspect." in text


async def asked_for(desk: Desk, **arguments: str) -> int:
    request = Request("b", "build", "image builds", "U0ANA", "Build all images", "C0OPS", arguments)
    return await desk.operations.create(request)


async def test_an_image_that_nobody_knows_is_said_to_be_unknown(desk: Desk, aws: Any) -> None:
    del aws
    text = await page(desk, "ami-0123456789abcdef0")
    assert "EC2 does not know this image" in text
    assert "not seen by Signalbox" in text
    assert "by no plan of Signalbox" in text
    with pytest.raises(UserError, match="no image of ours whose tag Name is backend-staging"):
        await page(desk, "backend", "staging")


@pytest.mark.parametrize(
    ("rendered", "answer"),
    [((), "Which image"), (("nonsense",), "is no AMI id"), (("cron", "staging"), "has no machine"), (("a", "b"), "no environment")],
)  # fmt: skip
async def test_words_that_name_no_image_are_answered(desk: Desk, rendered: tuple[str, ...], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        await page(desk, *rendered)
