"""What runs from an image, and what could launch it: instances, Auto Scaling, fleets and spot requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.aws.client import MOST_FILTER_VALUES, filters, listed
from runners.aws.images.parameters import is_alias
from runners.aws.images.templates import named_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mypy_boto3_ec2 import EC2Client

    from runners.aws.images.templates import Templates

    # The id of an image or a snapshot (or an alias), and a description of its user.
    Uses = Iterator[tuple[str, str]]

_PAGE = 250  # instances in an answer: some 2 KB each, and ten times that in memory
_LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")


def instances(ec2: EC2Client, images: Collection[str]) -> Uses:
    """Instances in any state but terminated."""
    asked: dict[str, Collection[str]] = {"instance-state-name": _LIVE}
    if len(images) <= MOST_FILTER_VALUES:
        asked["image-id"] = images
    for held in listed(ec2, "describe_instances", "Reservations", page=_PAGE, Filters=filters(asked)):
        for instance in held["Instances"]:
            yield instance.get("ImageId", ""), f"instance {instance['InstanceId']} ({instance['State']['Name']})"


def configurations(scaling: Any, wanted: Collection[str]) -> dict[str, list[str]]:
    """The wanted ids that launch configurations name, by the name of the configuration."""
    images = {}
    for configuration in listed(scaling, "describe_launch_configurations", "LaunchConfigurations", page=100):
        ids = [each for each in named_by(configuration) if each in wanted or is_alias(each)]
        if ids:
            images[configuration["LaunchConfigurationName"]] = ids
    return images


def of_configurations(ids_by_name: Mapping[str, list[str]]) -> Uses:
    """The launch configurations themselves, as returned by `configurations`."""
    for name, ids in ids_by_name.items():
        for image_id in ids:
            yield image_id, f"launch configuration {name}"


def scaling_groups(scaling: Any, templates: Templates, ids_by_name: Mapping[str, list[str]]) -> Uses:
    """Auto Scaling groups, with the overrides of their mixed instances policies."""
    for group in listed(scaling, "describe_auto_scaling_groups", "AutoScalingGroups", page=100):
        user = f"Auto Scaling group {group['AutoScalingGroupName']}"
        mixed = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        overrides = mixed.get("Overrides", ())
        templates_named = [group.get("LaunchTemplate"), mixed.get("LaunchTemplateSpecification")]
        templates_named += [override.get("LaunchTemplateSpecification") for override in overrides]
        ids = set(ids_by_name.get(group.get("LaunchConfigurationName", ""), ()))
        ids.update(*(named_by(override) for override in overrides))
        ids.update(*(templates.named(specification) for specification in templates_named if specification))
        for identifier in sorted(ids):
            yield identifier, user


def spot_fleets(ec2: EC2Client, templates: Templates) -> Uses:
    """Spot fleets that are not cancelled."""
    for fleet in listed(ec2, "describe_spot_fleet_requests", "SpotFleetRequestConfigs"):
        if str(fleet.get("SpotFleetRequestState", "")).startswith("cancelled"):
            continue
        config = fleet.get("SpotFleetRequestConfig", {})
        ids = {identifier for launch in config.get("LaunchSpecifications", ()) for identifier in named_by(launch)}
        for identifier in sorted(ids | templates.of_configs(config.get("LaunchTemplateConfigs", ()))):
            yield identifier, f"spot fleet {fleet['SpotFleetRequestId']}"


def fleets(ec2: EC2Client, templates: Templates) -> Uses:
    """EC2 fleets that are not deleted. EC2 does not list fleets of type instant, which never launch again."""
    for fleet in listed(ec2, "describe_fleets", "Fleets"):
        if str(fleet.get("FleetState", "")).startswith("deleted"):
            continue
        for identifier in sorted(templates.of_configs(fleet.get("LaunchTemplateConfigs", ()))):
            yield identifier, f"EC2 fleet {fleet['FleetId']}"


def spot_requests(ec2: EC2Client) -> Uses:
    """Spot requests that will launch: a persistent request launches again whenever there is capacity."""
    asked = filters({"state": ("open", "active", "disabled")})
    for request in listed(ec2, "describe_spot_instance_requests", "SpotInstanceRequests", page=1000, Filters=asked):
        for identifier in named_by(request.get("LaunchSpecification", {})):
            yield identifier, f"spot request {request['SpotInstanceRequestId']}"
