"""`python -m bot aws-policy`: the least that the bot's identity in AWS needs for a configuration.

AWS's Service Authorization Reference has which resources and conditions each action can be limited to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bot.config import Config, Environment
    from bot.config.models.secrets import SecretPlace

EVERYTHING = ("*",)  # EC2's and most services' lists cannot be limited to resources
_INVENTORY = (
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "cloudwatch:DescribeAlarms",
    "sts:GetCallerIdentity",
)
_CONSOLE = ("ec2:GetConsoleOutput",)
_BUILDERS = (
    "ec2:DescribeKeyPairs",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVolumes",
    "iam:GetInstanceProfile",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "pricing:GetProducts",
)
_TERMINATION = ("ec2:TerminateInstances",)
_LEFT_BY_BUILDERS = (
    "ec2:DeleteKeyPair",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVolume",
    "iam:DeleteInstanceProfile",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:RemoveRoleFromInstanceProfile",
)
_IMAGE_USE = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLaunchConfigurations",
    "backup:ListBackupVaults",
    "backup:ListRecoveryPointsByBackupVault",
    "ec2:DescribeFleets",
    "ec2:DescribeImageAttribute",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeSnapshots",
    "ec2:DescribeSpotFleetRequests",
    "ec2:DescribeSpotInstanceRequests",
    "ec2:DescribeVolumes",
    "ec2:ListImagesInRecycleBin",
    "ec2:ListSnapshotsInRecycleBin",
    "imagebuilder:GetContainerRecipe",
    "imagebuilder:GetImageRecipe",
    "imagebuilder:ListContainerRecipes",
    "imagebuilder:ListImageBuildVersions",
    "imagebuilder:ListImagePipelines",
    "imagebuilder:ListImageRecipes",
    "imagebuilder:ListImages",
    "rbin:ListRules",
    "ssm:DescribeParameters",
    "ssm:GetParameters",
)
_IMAGE_REMOVAL = ("ec2:DeleteSnapshot", "ec2:DeleteVolume", "ec2:DeregisterImage")
_IMAGE_PAUSE = ("ec2:DisableImage", "ec2:EnableImage")
_SESSIONS = ("ssm:StartSession",)
_SECRET_LISTS = ("ec2:DescribeKeyPairs", "iam:ListRoles", "secretsmanager:ListSecrets", "ssm:DescribeParameters")
_USER_KEYS = ("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys")
_ROTATED_KEYS = ("iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:UpdateAccessKey")
_PARAMETER = ("ssm:PutParameter",)
_ENTRY = ("secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue")
_ARTIFACTS = ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject")
_ARTIFACT_BUCKET = ("s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:ListBucket", "s3:ListBucketVersions")
_ANCHORS = ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention")
_ANCHOR_BUCKET = ("s3:GetBucketObjectLockConfiguration", "s3:ListBucket", "s3:ListBucketVersions")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a policy: its id says what it is for; `condition` as in the policy's grammar."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = EVERYTHING
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def statements(config: Config, environment: str | None = None) -> tuple[Statement, ...]:
    """Those of the bot's own identity, or of the role (`aws.role`) of an environment. Raises UserError."""
    if config.aws is None:
        raise UserError("The configuration has no `aws`, so the bot needs nothing there.")
    if environment is None:
        own = [each for each in config.environments.values() if not each.aws.role]
        return tuple(_of_the_bot(config, own))
    chosen = config.find(environment)
    if chosen is None:
        raise UserError(
            f"There is no environment {environment}. The environments are {', '.join(config.environments)}."
        )
    if not chosen.aws.role:
        raise UserError(f"{chosen.name} has no aws.role: leave its name out for the policy of the bot's own identity.")
    return tuple(
        _of_environments(config, [each for each in config.environments.values() if each.aws.role == chosen.aws.role])
    )


def _of_the_bot(config: Config, environments: Sequence[Environment]) -> Iterator[Statement]:
    yield from _of_environments(config, environments)
    if roles := sorted({each.aws.role for each in config.environments.values() if each.aws.role}):
        yield Statement("RolesOfEnvironments", ("sts:AssumeRole",), tuple(roles))
    yield from _of_builds(config)
    if bucket := config.operations.artifact_bucket:
        name, prefix = bucket
        yield Statement("Artifacts", _ARTIFACTS, (f"arn:aws:s3:::{name}/{_below(prefix)}",))
        yield Statement("ArtifactBucket", _ARTIFACT_BUCKET, (f"arn:aws:s3:::{name}",))
    for number, place in enumerate(
        each.s3 for each in (config.audit.anchor.to if config.audit.anchor else ()) if each.s3
    ):
        yield Statement(f"Anchors{number or ''}", _ANCHORS, (f"arn:aws:s3:::{place.bucket}/{place.prefix}*",))
        yield Statement(f"AnchorBucket{number or ''}", _ANCHOR_BUCKET, (f"arn:aws:s3:::{place.bucket}",))


