"""`check` looks for what the configured tags name in EC2."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.check import machines as checking
from bot.config import read
from runners.aws.client import Account
from runners.errors import UnavailableError
from tests.unit.runners.ec2_world import BASE, HOME, aws_within, image

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)
FILE = """\
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {channel: "#dev", machines: [backend, cron], deploy: {github_actions: {workflow: d.yml}}}
"""
IMAGES = FILE + 'images: {workflow: b.yml, ami_name_tag: {backend: "{environment}", "*": "{machine}-{environment}"}}\n'


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with aws_within(monkeypatch):
        yield Account((HOME,), attempts=1)


def start(account: Account, tag: str) -> None:
    instances = account.ec2(HOME).run_instances(ImageId=BASE, MinCount=1, MaxCount=1)["Instances"]
    account.ec2(HOME).create_tags(Resources=[instances[0]["InstanceId"]], Tags=[{"Key": "type", "Value": tag}])


async def findings(file: str) -> list[tuple[bool, str, str]]:
    result = await checking.check_machines(read(file, "signalbox.yaml"))
    return [(connection.ok, connection.detail, connection.remedy) for connection in result.connections()]


async def test_what_there_is_is_one_line(account: Account) -> None:
    for machine in ("backend", "cron"):
        start(account, f"dev {machine}")
    for name in ("dev", "cron-dev"):
        image(account, name, MADE_AT)
    ((ok, detail, _),) = await findings(IMAGES)
    assert ok
    assert detail == "dev: 2 machines run, 2 kinds of images are in us-west-2"


async def test_a_machine_that_does_not_run_is_named_with_the_nearest_tag(account: Account) -> None:
    for tag in ("dev backend", "development cron"):
        start(account, tag)
    ((ok, detail, remedy),) = await findings(FILE)
    assert not ok
    assert detail.startswith(
        'environments.dev.machines: No running instance in us-west-2 has the tag type = "dev cron"'
    )
    assert remedy.startswith("Running instances have 'development cron', 'dev backend'.")


async def test_an_image_that_no_build_made_is_named_with_the_nearest_tag(account: Account) -> None:
    for machine in ("backend", "cron"):
        start(account, f"dev {machine}")
    for name in ("dev", "dev-cron"):
        image(account, name, MADE_AT)
    ((ok, detail, remedy),) = await findings(IMAGES)
    assert not ok
    assert detail == (
        'images.ami_name_tag: us-west-2 has no image of cron in dev: none of its own has the tag Name = "cron-dev"'
    )
    assert remedy == "Build it, or correct the tag. Images have dev, dev-cron."


async def test_where_aws_cannot_be_asked_its_own_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise UnavailableError("reading the AWS settings", "AWS cannot be reached")

    monkeypatch.setattr(checking, "make_clients", unreachable)
    assert await findings(FILE) == [(True, "not looked up: AWS cannot be reached", "")]


def test_without_machines_there_is_nothing_to_look_for() -> None:
    assert checking.names_machines(read(FILE, "signalbox.yaml"))
    assert not checking.names_machines(read(FILE.replace("machines: [backend, cron], ", ""), "signalbox.yaml"))
