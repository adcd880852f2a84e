"""Finds builders in EC2 by a few narrow queries in each region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore import exceptions

from runners.aws.builders.recognition import DESCRIPTION, PREFIX, Recognition, read_builder, run_id_of, started_by_name
from runners.aws.client import (
    MOST_FILTER_VALUES,
    batches,
    escape_wildcards,
    explained,
    filters,
    in_each_region,
    listed,
    tags_of,
    unreadable_part,
)
from runners.concurrency import run_blocking
from runners.results import Builder, BuilderList, KeyPair, OrphanedSecurityGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

    from runners.aws.client import Account
    from runners.results import Unreadable

T = TypeVar("T")

_EXISTING = ("pending", "running", "shutting-down", "stopping", "stopped")
_PAGE = 1000


async def find_builders(account: Account, recognition: Recognition, *, timeout: float = 120.0) -> BuilderList:
    """The builders in all regions of the account, without terminated ones.

    Five narrow queries a region: Packer's key pairs, its security groups, and the instances with such a key pair,
    name tag and run tag; a sixth for the instances in such a security group, if there is one. What cannot be read is
    in `unreadable`; the rest is complete.
    """

    def read(region: str) -> _Scan:
        return _scan(account.ec2(region), region, recognition)

    answers, failed = await in_each_region(account, read, what="builders", timeout=timeout)
    scans = answers.values()
    builders = [builder for scan in scans for builder in scan.builders]
    builders.sort(key=lambda builder: (builder.started_at, builder.instance_id))
    return BuilderList(
        tuple(builders),
        tuple(key for scan in scans for key in scan.unused_keys()),
        tuple(group for scan in scans for group in scan.unused_groups()),
        (*failed, *(part for scan in scans for part in scan.unreadable)),
    )


async def read_instance(
    account: Account, region: str, instance_id: str, recognition: Recognition, *, timeout: float = 60.0
) -> Builder | None:
    """The current state of an instance, also when it is terminated or no builder; None when EC2 no longer lists it.

    EC2 lists a terminated instance for about an hour.

    Raises:
        AccessDeniedError, UnavailableError: AWS refused the query, or cannot be reached.
    """
    doing = f"looking at {instance_id}"

    def read() -> Builder | None:
        ec2 = account.ec2(region)
        for owner, instance in _instances(ec2, {"instance-id": (instance_id,)}).values():
            ids = [group["GroupId"] for group in instance.get("SecurityGroups", ())]
            packer_groups = (
                {group.group_id for group in _groups(ec2, region, recognition, {"group-id": ids})} if ids else set()
            )
            return read_builder(
                instance, region=region, account=owner, recognition=recognition, packer_groups=packer_groups
            )
        return None

    try:
        return await run_blocking(read, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


@dataclass
class _Scan:
    """The builders and Packer's resources in a region."""

    builders: list[Builder]
    keys: list[KeyPair]
    groups: list[OrphanedSecurityGroup]
    unreadable: list[Unreadable]

    def unused_keys(self) -> Iterator[KeyPair]:
        used = {builder.key_name for builder in self.builders}
        return (key for key in self.keys if key.started_at and key.name not in used)

    def unused_groups(self) -> Iterator[OrphanedSecurityGroup]:
        used = {group.group_id for builder in self.builders for group in builder.security_groups}
        return (group for group in self.groups if group.group_id not in used)


def _scan(ec2: EC2Client, region: str, recognition: Recognition) -> _Scan:
    missing: list[Unreadable] = []

    def answered(what: str, read: Callable[[], list[T]]) -> list[T]:
        try:
            return read()
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            missing.append(unreadable_part(explained(error, f"reading {what}"), region, what))
            return []

    keys = answered("the key pairs of builders", lambda: list(_keys(ec2, region, recognition)))
    groups = answered("the security groups of builders", lambda: list(_groups(ec2, region, recognition)))
    instances: dict[str, tuple[str, InstanceTypeDef]] = {}
    for query in _instance_filters(recognition, keys, groups):
        instances |= _instances(ec2, {**query, "instance-state-name": _EXISTING})
    packer_groups = {group.group_id for group in groups}
    builders = (
        read_builder(instance, region=region, account=owner, recognition=recognition, packer_groups=packer_groups)
        for owner, instance in instances.values()
    )
    return _Scan([builder for builder in builders if builder.matched_by], keys, groups, missing)


def _instance_filters(
    recognition: Recognition, keys: list[KeyPair], groups: list[OrphanedSecurityGroup]
) -> Iterator[dict[str, Iterable[str]]]:
    # The wildcard matches instances whose key pair was deleted; some implementations of EC2's API take it literally.
    yield {"key-name": (f"{PREFIX}*", *(escape_wildcards(key.name) for key in keys[-MOST_FILTER_VALUES + 1 :]))}
    # A group that is in use cannot have been deleted.
    for batch in batches(group.group_id for group in groups):
        yield {"instance.group-id": batch}
    if recognition.name_tag:
        yield {"tag:Name": (escape_wildcards(recognition.name_tag),)}
    yield {"tag-key": (escape_wildcards(recognition.run_tag),)}


def _instances(ec2: EC2Client, named: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, InstanceTypeDef]]:
    """The instances by id, each with the account of its owner."""
    reservations = listed(ec2, "describe_instances", "Reservations", page=_PAGE, Filters=filters(named))
    return {
        instance["InstanceId"]: (each.get("OwnerId", ""), instance)
        for each in reservations
        for instance in each["Instances"]
    }


def _keys(ec2: EC2Client, region: str, recognition: Recognition) -> Iterator[KeyPair]:
    for key in ec2.describe_key_pairs(Filters=filters({"key-name": (f"{PREFIX}*",)}))["KeyPairs"]:  # type: ignore[arg-type]
        run_id = run_id_of(tags_of(key), recognition)
        yield KeyPair(region, key["KeyName"], started_by_name(key["KeyName"]), run_id)


def _groups(
    ec2: EC2Client, region: str, recognition: Recognition, more: Mapping[str, Iterable[str]] | None = None
) -> Iterator[OrphanedSecurityGroup]:
    query = filters({"group-name": (f"{PREFIX}*",), "description": (DESCRIPTION,), **(more or {})})
    for group in listed(ec2, "describe_security_groups", "SecurityGroups", page=_PAGE, Filters=query):
        run_id = run_id_of(tags_of(group), recognition)
        yield OrphanedSecurityGroup(
            region, group["GroupId"], group["GroupName"], started_by_name(group["GroupName"]), run_id
        )