def _below(prefix: str) -> str:
    return f"{prefix.strip('/')}/*" if prefix.strip("/") else "*"


def _of_builds(config: Config) -> Iterator[Statement]:
    """What builders and images need: they are in the account of the bot's own identity."""
    if builders := config.watch.builders if config.watch else None:
        yield Statement("Builders", _BUILDERS)
        named = {"StringEquals": {"aws:ResourceTag/Name": builders.name_tag}}
        yield Statement("TerminateBuilders", _TERMINATION, ("arn:aws:ec2:*:*:instance/*",), named)
        yield Statement("WhatBuildersLeave", _LEFT_BY_BUILDERS)
    if config.images:
        yield Statement("UseOfImages", _IMAGE_USE)
        yield Statement("RemoveImages", _IMAGE_REMOVAL)
        if config.images.keep.disable_first:
            yield Statement("DisableImages", _IMAGE_PAUSE)


def _of_environments(config: Config, environments: Sequence[Environment]) -> Iterator[Statement]:
    yield Statement("Machines", _INVENTORY)
    yield Statement("Consoles", _CONSOLE)
    ansible = [each.deploy.ansible for each in environments if each.deploy and each.deploy.ansible]
    if any(each.through_sessions for each in ansible):
        instances = ("arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*::document/AWS-StartSSHSession")
        yield Statement("Sessions", _SESSIONS, instances)
    yield from _of_secrets(config, {each.name for each in environments})


def _of_secrets(config: Config, environments: set[str]) -> Iterator[Statement]:
    secrets = config.secrets
    if secrets.uses_aws:
        yield Statement("ListsOfSecrets", _SECRET_LISTS)
    rotated = [each for each in secrets.rotate.values() if each.environment in environments]
    if users := sorted({*secrets.users, *(each.user for each in rotated)}):
        yield Statement("AgesOfKeys", _USER_KEYS, _users(users))
    if rotated:
        yield Statement("RotateKeys", _ROTATED_KEYS, _users(sorted({each.user for each in rotated})))
    places: list[SecretPlace] = [place for each in rotated for place in each.places]
    places += [place for each in secrets.values.values() for name, place in each.items() if name in environments]
    if parameters := sorted({place.parameter for place in places if place.parameter}):
        arns = tuple(f"arn:aws:ssm:*:*:parameter/{name.lstrip('/')}" for name in parameters)
        yield Statement("ParametersOfKeys", _PARAMETER, arns)
    if entries := sorted({place.secrets_manager for place in places if place.secrets_manager}):
        arns = tuple(f"arn:aws:secretsmanager:*:*:secret:{name}-??????" for name in entries)
        yield Statement("EntriesOfKeys", _ENTRY, arns)


def _users(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"arn:aws:iam::*:user/{name}" for name in names)


def as_json(policy: Sequence[Statement]) -> str:
    """The policy's document."""
    written: list[dict[str, Any]] = []
    for each in policy:
        statement: dict[str, Any] = {"Sid": each.sid, "Effect": "Allow", "Action": list(each.actions)}
        statement["Resource"] = "*" if each.resources == EVERYTHING else list(each.resources)
        written.append({**statement, "Condition": each.condition} if each.condition else statement)
    return json.dumps({"Version": "2012-10-17", "Statement": written}, indent=2)


def as_terraform(policy: Sequence[Statement]) -> str:
    """The policy as Terraform's data source aws_iam_policy_document."""
    blocks = "\n".join("\n".join(_block(each)) for each in policy)
    return f'data "aws_iam_policy_document" "signalbox" {{\n{blocks}\n}}'


def _block(statement: Statement) -> Iterator[str]:
    yield "  statement {"
    yield f"    sid       = {json.dumps(statement.sid)}"
    yield f"    actions   = {json.dumps(list(statement.actions))}"
    yield f"    resources = {json.dumps(list(statement.resources))}"
    for test, values in statement.condition.items():
        for variable, value in values.items():
            yield "    condition {"
            yield f"      test     = {json.dumps(test)}"
            yield f"      variable = {json.dumps(variable)}"
            yield f"      values   = {json.dumps([value])}"
            yield "    }"
    yield "  }"
