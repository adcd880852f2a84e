"""Finding builders in EC2, by a few narrow questions in each region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore import exceptions

from runners.aws.builders.reading import DESCRIPTION, PREFIX, Recognition, read_builder, run_id_of, started_by_name
from runners.aws.client import (
    MOST_VALUES,
    batches,
    explained,
    filters,
    in_each_region,
    listed,
    literally,
    tags_of,
    unread,
)
from runners.concurrency import run_blocking
from runners.results import Builder, FoundBuilders, KeyPair, OrphanedSecurityGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

    from runners.aws.client import Account
    from runners.results import Unreadable

T = TypeVar("T")

_THERE = ("pending", "running", "shutting-down", "stopping", "stopped")
_PAGE = 1000


async def find(account: Account, recognition: Recognition, *, timeout: float = 120.0) -> FoundBuilders:
    """The builders in all regions of the account, terminated ones left out.

    Five narrow questions a region: Packer's key pairs, its security groups, and the instances with such a key pair,
    name tag and run tag; a sixth, for the instances in such a security group, where there is one. What cannot be read
    is in `unread`; the rest is complete.
    """

    def ask(region: str) -> _Scan:
        return _scan(account.ec2(region), region, recognition)

    answers, refused = await in_each_region(account, ask, what="builders", timeout=timeout)
    scans = answers.values()
    builders = [one for scan in scans for one in scan.builders]
    builders.sort(key=lambda one: (one.started_at, one.instance_id))
    return FoundBuilders(
        tuple(builders),
        tuple(key for scan in scans for key in scan.loose_keys()),
        tuple(group for scan in scans for group in scan.loose_groups()),
        (*refused, *(one for scan in scans for one in scan.unread)),
    )


async def look_again(
    account: Account, region: str, instance_id: str, recognition: Recognition, *, timeout: float = 60.0
) -> Builder | None:
    """The instance as it is now, terminated or not, builder (still) or not; None when EC2 no longer lists it.

    EC2 lists a terminated instance for about an hour.

    Raises:
        AccessDeniedError, UnavailableError: as AWS says.
    """
    doing = f"looking at {instance_id}"

    def ask() -> Builder | None:
        ec2 = account.ec2(region)
        for owner, instance in _instances(ec2, {"instance-id": (instance_id,)}).values():
            ids = [one["GroupId"] for one in instance.get("SecurityGroups", ())]
            packers = (
                {group.group_id for group in _groups(ec2, region, recognition, {"group-id": ids})} if ids else set()
            )
            return read_builder(instance, region=region, account=owner, recognition=recognition, packers_groups=packers)
        return None

    try:
        return await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


@dataclass
class _Scan:
    """What one region has shown."""

    builders: list[Builder]
    keys: list[KeyPair]
    groups: list[OrphanedSecurityGroup]
    unread: list[Unreadable]

    def loose_keys(self) -> Iterator[KeyPair]:
        used = {builder.key_name for builder in self.builders}
        return (key for key in self.keys if key.started_at and key.name not in used)

    def loose_groups(self) -> Iterator[OrphanedSecurityGroup]:
        used = {group.group_id for builder in self.builders for group in builder.security_groups}
        return (group for group in self.groups if group.group_id not in used)


def _scan(ec2: EC2Client, region: str, recognition: Recognition) -> _Scan:
    missing: list[Unreadable] = []

    def answered(what: str, ask: Callable[[], list[T]]) -> list[T]:
        try:
            return ask()
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            missing.append(unread(explained(error, f"reading {what}"), region, what))
            return []

    keys = answered("the key pairs of builders", lambda: list(_keys(ec2, region, recognition)))
    groups = answered("the security groups of builders", lambda: list(_groups(ec2, region, recognition)))
    instances: dict[str, tuple[str, InstanceTypeDef]] = {}
    for narrow in _narrow(recognition, keys, groups):
        instances |= _instances(ec2, {**narrow, "instance-state-name": _THERE})
    packers = {group.group_id for group in groups}
    read = (
        read_builder(instance, region=region, account=owner, recognition=recognition, packers_groups=packers)
        for owner, instance in instances.values()
    )
    return _Scan([builder for builder in read if builder.matched_by], keys, groups, missing)


def _narrow(
    recognition: Recognition, keys: list[KeyPair], groups: list[OrphanedSecurityGroup]
) -> Iterator[dict[str, Iterable[str]]]:
    # The wildcard also finds instances whose key pair is gone; but some who speak EC2's language take it literally.
    yield {"key-name": (f"{PREFIX}*", *(literally(key.name) for key in keys[-MOST_VALUES + 1 :]))}
    # A group that is in use cannot be gone.
    for batch in batches(group.group_id for group in groups):
        yield {"instance.group-id": batch}
    if recognition.name_tag:
        yield {"tag:Name": (literally(recognition.name_tag),)}
    yield {"tag-key": (literally(recognition.run_tag),)}


def _instances(ec2: EC2Client, named: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, InstanceTypeDef]]:
    """The instances by id, each with its owner's account."""
    held = listed(ec2, "describe_instances", "Reservations", page=_PAGE, Filters=filters(named))
    return {
        instance["InstanceId"]: (each.get("OwnerId", ""), instance) for each in held for instance in each["Instances"]
    }


def _keys(ec2: EC2Client, region: str, recognition: Recognition) -> Iterator[KeyPair]:
    for describe_key_pair in ec2.describe_key_pairs(Filters=filters({"key-name": (f"{PREFIX}*",)}))["KeyPairs"]:  # type: ignore[arg-type]
        run_id = run_id_of(tags_of(describe_key_pair), recognition)
        yield KeyPair(region, describe_key_pair["KeyName"], started_by_name(describe_key_pair["KeyName"]), run_id)


def _groups(
    ec2: EC2Client, region: str, recognition: Recognition, also: Mapping[str, Iterable[str]] | None = None
) -> Iterator[OrphanedSecurityGroup]:
    asked = filters({"group-name": (f"{PREFIX}*",), "description": (DESCRIPTION,), **(also or {})})
    for group in listed(ec2, "describe_security_groups", "SecurityGroups", page=_PAGE, Filters=asked):
        run_id = run_id_of(tags_of(group), recognition)
        yield OrphanedSecurityGroup(
            region, group["GroupId"], group["GroupName"], started_by_name(group["GroupName"]), run_id
        )
