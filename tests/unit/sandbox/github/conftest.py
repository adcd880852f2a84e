from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from sandbox.github import GitHubStandIn, sandbox_repositories
from tests.unit.sandbox.github.client import TOKEN, Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def stand_in() -> AsyncIterator[GitHubStandIn]:
    """Two minutes pass in a second."""
    made = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=120, listing_lag=0.1)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(stand_in: GitHubStandIn) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, stand_in.url)
