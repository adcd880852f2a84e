"""HCP Terraform's stand-in with a real terraform in it, clients of it, and code to plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from runners.hcp.client import HcpTerraform
from sandbox.hcp import HcpStandIn, HcpToken
from tests.unit.runners.hcp.hcp_runs import CODE, TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.unit.runners.hcp.hcp_runs import Client


@pytest_asyncio.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[HcpStandIn]:
    hcp = HcpStandIn(
        tokens={
            TOKEN: HcpToken("team", "signalbox"),
            "organization-token": HcpToken("organization", "acme"),
            "planner-token": HcpToken("team", "planners", admin=False),
        }
    )
    hcp.add("acme", "prod", working_directory="live", state=tmp_path / "prod.tfstate")
    await hcp.start()
    yield hcp
    await hcp.stop()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    """Makes clients that are closed after the test."""
    clients: list[HcpTerraform] = []

    def make(address: str, token: str = TOKEN) -> HcpTerraform:
        clients.append(HcpTerraform(address, token=token, read_pauses=(0.01, 0.02)))
        return clients[-1]

    yield make
    for made in clients:
        await made.close()


@pytest.fixture
def hcp(stand_in: HcpStandIn, client: Client) -> HcpTerraform:
    return client(stand_in.url)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    root = tmp_path / "code"
    (root / "live").mkdir(parents=True)
    (root / "live" / "main.tf").write_text(CODE)
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("not to upload")
    return root
