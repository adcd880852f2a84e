"""The world of `check`, with AWS's clients created once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer
from moto import mock_aws

from runners.aws.client import Clients, make_clients
from runners.github import GitHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

from tests.unit.bot.check.world import FakeGitHub, World


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    """Made once: reading what boto3 knows of EC2 takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        with mock_aws():
            yield make_clients("us-west-2")


@pytest.fixture
async def world(clients: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[World]:
    def made(region: str, profile: str | None) -> Clients:
        return make_clients(region, profile) if profile else clients

    monkeypatch.setattr("bot.check.aws.make_clients", made)
    monkeypatch.setattr("bot.check.runs_code_here", lambda _: False)  # tests/scenarios checks code, by real programs
    hub = FakeGitHub()
    async with TestServer(hub.app()) as server:
        github = GitHub(str(server.make_url("")), token="ghp_made_up", read_pause=0.0)
        yield World(github, hub, tmp_path)
        await github.close()
