"""What is still there of that which belonged to a builder that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.builders.reading import DESCRIPTION
from runners.aws.client import explained, filters, literally
from runners.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.client import Account
    from runners.results import Builder


async def remains(account: Account, builder: Builder, *, timeout: float = 60.0) -> tuple[str, ...]:
    """What Packer had made for this builder and is still there: "key pair packer_…", "volume vol-…".

    Raises:
        AccessDeniedError, UnavailableError: as AWS says; nobody can say then that nothing is left.
    """
    doing = f"looking for what {builder.instance_id} left behind"
    try:
        return await run_blocking(_there, account, builder, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


def _there(account: Account, builder: Builder) -> tuple[str, ...]:
    ec2 = account.ec2(builder.region)
    return (*_key_pairs(ec2, builder), *_groups(ec2, builder), *_volumes(ec2, builder))


def _key_pairs(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    if key := builder.temporary_key:
        asked = filters({"key-name": (literally(key),)})
        for describe_key_pair in ec2.describe_key_pairs(Filters=asked)["KeyPairs"]:  # type: ignore[arg-type]
            yield f"key pair {describe_key_pair['KeyName']}"


def _groups(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    if ids := [group.group_id for group in builder.temporary_groups]:
        asked = filters({"group-id": ids, "description": (DESCRIPTION,)})
        for describe_security_group in ec2.describe_security_groups(Filters=asked)["SecurityGroups"]:  # type: ignore[arg-type]
            yield f"security group {describe_security_group['GroupName']}"


def _volumes(ec2: EC2Client, builder: Builder) -> Iterator[str]:
    if ids := [volume.volume_id for volume in builder.volumes if volume.from_launch and not volume.goes_along]:
        asked = filters({"volume-id": ids, "status": ("creating", "available", "in-use", "error")})
        for volume in ec2.describe_volumes(Filters=asked)["Volumes"]:  # type: ignore[arg-type]
            others = {each.get("InstanceId") for each in volume.get("Attachments", ())} - {builder.instance_id}
            if not others:
                yield f"volume {volume['VolumeId']}"
