"""Deletes the resources that Packer made for a build. Each function reads the state first, so it can be called again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.aws.builders.recognition import DESCRIPTION, PREFIX
from runners.aws.client import PROTECTION_TAG, code_of, escape_wildcards, explained, tags_of
from runners.aws.steps import failed_step
from runners.results import TEMPORARY_NAME, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client

_PROTECTED = f"the tag {PROTECTION_TAG} protects it"
# The codes by which each service reports that a resource does not exist.
_NOT_FOUND = (
    "InvalidKeyPair.NotFound",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
    "InvalidVolume.NotFound",
    "NoSuchEntity",
)
_IN_USE = ("DependencyViolation", "InvalidGroup.InUse", "VolumeInUse", "IncorrectState")


def key_pair(ec2: EC2Client, name: str) -> Step:
    """Delete a key pair, if Packer made it for a build."""
    what = "key pair"
    if not TEMPORARY_NAME.fullmatch(name):
        return Step(what, name, Outcome.SKIPPED, "it does not have the kind of name that Packer makes up")

    def delete() -> Step:
        matching = ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [escape_wildcards(name)]}])[
            "KeyPairs"
        ]
        if not matching:
            return Step(what, name, Outcome.ABSENT)
        if PROTECTION_TAG in tags_of(matching[0]):
            return Step(what, name, Outcome.SKIPPED, _PROTECTED)
        ec2.delete_key_pair(KeyName=name)
        return Step(what, name, Outcome.DONE)

    return _attempt(what, name, delete)


def security_group(ec2: EC2Client, group_id: str) -> Step:
    """Delete a security group, if it has Packer's name and description; WAITING while it is in use."""
    what = "security group"

    def delete() -> Step:
        matching = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group_id]}])["SecurityGroups"]
        if not matching:
            return Step(what, group_id, Outcome.ABSENT)
        group = matching[0]
        if not group["GroupName"].startswith(PREFIX) or group["Description"] != DESCRIPTION:
            return Step(what, group_id, Outcome.SKIPPED, f"{group['GroupName']} does not carry Packer's description")
        if PROTECTION_TAG in tags_of(group):
            return Step(what, group_id, Outcome.SKIPPED, _PROTECTED)
        ec2.delete_security_group(GroupId=group_id)
        return Step(what, group_id, Outcome.DONE)

    return _attempt(what, group_id, delete)


def volume(ec2: EC2Client, volume_id: str, instance_id: str | None = None) -> Step:
    """Delete a volume; WAITING while it is attached to `instance_id`, SKIPPED where it is attached to another instance."""
    what = "volume"

    def delete() -> Step:
        matching = ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [volume_id]}])["Volumes"]
        if not matching or matching[0]["State"] in ("deleting", "deleted"):
            return Step(what, volume_id, Outcome.ABSENT)
        if PROTECTION_TAG in tags_of(matching[0]):
            return Step(what, volume_id, Outcome.SKIPPED, _PROTECTED)
        others = {attachment.get("InstanceId", "") for attachment in matching[0].get("Attachments", ())} - {instance_id}
        if others:
            return Step(what, volume_id, Outcome.SKIPPED, f"it is attached to {', '.join(sorted(others))}")
        if matching[0]["State"] != "available":
            return Step(what, volume_id, Outcome.WAITING, f"it is {matching[0]['State']}")
        ec2.delete_volume(VolumeId=volume_id)
        return Step(what, volume_id, Outcome.DONE)

    return _attempt(what, volume_id, delete)


def profile(iam: Any, name: str) -> Step:
    """Delete an IAM instance profile and its role of the same name, if Packer made them for a build.

    The profile is deleted last: as long as it exists, this function can be called again and continues.
    """
    what = "IAM profile"
    if not TEMPORARY_NAME.fullmatch(name):
        return Step(what, name, Outcome.SKIPPED, "it does not have the kind of name that Packer makes up")

    def delete() -> Step:
        matching = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        for role in matching["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
        _role(iam, name)
        iam.delete_instance_profile(InstanceProfileName=name)
        return Step(what, name, Outcome.DONE)

    return _attempt(what, name, delete)


def _role(iam: Any, name: str) -> None:
    try:
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    except exceptions.ClientError as error:
        if code_of(error) in _NOT_FOUND:
            return
        raise
    for policy in inline:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


def _attempt(what: str, resource: str, delete: Callable[[], Step]) -> Step:
    """The outcome of the deletion; AWS's errors become part of it, so that the other resources are deleted."""
    doing = f"deleting the {what} {resource}"
    try:
        return delete()
    except exceptions.ClientError as error:
        if code_of(error) in _NOT_FOUND:
            return Step(what, resource, Outcome.ABSENT)
        if code_of(error) in _IN_USE:
            return Step(what, resource, Outcome.WAITING, f"something still uses it ({code_of(error)})")
        return failed_step(what, resource, explained(error, doing))
    except exceptions.BotoCoreError as error:
        return failed_step(what, resource, explained(error, doing))
