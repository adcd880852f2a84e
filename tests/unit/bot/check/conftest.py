"""The world of `check`, with AWS's clients created once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from moto import mock_aws

from runners.aws.client import Clients, make_clients
from runners.github import GitHub
from runners.results import AwsPlace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mypy_boto3_ec2.type_defs import TagTypeDef

from tests.unit.bot.check.world import FakeGitHub, World
from tests.unit.runners.ec2_world import BASE


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Made once: reading what boto3 knows of EC2 takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        with mock_aws():
            made = make_clients(AwsPlace("us-west-2"))
            for tag in ("dev backend", "staging backend"):
                [instance] = made.ec2.run_instances(ImageId=BASE, MinCount=1, MaxCount=1)["Instances"]
                tags: list[TagTypeDef] = [{"Key": "type", "Value": tag}]
                made.ec2.create_tags(Resources=[instance["InstanceId"]], Tags=tags)
            yield made


@pytest.fixture
async def world(clients: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    def made(place: AwsPlace) -> Clients:
        return clients if place == AwsPlace("us-west-2") else make_clients(place)

    for module in ("aws", "machines"):
        monkeypatch.setattr(f"bot.check.{module}.make_clients", made)
    monkeypatch.setattr("bot.check.runs_code_here", lambda _: False)  # tests/scenarios checks code, by real programs
    hub = FakeGitHub()
    async with TestServer(hub.app()) as server:
        github = GitHub(str(server.make_url("")), token="ghp_made_up", read_pause=0.0)
        yield World(github, hub, tmp_path)
        await github.close()
