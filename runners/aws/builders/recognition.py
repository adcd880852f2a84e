"""Recognises builders among EC2's instances, and reads them from EC2's answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runners.aws.client import PROTECTION_TAG, tags_of
from runners.results import TEMPORARY_NAME, AttachedVolume, Builder, Match, SecurityGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mypy_boto3_ec2.type_defs import InstanceTypeDef

PREFIX = "packer_"
# The description of the security group that packer-plugin-amazon makes.
DESCRIPTION = "Temporary group for Packer"
# The clock of the machine that ran Packer may be wrong by this much.
_SKEW = timedelta(minutes=10)
# The volumes of a launch are attached within this time; a person attached later ones.
_AT_LAUNCH = timedelta(minutes=2)
_UUIDS_SINCE = datetime(2014, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recognition:
    """How builders are tagged, besides Packer's own names: the value of their tag `Name`, and the key of the tag with the run's id."""

    name_tag: str | None = "Packer Builder"
    run_tag: str = "GITHUB_RUN_ID"


def read_builder(
    instance: InstanceTypeDef, *, region: str, account: str, recognition: Recognition, packer_groups: Collection[str]
) -> Builder:
    """The instance as a builder; `matched_by` is empty for an instance that is no builder.

    `packer_groups` are the ids of the security groups with Packer's name and description.
    """
    tags = tags_of(instance)
    launched = instance["LaunchTime"].astimezone(UTC)
    key = instance.get("KeyName") or None
    groups = tuple(
        SecurityGroup(group["GroupId"], group.get("GroupName", ""), group["GroupId"] in packer_groups)
        for group in instance.get("SecurityGroups", ())
    )
    profile = instance.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2] or None
    placement = instance.get("Placement", {})
    return Builder(
        instance_id=instance["InstanceId"],
        region=region,
        type=instance.get("InstanceType", "unknown"),
        name=tags.get("Name", ""),
        state=instance["State"]["Name"],
        launched_at=launched,
        started_at=_started_at(launched, (key, *(group.name for group in groups if group.temporary), profile)),
        matched_by=tuple(_matches(tags, key, groups, recognition)),
        image_id=instance.get("ImageId", ""),
        zone=placement.get("AvailabilityZone", ""),
        key_name=key,
        security_groups=groups,
        volumes=tuple(_volumes(instance)),
        iam_profile=profile,
        run_id=run_id_of(tags, recognition),
        spot=instance.get("InstanceLifecycle") == "spot",
        protected=PROTECTION_TAG in tags,
        account=account,
        usage_operation=instance.get("UsageOperation", ""),
        tenancy=placement.get("Tenancy", "default"),
        state_reason=instance.get("StateTransitionReason", ""),
    )


def started_by_name(name: str) -> datetime | None:
    """When Packer generated this temporary name; None for any other name."""
    match = TEMPORARY_NAME.fullmatch(name)
    if not match:
        return None
    at = datetime.fromtimestamp(int(match.group(1), 16), UTC)
    return at if at >= _UUIDS_SINCE else None


def run_id_of(tags: dict[str, str], recognition: Recognition) -> int | None:
    """The id of the workflow run that the tags name."""
    value = tags.get(recognition.run_tag, "")
    return int(value) if value.isascii() and value.isdigit() else None


def _started_at(launched: datetime, names: Iterable[str | None]) -> datetime:
    """The earliest time in a temporary name, if this instance can have been requested then."""
    times = [at for name in names if name and (at := started_by_name(name)) and at <= launched + _SKEW]
    return min(times, default=launched)


def _matches(
    tags: dict[str, str], key: str | None, groups: Iterable[SecurityGroup], recognition: Recognition
) -> Iterator[Match]:
    if key and key.startswith(PREFIX):
        yield Match.KEY_PAIR
    if any(group.temporary for group in groups):
        yield Match.SECURITY_GROUP
    if recognition.name_tag and tags.get("Name") == recognition.name_tag:
        yield Match.NAME_TAG
    if recognition.run_tag in tags:
        yield Match.RUN_TAG


def _volumes(instance: InstanceTypeDef) -> Iterator[AttachedVolume]:
    mappings = [mapping for mapping in instance.get("BlockDeviceMappings", ()) if "Ebs" in mapping]
    first = min((mapping["Ebs"]["AttachTime"] for mapping in mappings if "AttachTime" in mapping["Ebs"]), default=None)
    for mapping in mappings:
        ebs = mapping["Ebs"]
        attached = ebs.get("AttachTime")
        yield AttachedVolume(
            volume_id=ebs["VolumeId"],
            deleted_with_instance=ebs.get("DeleteOnTermination", False),
            attached_at_launch=first is not None and attached is not None and attached - first <= _AT_LAUNCH,
        )
