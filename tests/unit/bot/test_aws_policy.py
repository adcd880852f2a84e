"""The policy has an action for each call of AWS that the program can make, and none that it never makes."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name

from bot import aws_policy
from bot.config import read
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.config import Config

PROJECT = Path(__file__).parents[3]
SERVICES = (
    "autoscaling",
    "backup",
    "cloudwatch",
    "ec2",
    "iam",
    "imagebuilder",
    "pricing",
    "rbin",
    "s3",
    "secretsmanager",
    "ssm",
    "sts",
)
# Words of the program that are the names of calls that it does not make.
OTHER = {"runners/github/secrets.py": {"create_secret"}, "runners/github/runs/dispatch.py": {"get_workflow"}}
# S3's actions are not named as its calls (Service Authorization Reference, Amazon S3).
S3 = {
    "DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "GetBucketEncryption": {"s3:GetEncryptionConfiguration"},
    "GetObjectLockConfiguration": {"s3:GetBucketObjectLockConfiguration"},
    "ListObjectsV2": {"s3:ListBucket"},
    "ListObjectVersions": {"s3:ListBucketVersions"},
}
EXTENT = {
    "s3:GetObjectVersion",
    "s3:PutObjectRetention",
    "sts:AssumeRole",
    "ssm:StartSession",
}  # of parameters, credentials and ssh
TEXT = """slack: {channel: "#ops"}
github: {repository: acme/infra}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
operations: {artifacts: s3://artifacts/signalbox}
audit: {anchor: {to: [{s3: {bucket: anchors}}]}}
watch: {builders: {}, images: {}}
images: {workflow: build.yml, keep: {disable_first: 7d}}
secrets:
  users: [ci]
  parameters: [/ci/]
  rotate:
    build:
      user: builder
      environment: dev
      places: [{parameter: /ci/key}, {secrets_manager: ci/key}, {github: KEY_ID, value: id}]
environments:
  dev:
    machines: [web]
    deploy: {ansible: {directory: ., playbook: site.yml, user: deploy, private_key_env: KEY, ssh: {session_manager: true}}}
  prod:
    machines: [web]
    aws: {role: "arn:aws:iam::222222222222:role/signalbox"}
    deploy: {ansible: {directory: ., playbook: site.yml, user: deploy, private_key_env: KEY}}
"""


@pytest.fixture
def config() -> Config:
    return read(TEXT)


@cache
def calls_of_aws() -> dict[str, set[tuple[str, str]]]:
    """boto3's name of each call, with the services that have it and its name there."""
    session = botocore.session.get_session()
    calls: dict[str, set[tuple[str, str]]] = {}
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            calls.setdefault(xform_name(operation), set()).add((service, operation))
    return calls


def words_of(path: Path) -> set[str]:
    """The attributes and texts of a file that have the name of a call."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    words = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {word for word in words if "_" in word and word in calls_of_aws()} - OTHER.get(
        str(path.relative_to(PROJECT)), set()
    )


def actions_of(service: str, operation: str) -> set[str]:
    return S3.get(operation, {f"s3:{operation}"}) if service == "s3" else {f"{service}:{operation}"}


def made() -> dict[str, set[str]]:
    """The actions that each call of the program may be, by boto3's name: one of several services has it."""
    words = set[str]().union(
        *(words_of(path) for room in ("runners", "handlers", "bot") for path in (PROJECT / room).rglob("*.py"))
    )
    return {word: set[str]().union(*(actions_of(*call) for call in calls_of_aws()[word])) for word in words}


def allowed(config: Config) -> set[str]:
    return {action for each in aws_policy.statements(config) for action in each.actions}


def test_each_call_of_the_program_is_allowed_where_everything_is_configured(config: Config) -> None:
    missing = {word: actions for word, actions in made().items() if not actions & allowed(config)}
    assert not missing, "bot/aws_policy.py lacks them"
    assert len(made()) > 50


def test_nothing_is_allowed_that_the_program_never_does(config: Config) -> None:
    never = allowed(config) - set[str]().union(*made().values()) - EXTENT
    assert not never


def test_a_small_configuration_needs_little() -> None:
    small = read(
        "\n".join(TEXT.splitlines()[:4]) + "\nenvironments: {dev: {machines: [web], approval: {required: 1}}}\n"
    )
    assert {action.partition(":")[2][:3] for action in allowed(small)} <= {"Des", "Get"}


def test_the_role_of_an_environment_has_its_own_policy(config: Config) -> None:
    own = {each.sid: each for each in aws_policy.statements(config)}
    assert own["RolesOfEnvironments"].resources == ("arn:aws:iam::222222222222:role/signalbox",)
    role = {each.sid: each for each in aws_policy.statements(config, "prod")}
    assert set(role) == {"Machines", "Consoles", "ListsOfSecrets", "AgesOfKeys"}
    with pytest.raises(UserError, match=r"dev has no aws\.role"):
        aws_policy.statements(config, "dev")
    with pytest.raises(UserError, match="no environment nowhere"):
        aws_policy.statements(config, "nowhere")


def test_places_of_values_that_people_set_may_be_written() -> None:
    places = "{dev: {parameter: /app/token}, prod: {secrets_manager: app/token}}"
    pages = TEXT.replace("operations: {", "operations: {pages: {url: https://signalbox.example.com}, ")
    config = read(pages.replace("secrets:\n", f"secrets:\n  values: {{TOKEN: {places}}}\n"))
    own = {each.sid: each for each in aws_policy.statements(config)}
    assert own["ParametersOfKeys"].resources == (
        "arn:aws:ssm:*:*:parameter/app/token",
        "arn:aws:ssm:*:*:parameter/ci/key",
    )
    role = {each.sid: each for each in aws_policy.statements(config, "prod")}
    assert role["EntriesOfKeys"].resources == ("arn:aws:secretsmanager:*:*:secret:app/token-??????",)


def test_what_changes_something_is_limited_to_its_resources(config: Config) -> None:
    by_sid = {each.sid: each for each in aws_policy.statements(config)}
    assert by_sid["TerminateBuilders"].condition == {"StringEquals": {"aws:ResourceTag/Name": "Packer Builder"}}
    assert by_sid["RotateKeys"].resources == ("arn:aws:iam::*:user/builder",)
    assert by_sid["ParametersOfKeys"].resources == ("arn:aws:ssm:*:*:parameter/ci/key",)
    assert by_sid["Artifacts"].resources == ("arn:aws:s3:::artifacts/signalbox/*",)


def test_json_and_terraform_say_the_same(config: Config) -> None:
    policy = aws_policy.statements(config)
    document: dict[str, Any] = json.loads(aws_policy.as_json(policy))
    assert [each["Sid"] for each in document["Statement"]] == [each.sid for each in policy]
    assert all(each["Sid"].isalnum() for each in document["Statement"])
    written = aws_policy.as_terraform(policy)
    assert all(action in written for action in allowed(config))
    terraform = shutil.which("terraform")
    if terraform:
        formatted = subprocess.run(
            [terraform, "fmt", "-"], input=written + "\n", capture_output=True, text=True, check=True
        )
        assert formatted.stdout == written + "\n"
