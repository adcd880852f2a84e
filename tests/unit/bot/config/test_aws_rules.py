"""A configuration without AWS loads, and names each key that needs it."""

from __future__ import annotations

import pytest

from bot.config import ConfigError, read
from bot.resources import make_account, make_aws
from runners.aws import amis
from runners.errors import AccessDeniedError

FILE = """\
slack: {channel: "#ops"}
github: {repository: o/r}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {machines: [web], deploy: {github_actions: {workflow: d.yml}}, terraform: {directory: dev}}
"""
ANSIBLE = "{ansible: {directory: p, playbook: d.yml, user: u}}"


def test_plans_and_workflows_need_no_aws() -> None:
    config = read(FILE)
    assert (config.aws, config.aws_place, config.aws_of(config.environments["dev"])) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (FILE + "images: {workflow: b.yml}\n", "images"),
        (FILE + "watch: {builders: {every: 5m}}\n", "watch.builders"),
        (FILE + 'operations: {artifacts: "s3://plans/x"}\n', "operations.artifacts"),
        (FILE + "audit: {anchor: {to: [{s3: {bucket: seals}}]}}\n", "audit.anchor.to[0].s3"),
        (FILE.replace("dev: {", "dev: {aws: {profile: p}, "), "environments.dev.aws"),
        (FILE.replace("{github_actions: {workflow: d.yml}}", ANSIBLE), "environments.dev.deploy.ansible"),
        (FILE.replace("directory: dev}", "directory: dev, aws_profile: p}"), "environments.dev.terraform.aws_profile"),
        (
            FILE.replace("{github_actions: {workflow: d.yml}}", f"{{services: {{api: {ANSIBLE}}}}}"),
            "environments.dev.deploy.services.api.ansible",
        ),
    ],
)
def test_what_needs_aws_is_named(text: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert [(fault.key, fault.problem) for fault in caught.value.faults] == [(key, "needs AWS; add aws.region")]
    assert read(f"aws: {{region: us-west-2}}\n{text}").aws


def test_a_bucket_with_a_region_of_its_own_needs_none() -> None:
    config = read(FILE + "audit: {anchor: {to: [{s3: {bucket: seals, region: eu-west-1}}]}}\n")
    assert config.bucket_in("eu-west-1").region == "eu-west-1"


async def test_what_asks_aws_all_the_same_is_refused_in_words() -> None:
    config = read(FILE)
    clients = make_aws(config)
    with pytest.raises(AccessDeniedError, match="names no AWS account") as refused:
        await amis.describe(clients.ec2, ["ami-0123456789abcdef0"], timeout=10)
    assert refused.value.remedy == "Add aws.region to it."
    with pytest.raises(AccessDeniedError, match="names no AWS account"):
        _ = make_account(config).regions
