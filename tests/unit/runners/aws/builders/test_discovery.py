"""Builders in EC2 (moto): recognised by any of their marks, in every region that answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from runners.aws.builders.discovery import find_builders, read_instance
from runners.aws.builders.recognition import Recognition, read_builder, started_by_name
from runners.errors import AccessDeniedError
from runners.results import Match
from tests.unit.runners.ec2_world import (
    ABROAD,
    BASE,
    HOME,
    build,
    calls_of,
    launched_at,
    listed_tags,
    packers_name,
    refuse,
)

if TYPE_CHECKING:
    from runners.aws.client import Account

STARTED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARKS = Recognition()


def launch(account: Account, region: str = HOME, key: str | None = None, **tags: str) -> str:
    more: Any = {"KeyName": key} if key else {}
    if tags:
        more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": listed_tags(tags)}]
    started = account.ec2(region).run_instances(ImageId=BASE, MinCount=1, MaxCount=1, **more)
    return str(started["Instances"][0]["InstanceId"])


async def test_a_builder_is_found_with_all_that_belongs_to_it(account: Account) -> None:
    built = build(account, STARTED, tags={"Name": "Packer Builder", "GITHUB_RUN_ID": "4711"})
    launched_at(built.instance_id, STARTED + timedelta(seconds=40))
    launch(account, Name="backend")
    result = await find_builders(account, MARKS)
    (builder,) = result.builders
    assert (builder.instance_id, builder.region, builder.type, builder.name) == (
        built.instance_id,
        HOME,
        "t3.large",
        "Packer Builder",
    )
    assert builder.started_at == STARTED
    assert builder.launched_at == STARTED + timedelta(seconds=40)
    assert builder.age(STARTED + timedelta(hours=2)) == timedelta(hours=2)
    assert builder.matched_by == (Match.KEY_PAIR, Match.SECURITY_GROUP, Match.NAME_TAG, Match.RUN_TAG)
    assert (builder.run_id, builder.key_name, builder.image_id, builder.zone) == (4711, built.key, BASE, "us-west-2a")
    assert [group.group_id for group in builder.temporary_groups] == [built.group_id]
    assert [
        (volume.volume_id, volume.deleted_with_instance, volume.attached_at_launch) for volume in builder.volumes
    ] == [
        (built.volumes[0], True, True),
        (built.volumes[1], False, True),
    ]
    assert builder.terminable
    assert (result.key_pairs, result.security_groups, result.unreadable) == ((), (), ())


@pytest.mark.parametrize(
    ("made", "matched", "terminable"),
    [
        ({"key": packers_name(STARTED)}, (Match.KEY_PAIR,), True),
        ({"key": "packer_builds"}, (Match.KEY_PAIR,), False),
        ({"Name": "Packer Builder"}, (Match.NAME_TAG,), False),
        ({"GITHUB_RUN_ID": "12"}, (Match.RUN_TAG,), False),
    ],
)
async def test_each_mark_is_enough_to_be_found_but_not_to_be_terminated(
    account: Account, made: dict[str, str], matched: tuple[Match, ...], terminable: bool
) -> None:
    if "key" in made:
        account.ec2(HOME).create_key_pair(KeyName=made["key"], KeyType="ed25519")
    launch(account, **made)
    (builder,) = (await find_builders(account, MARKS)).builders
    assert (builder.matched_by, builder.terminable) == (matched, terminable)


async def test_a_security_group_counts_only_with_packers_description(account: Account) -> None:
    build(account, STARTED, key="team", group_name="packer_office", description="Office", tags={"Name": "x"})
    assert (await find_builders(account, MARKS)).builders == ()
    build(account, STARTED, key="another", tags={"Name": "x"})
    (builder,) = (await find_builders(account, MARKS)).builders
    assert builder.matched_by == (Match.SECURITY_GROUP,)
    assert (builder.terminable, builder.temporary_key) == (True, None)


async def test_without_a_time_in_its_names_the_launch_is_the_start(account: Account) -> None:
    launch(account, Name="Packer Builder")
    (builder,) = (await find_builders(account, MARKS)).builders
    assert builder.started_at == builder.launched_at
    assert builder.launched_at.tzinfo is UTC


async def test_a_name_from_the_future_is_not_believed(account: Account) -> None:
    built = build(account, STARTED + timedelta(days=400))
    launched_at(built.instance_id, STARTED)
    (builder,) = (await find_builders(account, MARKS)).builders
    assert builder.started_at == STARTED
    assert builder.age(STARTED - timedelta(minutes=5)) == timedelta()


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("packer_6742a7f0-1111-2222-3333-444444444444", datetime.fromtimestamp(0x6742A7F0, UTC)),
        ("packer-6742a7f0-1111-2222-3333-444444444444", datetime.fromtimestamp(0x6742A7F0, UTC)),
        ("packer_00000001-1111-2222-3333-444444444444", None),
        ("packer_builds", None),
        ("my-packer_6742a7f0-1111-2222-3333-444444444444", None),
    ],
)
def test_packers_names_tell_when_they_were_made_up(name: str, at: datetime | None) -> None:
    assert started_by_name(name) == at


async def test_a_tag_protects(account: Account) -> None:
    build(account, STARTED, tags={"signalbox:keep": "until Friday"})
    (builder,) = (await find_builders(account, MARKS)).builders
    assert (builder.protected, builder.terminable) == (True, False)


async def test_builders_of_all_regions_come_oldest_first_without_the_terminated(account: Account) -> None:
    young = build(account, STARTED)
    old = build(account, STARTED - timedelta(days=1), region=ABROAD)
    deleted = build(account, STARTED - timedelta(days=2))
    account.ec2(HOME).terminate_instances(InstanceIds=[deleted.instance_id])
    stopped = build(account, STARTED + timedelta(hours=1))
    account.ec2(HOME).stop_instances(InstanceIds=[stopped.instance_id])
    result = await find_builders(account, MARKS)
    assert [(builder.instance_id, builder.state) for builder in result.builders] == [
        (old.instance_id, "running"),
        (young.instance_id, "running"),
        (stopped.instance_id, "stopped"),
    ]
    assert [key.name for key in result.key_pairs] == [deleted.key]
    assert [group.group_id for group in result.security_groups] == [deleted.group_id]


async def test_a_region_that_is_denied_is_told_and_the_others_go_on(account: Account) -> None:
    build(account, STARTED)
    build(account, STARTED, region=ABROAD)
    for operation in ("DescribeInstances", "DescribeKeyPairs", "DescribeSecurityGroups"):
        refuse(account.ec2(ABROAD), operation, "UnauthorizedOperation")
    result = await find_builders(account, MARKS)
    assert [builder.region for builder in result.builders] == [HOME]
    (unreadable,) = result.unreadable
    assert str(unreadable) == "builders in eu-west-1: AWS forbids DescribeInstances (UnauthorizedOperation)"
    assert "DescribeInstances" in unreadable.remedy


async def test_what_else_cannot_be_read_is_told_beside_what_was_found(account: Account) -> None:
    built = build(account, STARTED, tags={"Name": "Packer Builder"})
    refuse(account.ec2(HOME), "DescribeKeyPairs", "UnauthorizedOperation")
    refuse(account.ec2(HOME), "DescribeSecurityGroups", "UnauthorizedOperation")
    result = await find_builders(account, MARKS)
    (builder,) = result.builders
    # Its key pair's name is read from the instance itself.
    assert (builder.instance_id, builder.temporary_key, builder.temporary_groups) == (built.instance_id, built.key, ())
    assert [item.what for item in result.unreadable] == ["the key pairs of builders", "the security groups of builders"]


async def test_a_quiet_round_asks_five_narrow_questions_a_region(account: Account) -> None:
    made = calls_of(account.ec2(HOME))
    launch(account, Name="backend")
    made.clear()
    assert (await find_builders(account, MARKS)).builders == ()
    assert [operation for operation, _ in made] == [
        "DescribeKeyPairs",
        "DescribeSecurityGroups",
        *["DescribeInstances"] * 3,
    ]
    named = [{item["Name"] for item in asked["Filters"]} - {"instance-state-name"} for _, asked in made]
    assert named == [{"key-name"}, {"group-name", "description"}, {"key-name"}, {"tag:Name"}, {"tag-key"}]


async def test_every_page_is_read(account: Account) -> None:
    with Stubber(account.ec2(HOME)) as stubber, Stubber(account.ec2(ABROAD)) as quiet:
        for item, pages in ((stubber, 2), (quiet, 0)):
            item.add_response("describe_key_pairs", {"KeyPairs": []})
            item.add_response("describe_security_groups", {"SecurityGroups": []})
            for number in range(pages):
                held = {"OwnerId": "1", "Instances": [described(number)]}
                item.add_response("describe_instances", {"Reservations": [held], "NextToken": f"more-{number}"})
            for _ in range(3):
                item.add_response("describe_instances", {"Reservations": []})
        result = await find_builders(account, MARKS)
    assert [builder.instance_id for builder in result.builders] == ["i-0", "i-1"]


def described(number: int = 0, **changes: Any) -> Any:
    given = {"InstanceId": f"i-{number}", "LaunchTime": STARTED, "State": {"Name": "running"}, "KeyName": "packer_x"}
    return given | changes


def test_volumes_that_were_attached_later_are_told_apart() -> None:
    def mapping(volume: str, at: timedelta) -> dict[str, Any]:
        return {"DeviceName": "/dev/sdb", "Ebs": {"VolumeId": volume, "AttachTime": STARTED + at}}

    instance = described(
        BlockDeviceMappings=[mapping("vol-1", timedelta(seconds=1)), mapping("vol-2", timedelta(minutes=30))],
        InstanceLifecycle="spot",
        IamInstanceProfile={"Arn": "arn:aws:iam::1:instance-profile/packer-6742a7f0-1111-2222-3333-444444444444"},
        Placement={"Tenancy": "dedicated", "AvailabilityZone": "us-west-2b"},
    )
    builder = read_builder(instance, region=HOME, account="1", recognition=MARKS, packer_groups=())
    assert [item.attached_at_launch for item in builder.volumes] == [True, False]
    assert builder.temporary_profile == "packer-6742a7f0-1111-2222-3333-444444444444"
    assert (builder.spot, builder.tenancy, builder.zone) == (True, "dedicated", "us-west-2b")


async def test_a_second_look_tells_what_became_of_it(account: Account) -> None:
    built = build(account, STARTED)
    account.ec2(HOME).terminate_instances(InstanceIds=[built.instance_id])
    deleted = await read_instance(account, HOME, built.instance_id, MARKS)
    assert deleted is not None
    assert (deleted.state, deleted.live) == ("terminated", False)
    assert deleted.state_reason.startswith("User initiated")
    assert await read_instance(account, HOME, "i-0123456789abcdef0", MARKS) is None


async def test_a_second_look_that_is_denied_is_an_error(account: Account) -> None:
    refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation")
    with pytest.raises(AccessDeniedError, match="looking at i-1"):
        await read_instance(account, HOME, "i-1", MARKS)
