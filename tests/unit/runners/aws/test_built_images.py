"""Which image a build job made: its log against what EC2 (moto) knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from runners.aws import amis
from runners.aws.built_images import Expected, JobImage, image_of_job
from runners.results import Job, State
from tests.unit.runners.ec2_world import HOME, listed_tags, refuse

if TYPE_CHECKING:
    from runners.aws.client import Clients

BASE = "ami-12c6146b"
EXPECTED = Expected("staging", ("GITHUB_RUN_ID", "4711"))
BY_LOG = replace(EXPECTED, name_tag="")  # images.ami_name_tag: false


def make_image(name: str, name_tag: str | None) -> str:
    ec2 = boto3.client("ec2", HOME)
    instance = ec2.run_instances(ImageId=BASE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    image_id = ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
    if name_tag:
        ec2.create_tags(Resources=[image_id], Tags=listed_tags({"Name": name_tag}))
    return image_id


def job(*, ended: timedelta = timedelta(minutes=1), took: timedelta = timedelta(minutes=12)) -> Job:
    """A green job that ended so long ago."""
    end = datetime.now(UTC) - ended
    return Job(7, "build (backend, staging)", State.SUCCEEDED, "https://github.com/o/r/job/7", end - took, end)


async def of(aws: Clients, item: Job, *announced: tuple[str, str]) -> JobImage:
    return await image_of_job(aws.ec2, item, announced, EXPECTED, region=HOME, timeout=30)


async def test_what_the_log_names_and_ec2_knows_by_its_tag_is_the_image(aws: Clients) -> None:
    image_id = make_image("staging-1", "staging")
    result = await of(aws, job(), (HOME, image_id))
    assert result.warnings == ()
    assert result.image is not None
    assert (result.image.image_id, result.image.name, result.image.name_tag) == (image_id, "staging-1", "staging")
    assert result.image.size_gb


async def test_without_a_word_in_the_log_ec2_is_asked_by_tag_and_date(aws: Clients) -> None:
    image_id = make_image("staging-1", "staging")
    result = await of(aws, job())
    assert result.image is not None
    assert result.image.image_id == image_id
    assert result.warnings == ("the log names no image; this one is from EC2, by its tag Name and its date",)


async def test_an_image_of_another_time_is_not_the_job_s(aws: Clients) -> None:
    make_image("staging-1", "staging")
    result = await of(aws, job(ended=timedelta(hours=3)))
    assert result.image is None
    assert result.warnings == ("no image came out: the log names none, and EC2 has no new one called staging",)


async def test_an_image_that_is_gone_is_said(aws: Clients) -> None:
    result = await of(aws, job(), (HOME, "ami-0123456789abcdef0"))
    assert result == JobImage(None, ("the log names ami-0123456789abcdef0, which EC2 does not know (any more)",))


@pytest.mark.parametrize(("tag", "text"), [("cron-staging", "'cron-staging'"), (None, "not set")])
async def test_a_wrong_tag_is_said_since_no_plan_would_find_it(aws: Clients, tag: str | None, text: str) -> None:
    image_id = make_image("staging-1", tag)
    result = await of(aws, job(), (HOME, image_id))
    assert result.image is not None
    assert result.warnings == (f"its tag Name is {text}, not 'staging': a plan would not find it",)


async def test_two_images_of_one_time_are_said(aws: Clients) -> None:
    first, second = make_image("staging-1", "staging"), make_image("staging-2", "staging")
    result = await of(aws, job(), (HOME, first))
    assert result.image is not None
    assert result.image.image_id == first
    assert result.warnings == (f"EC2 has another image called staging from that time: {second}",)


async def test_of_several_images_of_a_log_the_one_with_the_tag_is_the_job_s(aws: Clients) -> None:
    own, other = make_image("staging-1", "staging"), make_image("golden-1", "golden")
    result = await of(aws, job(), (HOME, own), ("eu-west-1", "ami-0123456789abcdef0"), (HOME, other), (HOME, own))
    assert result.image is not None
    assert (result.image.image_id, result.warnings) == (own, ())
    assert [image.image_id for image in result.others] == [other]


async def test_an_image_that_a_printed_manifest_has_from_before_is_not_the_job_s(aws: Clients) -> None:
    image_id = make_image("staging-1", "staging")
    older = "ami-0123456789abcdef0"
    result = await of(aws, job(), (HOME, image_id), (HOME, older))
    assert result.image is not None
    assert (result.image.image_id, result.others, result.warnings) == (image_id, (), ())


async def test_the_tag_of_the_run_identifies_an_image_that_no_log_names(aws: Clients) -> None:
    image_id = make_image("staging-1", "staging")
    make_image("cron-1", "cron-staging")
    boto3.client("ec2", HOME).create_tags(Resources=[image_id], Tags=listed_tags({"GITHUB_RUN_ID": "4711"}))
    result = await of(aws, job())
    assert result.image is not None
    assert (result.image.image_id, result.warnings) == (image_id, ())
    other = await image_of_job(
        aws.ec2, job(), (), replace(EXPECTED, run_tag=("GITHUB_RUN_ID", "12")), region=HOME, timeout=30
    )
    assert other.warnings == ("the log names no image; this one is from EC2, by its tag Name and its date",)


async def test_without_a_name_the_log_or_the_tag_of_the_run_is_enough(aws: Clients) -> None:
    image_id = make_image("whatever", None)
    result = await image_of_job(aws.ec2, job(), ((HOME, image_id),), BY_LOG, region=HOME, timeout=30)
    assert result.image is not None
    assert (result.image.image_id, result.warnings) == (image_id, ())
    nothing = await image_of_job(aws.ec2, job(), (), BY_LOG, region=HOME, timeout=30)
    assert nothing.warnings == ("no image came out: the log names none, and EC2 has no new one of this run",)
    boto3.client("ec2", HOME).create_tags(Resources=[image_id], Tags=listed_tags({"GITHUB_RUN_ID": "4711"}))
    by_run = await image_of_job(aws.ec2, job(), (), BY_LOG, region=HOME, timeout=30)
    assert (by_run.image is not None, by_run.warnings) == (True, ())


async def test_an_image_in_another_region_is_said(aws: Clients) -> None:
    result = await of(aws, job(), ("eu-west-1", "ami-0123456789abcdef0"))
    assert result == JobImage(None, ("the log names an image in eu-west-1, not in us-west-2",))


async def test_when_ec2_refuses_the_log_is_believed_with_a_doubt(aws: Clients) -> None:
    refuse(aws.ec2, "DescribeImages", "UnauthorizedOperation")
    result = await of(aws, job(), (HOME, "ami-0123456789abcdef0"))
    assert result.image is not None
    assert result.image.image_id == "ami-0123456789abcdef0"
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("not checked against EC2: ")


async def test_what_was_started_from_an_image_is_told_without_what_is_terminated(aws: Clients) -> None:
    ec2 = boto3.client("ec2", HOME)
    tags = [{"ResourceType": "instance", "Tags": listed_tags({"Name": "web", "type": "staging backend"})}]
    runs, stopped, deleted = (
        ec2.run_instances(ImageId=BASE, MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"][0]["InstanceId"]  # type: ignore[arg-type]  # as boto3 takes it
        for _ in range(3)
    )
    ec2.stop_instances(InstanceIds=[stopped])
    ec2.terminate_instances(InstanceIds=[deleted])
    result = await amis.started_from(aws.ec2, BASE, timeout=30)
    assert {(item.instance_id, item.state) for item in result} == {(runs, "running"), (stopped, "stopped")}
    assert {(item.name, item.type_tag) for item in result} == {("web", "staging backend")}
