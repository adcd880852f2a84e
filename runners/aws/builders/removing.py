"""Taking away what Packer made for one build. Each looks first, so that it may be called again at any point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions

from runners.aws.builders.reading import DESCRIPTION, PREFIX
from runners.aws.client import KEEP_TAG, code_of, explained, literally, tags_of
from runners.errors import UnavailableError
from runners.results import TEMPORARY_NAME, Outcome, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client

_PROTECTED = f"the tag {KEEP_TAG} protects it"
# How each service says that something is not there (any more).
_MISSING = (
    "InvalidKeyPair.NotFound",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
    "InvalidVolume.NotFound",
    "NoSuchEntity",
)
_IN_USE = ("DependencyViolation", "InvalidGroup.InUse", "VolumeInUse", "IncorrectState")


def key_pair(ec2: EC2Client, name: str) -> Step:
    """Delete a key pair, if Packer made it for one build."""
    what = "key pair"
    if not TEMPORARY_NAME.fullmatch(name):
        return Step(what, name, Outcome.SKIPPED, "it does not have the kind of name that Packer makes up")

    def take_away() -> Step:
        found = ec2.describe_key_pairs(Filters=[{"Name": "key-name", "Values": [literally(name)]}])["KeyPairs"]
        if not found:
            return Step(what, name, Outcome.ABSENT)
        if KEEP_TAG in tags_of(found[0]):
            return Step(what, name, Outcome.SKIPPED, _PROTECTED)
        ec2.delete_key_pair(KeyName=name)
        return Step(what, name, Outcome.DONE)

    return _tried(what, name, take_away)


def security_group(ec2: EC2Client, group_id: str) -> Step:
    """Delete a security group, if it carries Packer's name and description; WAITING while something uses it."""
    what = "security group"

    def take_away() -> Step:
        found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [group_id]}])["SecurityGroups"]
        if not found:
            return Step(what, group_id, Outcome.ABSENT)
        group = found[0]
        if not group["GroupName"].startswith(PREFIX) or group["Description"] != DESCRIPTION:
            return Step(what, group_id, Outcome.SKIPPED, f"{group['GroupName']} does not carry Packer's description")
        if KEEP_TAG in tags_of(group):
            return Step(what, group_id, Outcome.SKIPPED, _PROTECTED)
        ec2.delete_security_group(GroupId=group_id)
        return Step(what, group_id, Outcome.DONE)

    return _tried(what, group_id, take_away)


def volume(ec2: EC2Client, volume_id: str, instance_id: str | None = None) -> Step:
    """Delete a volume once nothing has it attached; WAITING while `instance_id` still has, KEPT where another one has."""
    what = "volume"

    def take_away() -> Step:
        found = ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [volume_id]}])["Volumes"]
        if not found or found[0]["State"] in ("deleting", "deleted"):
            return Step(what, volume_id, Outcome.ABSENT)
        if KEEP_TAG in tags_of(found[0]):
            return Step(what, volume_id, Outcome.SKIPPED, _PROTECTED)
        others = {one.get("InstanceId", "") for one in found[0].get("Attachments", ())} - {instance_id}
        if others:
            return Step(what, volume_id, Outcome.SKIPPED, f"it is attached to {', '.join(sorted(others))}")
        if found[0]["State"] != "available":
            return Step(what, volume_id, Outcome.WAITING, f"it is {found[0]['State']}")
        ec2.delete_volume(VolumeId=volume_id)
        return Step(what, volume_id, Outcome.DONE)

    return _tried(what, volume_id, take_away)


def profile(iam: Any, name: str) -> Step:
    """Delete an IAM instance profile and its role of the same name, if Packer made them for one build.

    The profile goes last: as long as it is there, this can be called again and finds what is left.
    """
    what = "IAM profile"
    if not TEMPORARY_NAME.fullmatch(name):
        return Step(what, name, Outcome.SKIPPED, "it does not have the kind of name that Packer makes up")

    def take_away() -> Step:
        found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        for role in found["Roles"]:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role["RoleName"])
        _role(iam, name)
        iam.delete_instance_profile(InstanceProfileName=name)
        return Step(what, name, Outcome.DONE)

    return _tried(what, name, take_away)


def _role(iam: Any, name: str) -> None:
    try:
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    except exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return
        raise
    for policy in inline:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


def _tried(what: str, resource: str, take_away: Callable[[], Step]) -> Step:
    """What became of it; an error of AWS's is part of the report, so that the other things can still go."""
    try:
        return take_away()
    except exceptions.ClientError as error:
        if code_of(error) in _MISSING:
            return Step(what, resource, Outcome.ABSENT)
        if code_of(error) in _IN_USE:
            return Step(what, resource, Outcome.WAITING, f"something still uses it ({code_of(error)})")
        return _refusal(what, resource, error)
    except exceptions.BotoCoreError as error:
        return _refusal(what, resource, error)


def _refusal(what: str, resource: str, error: exceptions.BotoCoreError | exceptions.ClientError) -> Step:
    refusal = explained(error, f"deleting the {what} {resource}")
    outcome = Outcome.WAITING if isinstance(refusal, UnavailableError) else Outcome.REFUSED
    return Step(what, resource, outcome, f"{refusal.problem}. {refusal.remedy}".rstrip(" ."))
