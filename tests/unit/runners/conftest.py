"""GitHub on loopback for the runners' tests, and a client of it that does not dawdle; AWS within the process (moto)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from runners.aws.client import Account, Clients, make_clients
from runners.github import GitHub
from runners.results import AwsPlace
from sandbox.github import Exchange, GitHubStandIn, sandbox_repositories
from tests.unit.runners.ec2_world import ABROAD, HOME, aws_within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sandbox.aws_services import AwsServices

TOKEN = "ghp_canary0123456789"


class Fault:
    """What happens to the next `times` requests that fit: `act` is called, and raises or waits."""

    def __init__(
        self, method: str, words: str, act: Callable[[], object], *, phase: str = "before", times: int = 1
    ) -> None:
        self.method, self.words, self.act, self.phase, self.times = method, words, act, phase, times

    async def __call__(self, exchange: Exchange) -> None:
        fits = exchange.method == self.method and self.words in exchange.path and exchange.phase == self.phase
        if fits and self.times > 0:
            self.times -= 1
            self.act()
            await asyncio.sleep(0)


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200, read_only_token="ghp_reader")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def github(stand_in: GitHubStandIn) -> AsyncIterator[GitHub]:
    client = GitHub(stand_in.url, token=TOKEN, write_pause=0, read_pause=0.01)
    yield client
    await client.close()


@pytest.fixture
def aws_services(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServices]:
    """The services of AWS that moto does not have, beside moto."""
    with aws_within(monkeypatch) as services:
        yield services


@pytest.fixture
def account(aws_services: AwsServices) -> Account:
    """An AWS account without anything in it, in two regions."""
    del aws_services  # it has to answer before the account is made
    return Account((HOME, ABROAD), attempts=3)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """One region in which Amazon's own images can be started."""
    with aws_within(monkeypatch, amazons_images=True):
        yield make_clients(AwsPlace(HOME))
