"""Terminating a builder (moto): what does not match is not changed, and after a crash it can be called again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runners.aws.builders.discovery import find_builders
from runners.errors import AccessDeniedError
from runners.results import Outcome, Step
from tests.unit.runners.aws.builders.terminated import MARKS, SHORT, STARTED, discovered, end, outcomes, remaining_of
from tests.unit.runners.ec2_world import (
    BASE,
    HOME,
    answer,
    build,
    calls_of,
    packers_name,
    refuse,
)

if TYPE_CHECKING:
    from runners.aws.client import Account


async def test_all_that_packer_made_goes_and_each_is_told(account: Account) -> None:
    built = build(account, STARTED)
    other = build(account, STARTED)
    builder = next(
        item for item in (await find_builders(account, MARKS)).builders if item.instance_id == built.instance_id
    )
    observed: list[Step] = []

    async def on_step(step: Step) -> None:
        observed.append(step)
        await asyncio.sleep(0)

    done = await end(account, builder, on_step=on_step)
    assert outcomes(done.steps) == [
        ("instance", built.instance_id, "done"),
        ("key pair", built.key, "done"),
        ("security group", built.group_id, "done"),
        ("volume", built.volumes[0], "already gone"),
        ("volume", built.volumes[1], "done"),
    ]
    assert (tuple(observed), done.terminated, done.complete, done.refused) == (done.steps, True, True, ())
    assert remaining_of(account, built) == set()
    assert remaining_of(account, other) == {other.instance_id, other.key, other.group_id, *other.volumes}


async def test_a_second_time_finds_everything_gone(account: Account) -> None:
    build(account, STARTED)
    builder = await discovered(account)
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
    builder = await discovered(account)
    ec2 = account.ec2(HOME)

    def kill(**_: Any) -> None:
        raise KilledError

    hook = f"before-call.ec2.{killed_before}"
    ec2.meta.events.register_first(hook, kill)
    with pytest.raises(KilledError):
        await end(account, builder)
    ec2.meta.events.unregister(hook, kill)
    assert (await end(account, builder)).complete
    assert remaining_of(account, built) == set()


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
    done = await end(account, await discovered(account))
    (step,) = done.steps
    assert step.outcome is Outcome.REFUSED
    assert why in step.reason
    assert (done.terminated, done.complete, done.refused) == (False, False, (step,))
    assert remaining_of(account, built) == {built.instance_id, built.key, built.group_id, *built.volumes}


async def test_a_tag_that_came_between_the_alert_and_the_click_protects(account: Account) -> None:
    built = build(account, STARTED)
    builder = await discovered(account)
    account.ec2(HOME).create_tags(Resources=[built.instance_id], Tags=[{"Key": "signalbox:keep", "Value": "Ana"}])
    assert not (await end(account, builder)).terminated


async def test_termination_protection_is_told_with_the_way_out(account: Account) -> None:
    built = build(account, STARTED)
    account.ec2(HOME).modify_instance_attribute(InstanceId=built.instance_id, DisableApiTermination={"Value": True})
    (step,) = (await end(account, await discovered(account))).steps
    assert step.outcome is Outcome.REFUSED
    assert "termination protection is switched on. Switch it off in the console" in step.reason
    assert built.key in remaining_of(account, built)


@pytest.mark.parametrize(
    ("code", "outcome", "text"),
    [
        ("UnauthorizedOperation", Outcome.REFUSED, "Allow ec2:TerminateInstances in the policy"),
        ("RequestLimitExceeded", Outcome.WAITING, "AWS cannot process the request right now"),
        ("InvalidInstanceID.NotFound", Outcome.ABSENT, ""),
    ],
)
async def test_what_aws_says_to_a_termination_is_told(account: Account, code: str, outcome: Outcome, text: str) -> None:
    build(account, STARTED)
    builder = await discovered(account)
    refuse(account.ec2(HOME), "TerminateInstances", code)
    step = (await end(account, builder, polling=SHORT)).steps[0]
    assert step.outcome is outcome
    assert text in step.reason


async def test_an_instance_that_cannot_be_looked_at_is_not_touched(account: Account) -> None:
    built = build(account, STARTED)
    builder = await discovered(account)
    refuse(account.ec2(HOME), "DescribeInstances", "UnauthorizedOperation", times=1)
    made = calls_of(account.ec2(HOME))
    with pytest.raises(AccessDeniedError):
        await end(account, builder)
    assert [operation for operation, _ in made] == ["DescribeInstances"]
    assert built.instance_id in remaining_of(account, built)


async def test_one_that_is_slow_to_end_is_waited_for_and_then_said(account: Account) -> None:
    build(account, STARTED)
    builder = await discovered(account)
    # AWS has taken the order, and nothing happens.
    answer(account.ec2(HOME), "TerminateInstances", {})
    (step,) = (await end(account, builder, polling=SHORT)).steps
    assert (step.outcome, step.reason) == (Outcome.WAITING, "it is still running after 0.3 seconds")


async def test_a_group_that_is_still_used_is_tried_again(account: Account) -> None:
    built = build(account, STARTED)
    builder = await discovered(account)
    refused = refuse(account.ec2(HOME), "DeleteSecurityGroup", "DependencyViolation", times=3)
    done = await end(account, builder)
    assert (len(refused), done.complete, remaining_of(account, built)) == (3, True, set())


async def test_a_group_that_stays_in_use_is_told_and_the_rest_goes(account: Account) -> None:
    built = build(account, STARTED)
    builder = await discovered(account)
    refuse(account.ec2(HOME), "DeleteSecurityGroup", "DependencyViolation")
    done = await end(account, builder, polling=SHORT)
    (step,) = [item for item in done.steps if not item.final]
    assert (step.outcome, step.reason) == (Outcome.WAITING, "something still uses it (DependencyViolation)")
    assert (done.terminated, done.complete, remaining_of(account, built)) == (True, False, {built.group_id})


async def test_a_missing_permission_is_told_and_the_rest_goes(account: Account) -> None:
    built = build(account, STARTED)
    builder = await discovered(account)
    refuse(account.ec2(HOME), "DeleteKeyPair", "UnauthorizedOperation")
    done = await end(account, builder)
    (step,) = done.refused
    assert step.reason == (
        "AWS forbids DeleteKeyPair (UnauthorizedOperation). Allow ec2:DeleteKeyPair in the policy of the bot's role or user"
    )
    assert (done.complete, remaining_of(account, built)) == (False, {built.key})


async def test_volumes_that_were_attached_by_hand_or_moved_on_are_kept(account: Account) -> None:
    built = build(account, STARTED)
    ec2 = account.ec2(HOME)
    builder = await discovered(account)
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
    by_hand, attached_to_other = (await end(account, asked)).steps[-2:]
    assert (by_hand.resource, by_hand.outcome, "not by Packer" in by_hand.reason) == (mine, Outcome.SKIPPED, True)
    assert (attached_to_other.outcome, attached_to_other.reason) == (Outcome.SKIPPED, f"it is attached to {other}")
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
    builder = await discovered(account)
    stored = (await end(account, builder)).steps[-1]
    assert (stored.what, stored.resource, stored.outcome) == ("IAM profile", name, Outcome.SKIPPED)
    assert iam.get_instance_profile(InstanceProfileName=name)
    deleted = (await end(account, builder, delete_profile=True)).steps[-1]
    assert deleted.outcome is Outcome.DONE
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.ABSENT


@pytest.mark.parametrize("refused_once", ["DeleteRole", "DeleteInstanceProfile"])
async def test_a_profile_that_went_half_way_is_brought_to_its_end(account: Account, refused_once: str) -> None:
    iam, _ = with_profile(account)
    builder = await discovered(account)
    refuse(iam, refused_once, "AccessDenied", times=1)
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.REFUSED
    assert (await end(account, builder, delete_profile=True)).steps[-1].outcome is Outcome.DONE
    assert (iam.list_roles()["Roles"], iam.list_instance_profiles()["InstanceProfiles"]) == ([], [])
