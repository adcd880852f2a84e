"""Machine images: their details from EC2, and which images a plan rolls out."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from botocore import exceptions

from runners.aws.client import batches, escape_wildcards, explained
from runners.concurrency import run_blocking
from runners.results import Image, ImageChange, StartedFrom

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef, InstanceTypeDef

    from runners.results import PlanSummary

# EC2 user guide: ids have 8 or 17 hexadecimal digits.
AMI_ID = re.compile(r"ami-(?:[0-9a-f]{17}|[0-9a-f]{8})")
# Tags in which image builds commonly record their commit.
BASE_TAGS = ("base_ami", "base_ami_id", "source_ami", "source_ami_id", "Base_AMI_ID")  # and their base
COMMIT_TAGS = ("commit", "git_sha", "git_commit", "sha")


def rolled_out(summary: PlanSummary, machines: Sequence[str]) -> tuple[tuple[str, str | None, str], ...]:
    """What the plan does to images, as (machine, AMI id now or None, planned AMI id), in the order of the changes.

    A machine role is recognised by its name in the resource's address; without it, the address is used.
    """
    images: dict[tuple[str, str], str | None] = {}
    for resource in summary.changes:
        if resource.image:
            before, after = resource.image
            images.setdefault((_machine(resource.address, machines), after), before)
    return tuple((machine, before, after) for (machine, after), before in images.items())


async def describe(ec2: EC2Client, image_ids: Collection[str], *, timeout: float) -> Mapping[str, Image]:
    """The images by id, without those that EC2 does not list.

    Raises:
        AccessDeniedError, UnavailableError: AWS refused the query, or cannot be reached.
    """
    if not image_ids:
        return {}
    # A filter, as a query by ids fails for all ids when one does not exist.
    described = [await _describe(ec2, "image-id", ids, timeout=timeout) for ids in batches(sorted(image_ids))]
    return {image.image_id: image for images in described for image in images}


async def named(ec2: EC2Client, name_tag: str, *, timeout: float) -> tuple[Image, ...]:
    """The account's own images whose tag `Name` is this one, oldest first. Raises as `describe`."""
    images = await _own(ec2, "tag:Name", [escape_wildcards(name_tag)], timeout=timeout)
    return tuple(sorted(images, key=lambda image: (image.created_at is not None, image.created_at, image.image_id)))


async def tagged(ec2: EC2Client, tag: str, value: str, *, timeout: float) -> tuple[Image, ...]:
    """The account's own images with this tag. Raises as `describe`."""
    return tuple(await _own(ec2, f"tag:{tag}", [escape_wildcards(value)], timeout=timeout))


async def name_tags(ec2: EC2Client, wanted: Collection[str], *, timeout: float) -> frozenset[str]:
    """Those of the `wanted` tags `Name` that images of the account have; where one is missing, all that there are. Raises as `describe`."""
    there: set[str | None] = set()
    for values in batches(map(escape_wildcards, sorted(wanted))):
        there |= {image.name_tag for image in await _own(ec2, "tag:Name", values, timeout=timeout)}
    if not there >= set(wanted):
        there = {image.name_tag for image in await _own(ec2, "tag-key", ["Name"], timeout=timeout)}
    return frozenset(filter(None, there))


async def _own(ec2: EC2Client, filtered: str, values: Sequence[str], *, timeout: float) -> list[Image]:
    return await _describe(ec2, filtered, values, timeout=timeout, owners=["self"])


async def started_from(ec2: EC2Client, image_id: str, *, timeout: float) -> tuple[StartedFrom, ...]:
    """The instances that were started from the image, without terminated ones. Raises as `describe`."""
    doing = f"looking up what runs from {image_id}"

    def ask() -> list[StartedFrom]:
        pages = ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "image-id", "Values": [image_id]}])
        every = [instance for page in pages for held in page["Reservations"] for instance in held["Instances"]]
        return [_started(instance) for instance in every if instance["State"]["Name"] != "terminated"]

    try:
        instances = await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None
    return tuple(sorted(instances, key=lambda instance: (instance.type_tag, instance.instance_id)))


def _started(instance: InstanceTypeDef) -> StartedFrom:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    return StartedFrom(instance["InstanceId"], tags.get("Name", ""), tags.get("type", ""), instance["State"]["Name"])


async def _describe(
    ec2: EC2Client, filtered: str, values: Sequence[str], *, timeout: float, owners: Sequence[str] = ()
) -> list[Image]:
    doing = "looking up images"
    whose = {"Owners": list(owners)} if owners else {}

    def ask() -> list[Image]:
        filters = [{"Name": filtered, "Values": list(values)}]
        pages = ec2.get_paginator("describe_images").paginate(Filters=filters, **whose)  # type: ignore[arg-type]
        return [_image(image) for page in pages for image in page["Images"]]

    try:
        return await run_blocking(ask, timeout=timeout, doing=doing)
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        raise explained(error, doing) from None


async def describe_changes(
    ec2: EC2Client, summary: PlanSummary, machines: Sequence[str], *, timeout: float
) -> tuple[ImageChange, ...]:
    """What the plan does to images, with EC2's details of them. Raises as `describe`."""
    changes = rolled_out(summary, machines)
    ids = {image for _, before, after in changes for image in (before, after) if image}
    described = await describe(ec2, ids, timeout=timeout)
    return tuple(
        ImageChange(
            machine, (described.get(before) or Image(before)) if before else None, described.get(after) or Image(after)
        )
        for machine, before, after in changes
    )


def running(summary: PlanSummary, machines: Sequence[str]) -> tuple[tuple[str, Image], ...]:
    """The images in use by a plan without changes: each machine role with the id of its image, in order."""
    by_place = {machine: place for place, machine in enumerate(machines)}
    images = {(_machine(address, machines), image) for address, image in summary.images}
    ordered = sorted(images, key=lambda pair: (by_place.get(pair[0], len(by_place)), pair))
    return tuple((machine, Image(image)) for machine, image in ordered)


async def describe_running(
    ec2: EC2Client, summary: PlanSummary, machines: Sequence[str], *, timeout: float
) -> tuple[tuple[str, Image], ...]:
    """The same with EC2's details of the images. Raises as `describe`."""
    pairs = running(summary, machines)
    described = await describe(ec2, {image.image_id for _, image in pairs}, timeout=timeout)
    return tuple((machine, described.get(image.image_id) or image) for machine, image in pairs)


def _machine(address: str, machines: Sequence[str]) -> str:
    words = re.split(r"[^A-Za-z0-9-]+", address)
    return next((machine for machine in machines if machine in words), address)


def _image(answer: ImageTypeDef) -> Image:
    tags = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    created = answer.get("CreationDate")
    return Image(
        image_id=answer["ImageId"],
        name=answer.get("Name"),
        created_at=datetime.fromisoformat(created) if created else None,
        commit=next((tags[name] for name in COMMIT_TAGS if name in tags), None),
        name_tag=tags.get("Name"),
        base=answer.get("SourceImageId")
        or next((tags[name] for name in BASE_TAGS if AMI_ID.fullmatch(tags.get(name, ""))), None),
        size_gb=sum(mapping.get("Ebs", {}).get("VolumeSize", 0) for mapping in answer.get("BlockDeviceMappings", ()))
        or None,
    )
