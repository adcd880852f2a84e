"""The AWS credentials and the region that Terraform gets: those of its environment, and of no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from moto import mock_aws

from bot.config import read
from bot.services import Secrets, Services
from handlers.plan import local_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.operations.operation import Operation
    from runners.results import AwsPlace

FILE = """\
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
environments:
  dev: {terraform: {directory: dev}}
  eu: {aws: {region: eu-west-1, profile: eu}, terraform: {directory: eu}}
  prod: {aws: {role: "arn:aws:iam::222222222222:role/deploys"}, terraform: {directory: prod}}
  other: {aws: {region: eu-west-1, role: "arn:aws:iam::222222222222:role/deploys"}, terraform: {directory: o, aws_profile: eu}}
"""


@pytest.fixture(autouse=True)
def _aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "credentials").write_text("[eu]\naws_access_key_id = AKIAEU\naws_secret_access_key = eu-secret\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIABOT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "bot-secret")
    with mock_aws():
        yield


async def given(environment: str, tmp_path: Path) -> dict[str, str]:
    config = read(FILE)
    services = SimpleNamespace(config=config, secrets=Secrets({}, search_path=""))
    chosen = config.environments[environment]
    operation = cast("Operation", SimpleNamespace(services=services, environment=chosen, scratch=tmp_path))
    assert chosen.terraform
    env = await local_backend._environment(operation, chosen.terraform)
    return {name: value for name, value in env.items() if name.startswith("AWS_")}


async def test_without_a_profile_or_role_it_gets_the_region_alone(tmp_path: Path) -> None:
    assert await given("dev", tmp_path) == {"AWS_REGION": "us-west-2"}


@pytest.mark.parametrize("environment", ["eu", "other"])
async def test_a_profile_is_given_with_the_region(tmp_path: Path, environment: str) -> None:
    assert await given(environment, tmp_path) == {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIAEU",
        "AWS_SECRET_ACCESS_KEY": "eu-secret",
    }


async def test_a_role_is_given_by_the_credentials_of_its_session(tmp_path: Path) -> None:
    env = await given("prod", tmp_path)
    assert env["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert env["AWS_SESSION_TOKEN"]
    assert "bot-secret" not in env.values()


def test_clients_are_those_of_the_environment() -> None:
    config = read(FILE)
    made: list[AwsPlace] = []
    services = cast("Services", SimpleNamespace(config=config, aws=object(), other_aws=made.append))
    assert Services.aws_of(services, config.environments["dev"]) is services.aws
    Services.aws_of(services, config.environments["prod"])
    assert [(place.region, place.role) for place in made] == [("us-west-2", "arn:aws:iam::222222222222:role/deploys")]
