"""Terminating a builder (moto): what does not match is left alone, and after a crash it can be called again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.aws.builders.discovery import find_builders
from runners.aws.builders.orphaned_resources import find_orphans
from runners.aws.builders.recognition import Recognition
from runners.aws.builders.termination import delete_resources, terminate
from runners.aws.steps import Polling
from runners.errors import AccessDeniedError
from runners.results import Builder, Outcome, Step, Termination
from tests.unit.runners.ec2_world import (
    ABROAD,
    BASE,
    HOME,
    Built,
    answer,
    build,
    calls_of,
    listed_tags,
    packers_name,
    refuse,
)

if TYPE_CHECKING:
    from runners.aws.client import Account

STARTED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MARKS = Recognition()
SHORT = Polling(timeout=0.3, interval=0.02)  # for what does not become done
LONG = Polling(timeout=60, interval=0.02)


async def found(account: Account) -> Builder:
    (builder,) = (await find_builders(account, MARKS)).builders
    return builder


async def end(account: Account, builder: Builder, **more: Any) -> Termination:
    return await terminate(account, builder, MARKS, **{"polling": LONG, **more})


def outcomes(steps: tuple[Step, ...]) -> list[tuple[str, str, str]]:
    return [(step.what, step.resource, step.outcome.value) for step in steps]


def left(account: Account, built: Built) -> set[str]:
    ec2 = account.ec2(HOME)
    keys = {describe_key_pair["KeyName"] for describe_key_pair in ec2.describe_key_pairs()["KeyPairs"]}
    groups = {
        describe_security_group["GroupId"]
        for describe_security_group in ec2.describe_security_groups()["SecurityGroups"]
    }
    volumes = {describe_volume["VolumeId"] for describe_volume in ec2.describe_volumes()["Volumes"]}
    held = ec2.describe_instances()["Reservations"]
    live = {i["InstanceId"] for one in held for i in one["Instances"] if i["State"]["Name"] != "terminated"}
    return (keys | groups | volumes | live) & {built.instance_id, built.key, built.group_id, *built.volumes}


async def test_all_that_packer_made_goes_and_each_is_told(account: Account) -> None:
    built = build(account, STARTED)
    other = build(account, STARTED)
    builder = next(
        one for one in (await find_builders(account, MARKS)).builders if one.instance_id == built.instance_id
    )
    seen: list[Step] = []

    async def on_step(step: Step) -> None:
        seen.append(step)
        await asyncio.sleep(0)

    done = await end(account, builder, on_step=on_step)
    assert outcomes(done.steps) == [
        ("instance", built.instance_id, "done"),
        ("key pair", built.key, "done"),
        ("security group", built.group_id, "done"),
        ("volume", built.volumes[0], "already gone"),
        ("volume", built.volumes[1], "done"),
    ]
    assert (tuple(seen), done.terminated, done.complete, done.refused) == (done.steps, True, True, ())
    assert left(account, built) == set()
    assert left(account, other) == {other.instance_id, other.key, other.group_id, *other.volumes}


async def test_a_second_time_finds_everything_gone(account: Account) -> None:
    build(account, STARTED)
    builder = await found(account)
    await end(account, builder)
    again = await end(account, builder)
    assert {step.outcome for step in again.steps} == {Outcome.ABSENT}
    assert again.complete


@pytest.mark.parametrize(
    "killed_before", ["DescribeInstances", "TerminateInstances", "DeleteKeyPair", "DeleteSecurityGroup", "DeleteVolume"]
)
async def test_after_a_crash_at_any_point_it_is_brought_to_its_end(account: Account, killed_before: str) -> None:
    class KilledError(BaseException):
        """Not even the code that handles errors sees it."""

    built = build(account, STARTED)
    builder = await found(account)
    ec2 = account.ec2(HOME)

    def kill(**_: Any) -> None:
        raise KilledError

    hook = f"before-call.ec2.{killed_before}"
    ec2.meta.events.register_first(hook, kill)
    with pytest.raises(KilledError):
        await end(account, builder)
    ec2.meta.events.unregister(hook, kill)
    assert (await end(account, builder)).complete
    assert left(account, built) == set()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"key": "packer_office", "group_name": "packer_office", "description": "Office"}, "neither a key pair"),
        ({"tags": {"Name": "Packer Builder", "signalbox:keep": ""}}, "signalbox:keep protects it"),
    ],
)
async def test_what_is_not_packers_or_is_protected_stays_with_all_it_has(
    account: Account, made: dict[str, Any], why: str
) -> None:
    built = build(account, STARTED, **made)
    done = await end(account, await found(account))
    (step,) = done.steps
    assert step.outcome is Outcome.REFUSED
    assert why in step.reason
    assert (done.terminated, done.complete, done.refused) == (False, False, (step,))
    assert left(account, built) == {built.instance_id, built.key, built.group_id, *built.volumes}


async def test_a_tag_that_came_between_the_alert_and_the_click_protects(account: Account) -> None:
    built = build(account, STARTED)
    builder = await found(account)
    account.ec2(HOME).create_tags(Resources=[built.instance_id], Tags=[{"Key": "signalbox:keep", "Value": "Ana"}])
    assert not (await end(account, builder)).terminated


async def test_termination_protection_is_told_with_the_way_out(account: Account) -> None:
    built = build(account, STARTED)
    account.ec2(HOME).modify_instance_attribute(InstanceId=built.instance_id, DisableApiTermination={"Value": True})
    (step,) = (await end(account, await found(account))).steps
    assert step.outcome is Outcome.REFUSED
    assert "termination protection is switched on. Switch it off in the console" in step.reason
    assert built.key in left(account, built)


@pytest.mark.parametrize(
    ("code", "outcome", "said"),
    [
        ("UnauthorizedOperation", Outcome.REFUSED, "Allow TerminateInstances in the policy"),
        ("RequestLimitExceeded", Outcome.WAITING, "AWS asks for patience"),
        ("InvalidInstanceID.NotFound", Outcome.ABSENT, ""),
    ],
)
async def test_what_aws_says_to_a_termination_is_told(account: Account, code: str, outcome: Outcome, said: str) -> None:
    build(account, STARTED)
    builder = await found(account)
    refuse(account.ec2(HOME), "TerminateInstances", code)
    step = (await end(account, builder, polling=SHORT)).steps[0]
    assert step.outcome is outcome
    assert said in step.reason


async def test_an_instance_that_cannot_be_looked_at_is_not_touched(account: Account) -> None:
    built = build(account, STARTED)
    builder = await found(account)
    refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation", times=1)
    made = calls_of(account.ec2(HOME))
    with pytest.raises(AccessDeniedError):
        await end(account, builder)
    assert [operation for operation, _ in made] == ["DescribeInstances"]
    assert built.instance_id in left(account, built)


async def test_one_that_is_slow_to_end_is_waited_for_and_then_said(account: Account) -> None:
    build(account, STARTED)
    builder = await found(account)
    # AWS has taken the order, and nothing happens.
    answer(account.ec2(HOME), "TerminateInstances", {})
    (step,) = (await end(account, builder, polling=SHORT)).steps
    assert (step.outcome, step.reason) == (Outcome.WAITING, "it is still running after 0.3 seconds")


async def test_a_group_that_is_still_used_is_tried_again(account: Account) -> None:
    built = build(account, STARTED)
    builder = await found(account)
    refused = refuse(account.ec2(HOME), "DeleteSecurityGroup", "DependencyViolation", times=3)
    done = await end(account, builder)
    assert (len(refused), done.complete, left(account, built)) == (3, True, set())


async def test_a_group_that_stays_in_use_is_told_and_the_rest_goes(account: Account) -> None:
    built = build(account, STARTED)
    builder = await found(account)
    refuse(account.ec2(HOME), "DeleteSecurityGroup", "DependencyViolation")
    done = await end(account, builder, polling=SHORT)
    (step,) = [one for one in done.steps if not one.final]
    assert (step.outcome, step.reason) == (Outcome.WAITING, "something still uses it (DependencyViolation)")
    assert (done.terminated, done.complete, left(account, built)) == (True, False, {built.group_id})


async def test_a_missing_permission_is_told_and_the_rest_goes(account: Account) -> None:
    built = build(account, STARTED)
    builder = await found(account)
    refuse(account.ec2(HOME), "DeleteKeyPair", "UnauthorizedOperation")
    done = await end(account, builder)
    (step,) = done.refused
    assert step.reason == (
        "AWS forbids DeleteKeyPair (UnauthorizedOperation). Allow DeleteKeyPair in the policy of the bot's role or user"
    )
    assert (done.complete, left(account, built)) == (False, {built.key})


async def test_volumes_that_were_attached_by_hand_or_moved_on_are_kept(account: Account) -> None:
    built = build(account, STARTED)
    ec2 = account.ec2(HOME)
    builder = await found(account)
    await end(account, builder)
    mine = ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)["VolumeId"]
    moved = ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)["VolumeId"]
    other = ec2.run_instances(ImageId=BASE, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    ec2.attach_volume(VolumeId=moved, InstanceId=other, Device="/dev/sdx")
    before, after = builder.volumes
    asked = replace(
        builder,
        volumes=(replace(before, volume_id=mine, attached_at_launch=False), replace(after, volume_id=moved)),
    )
    by_hand, elsewhere = (await end(account, asked)).steps[-2:]
    assert (by_hand.resource, by_hand.outcome, "not by Packer" in by_hand.reason) == (mine, Outcome.SKIPPED, True)
    assert (elsewhere.outcome, elsewhere.reason) == (Outcome.SKIPPED, f"it is attached to {other}")
    assert {describe_volume["VolumeId"] for describe_volume in ec2.describe_volumes()["Volumes"]} >= {mine, moved}
    assert built.volumes[1] not in {
        describe_volume["VolumeId"] for describe_volume in ec2.describe_volumes()["Volumes"]
    }


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}


def with_profile(account: Account) -> tuple[Any, str]:
    iam, name = account.client("iam"), packers_name(STARTED, "packer-")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(POLICY))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    build(account, STARTED, profile=name)
    return iam, name


async def test_an_iam_profile_is_told_and_deleted_only_where_asked_for(account: Account) -> None:
    iam, name = with_profile(account)
    builder = await found(account)
    kept = (await end(account, builder)).steps[-1]
    assert (kept.what, kept.resource, kept.outcome) == ("IAM profile", name, Outcome.SKIPPED)
    assert iam.get_instance_profile(InstanceProfileName=name)
    deleted = (await end(account, builder, delete_profile=True)).steps[-1]
    assert deleted.outcome is Outcome.DONE
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.ABSENT


@pytest.mark.parametrize("refused_once", ["DeleteRole", "DeleteInstanceProfile"])
async def test_a_profile_that_went_half_way_is_brought_to_its_end(account: Account, refused_once: str) -> None:
    iam, _ = with_profile(account)
    builder = await found(account)
    refuse(iam, refused_once, "AccessDenied", times=1)
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.REFUSED
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.DONE
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])


NOW = datetime.now(UTC)


async def lying(account: Account, **given: Any) -> tuple[set[str], set[str]]:
    """What is left: instances, and the rest."""
    all_of_it = await find_orphans(account, MARKS, **({"now": NOW + timedelta(hours=1)} | given))
    loose = {
        *(key_pair.name for key_pair in all_of_it.key_pairs),
        *(security_group.group_id for security_group in all_of_it.security_groups),
        *(volume.volume_id for volume in all_of_it.volumes),
    }
    return {builder.instance_id for builder in all_of_it.builders}, loose


def ended(account: Account, started_at: datetime, tags: dict[str, str], region: str = HOME) -> tuple[str, str, str]:
    """What a build leaves behind whose instance has been terminated by hand."""
    built = build(account, started_at, tags=tags, region=region)
    ec2 = account.ec2(region)
    ec2.terminate_instances(InstanceIds=[built.instance_id])
    ec2.create_tags(Resources=[built.group_id, built.volumes[1]], Tags=listed_tags(tags))
    return built.key, built.group_id, built.volumes[1]


async def test_the_leftovers_of_a_run_are_told_by_tag_and_by_time(account: Account) -> None:
    began = NOW - timedelta(minutes=40)
    until = NOW - timedelta(minutes=20)
    key, group, volume = ended(account, began, {"GITHUB_RUN_ID": "7"})
    ended(account, began, {"GITHUB_RUN_ID": "8"}, ABROAD)
    running = build(account, began, tags={"GITHUB_RUN_ID": "7"})
    build(account, NOW - timedelta(days=3), tags={"Name": "Packer Builder"})
    # Key pairs have no tag here: those of both runs began then.
    instances, loose = await lying(account, run_id=7, since=began, until=until)
    assert instances == {running.instance_id}
    assert {key, group, volume} <= loose
    assert len(loose) == 4
    assert await lying(account, run_id=7) == ({running.instance_id}, {group, volume})
    assert await lying(account, since=NOW - timedelta(days=30), until=NOW - timedelta(days=20)) == (set(), set())


async def test_what_is_young_may_be_of_a_build_that_starts(account: Account) -> None:
    key, group, volume = ended(account, NOW, {"GITHUB_RUN_ID": "7"})
    assert await lying(account, now=NOW) == (set(), set())
    assert await lying(account) == (set(), {key, group, volume})
    # Its tag is proof.
    assert await lying(account, now=NOW, run_id=7) == (set(), {group, volume})


async def test_leftovers_are_cleared_and_what_is_live_stays(account: Account) -> None:
    live = build(account, STARTED)
    for region in (HOME, ABROAD):
        ended(account, STARTED, {"GITHUB_RUN_ID": "7"}, region)
    protected, _, _ = ended(account, STARTED, {"GITHUB_RUN_ID": "7"})
    ec2 = account.ec2(HOME)
    (held,) = ec2.describe_key_pairs(KeyNames=[protected])["KeyPairs"]
    ec2.create_tags(Resources=[held["KeyPairId"]], Tags=[{"Key": "signalbox:keep", "Value": ""}])
    all_of_it = await find_orphans(account, MARKS, now=NOW + timedelta(hours=1))
    steps = await delete_resources(account, all_of_it, polling=LONG)
    assert len(steps) == 9
    assert {step.resource for step in steps if step.outcome is Outcome.SKIPPED} == {protected}
    assert {step.outcome for step in steps} == {Outcome.DONE, Outcome.SKIPPED}
    assert await lying(account) == ({live.instance_id}, {protected})
    assert {live.key, live.group_id} <= left(account, live)
    again = await delete_resources(account, all_of_it, polling=LONG)
    assert {step.outcome for step in again} == {Outcome.ABSENT, Outcome.SKIPPED}
