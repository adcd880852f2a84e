"""Users of images, or of their snapshots, in a region: what runs from them, and what could launch them again.

Each reading is independent: what cannot be read is reported, and then no image counts as unused.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners import phrases
from runners.aws.client import MOST_FILTER_VALUES, explained, filters, listed, unreadable_part
from runners.aws.images.templates import Templates, alias_unread, is_alias, named_by

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.client import Account
    from runners.results import Unreadable

    # The id of an image or a snapshot, and a description of its user.
    Uses = Iterator[tuple[str, str]]

_PAGE = 250  # instances in an answer: some 2 KB each, and ten times that in memory
_NAMED = 5  # users that are named; the others are counted
_LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")


@dataclass
class Users:
    """The users of an image: the first few by name, and their number."""

    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, user: str) -> None:
        """Add a user."""
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(user)

    def __str__(self) -> str:
        return phrases.listed_of(self.named, self.count)


@dataclass
class Usage:
    """The users of the wanted ids; if something is in `unreadable`, there may be others."""

    users: Mapping[str, Users]
    unreadable: tuple[Unreadable, ...]


def read_usage(account: Account, region: str, wanted: Collection[str]) -> Usage:
    """The users of the images and snapshots of these ids. Blocks; memory grows with the wanted ids, not with the account."""
    users: defaultdict[str, Users] = defaultdict(Users)
    missing: list[Unreadable] = []
    images = {identifier for identifier in wanted if identifier.startswith("ami-")}
    ec2, scaling = account.ec2(region), account.client("autoscaling", region)

    def read(what: str, ask: Callable[[], object]) -> None:
        try:
            ask()
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            missing.append(unreadable_part(explained(error, f"reading {what}"), region, what))

    def note(uses: Uses) -> None:
        for identifier, user in uses:
            if is_alias(identifier):
                missing.append(alias_unread(region, user))
            elif identifier in wanted:
                users[identifier].add(user)

    templates = Templates(ec2, wanted)
    configurations: dict[str, list[str]] = {}
    read("launch templates", templates.read)
    read("launch configurations", lambda: configurations.update(_configurations(scaling, wanted)))
    if images:
        read("instances", lambda: note(_instances(ec2, images)))
    read("Auto Scaling groups", lambda: note(_scaling_groups(scaling, templates, configurations)))
    read("spot fleets", lambda: note(_spot_fleets(ec2, templates)))
    read("EC2 fleets", lambda: note(_fleets(ec2, templates)))
    read("spot requests", lambda: note(_spot_requests(ec2)))
    # Last, as the resources that launch from them are better descriptions.
    note(templates.uses())
    note(_of_configurations(configurations))
    return Usage(users, tuple(missing))


def _instances(ec2: EC2Client, images: Collection[str]) -> Uses:
    asked: dict[str, Collection[str]] = {"instance-state-name": _LIVE}
    if len(images) <= MOST_FILTER_VALUES:
        asked["image-id"] = images
    for held in listed(ec2, "describe_instances", "Reservations", page=_PAGE, Filters=filters(asked)):
        for instance in held["Instances"]:
            yield instance.get("ImageId", ""), f"instance {instance['InstanceId']} ({instance['State']['Name']})"


def _configurations(scaling: Any, wanted: Collection[str]) -> dict[str, list[str]]:
    """The wanted ids that launch configurations name, by the name of the configuration."""
    images = {}
    for configuration in listed(scaling, "describe_launch_configurations", "LaunchConfigurations", page=100):
        ids = [each for each in named_by(configuration) if each in wanted or is_alias(each)]
        if ids:
            images[configuration["LaunchConfigurationName"]] = ids
    return images


def _of_configurations(configurations: Mapping[str, list[str]]) -> Uses:
    for name, ids in configurations.items():
        for image_id in ids:
            yield image_id, f"launch configuration {name}"


def _scaling_groups(scaling: Any, templates: Templates, configurations: Mapping[str, list[str]]) -> Uses:
    for group in listed(scaling, "describe_auto_scaling_groups", "AutoScalingGroups", page=100):
        user = f"Auto Scaling group {group['AutoScalingGroupName']}"
        mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        overrides = mixed.get("Overrides", ())
        templates_named = [group.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification")]
        templates_named += [override.get("LaunchTemplateSpecification") for override in overrides]
        ids = set(configurations.get(group.get("LaunchConfigurationName", ""), ()))
        ids |= {override["ImageId"] for override in overrides if override.get("ImageId")}
        ids.update(*(templates.named(specification) for specification in templates_named if specification))
        for identifier in sorted(ids):
            yield identifier, user


def _spot_fleets(ec2: EC2Client, templates: Templates) -> Uses:
    for fleet in listed(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        if str(fleet.get("SpotFleetRequestState", "")).startswith("cancelled"):
            continue
        config = fleet.get("SpotFleetRequestConfig", {})
        ids = {identifier for launch in config.get("LaunchSpecifications", ()) for identifier in named_by(launch)}
        for identifier in sorted(ids | templates.of_configs(config.get("LaunchTemplateConfigs", ()))):
            yield identifier, f"spot fleet {fleet['SpotFleetRequestId']}"


def _fleets(ec2: EC2Client, templates: Templates) -> Uses:
    for fleet in listed(ec2, "describe_fleets", "Fleets"):
        if str(fleet.get("FleetState", "")).startswith("deleted"):
            continue
        for identifier in sorted(templates.of_configs(fleet.get("LaunchTemplateConfigs", ()))):
            yield identifier, f"EC2 fleet {fleet['FleetId']}"


def _spot_requests(ec2: EC2Client) -> Uses:
    """Spot requests that will launch: a persistent request launches again whenever there is capacity."""
    asked = filters({"state": ("open", "active", "disabled")})
    for request in listed(ec2, "describe_spot_instance_requests", "SpotInstanceRequests", page=1000, Filters=asked):
        for identifier in named_by(request.get("LaunchSpecification", {})):
            yield identifier, f"spot request {request['SpotInstanceRequestId']}"
