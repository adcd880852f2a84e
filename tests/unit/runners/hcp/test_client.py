"""The client of HCP Terraform: its token, refusals, answers that are none, repeated reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from runners import hcp as hcp_terraform
from runners.errors import (
    AccessDeniedError,
    NotFoundError,
    RunnerError,
    UnavailableError,
    UncertainError,
)
from sandbox.hcp.web import ApiError
from tests.unit.runners.hcp.hcp_runs import TOKEN, workspace_of

if TYPE_CHECKING:
    from runners.hcp.client import HcpTerraform
    from sandbox.exchanges import Exchange
    from sandbox.hcp import HcpStandIn
    from tests.unit.runners.hcp.hcp_runs import Client

needs_terraform = pytest.mark.needs_terraform


async def test_a_notification_ends_a_pause(hcp: HcpTerraform) -> None:
    pausing = asyncio.create_task(hcp.pause("run-1", 60))
    await asyncio.sleep(0)
    hcp.notify("run-2")
    assert not pausing.done()
    hcp.notify("run-1")
    await asyncio.wait_for(pausing, 60)


@pytest.mark.parametrize(
    ("token", "name", "kind"), [("wrong", "prod", AccessDeniedError), (TOKEN, "nowhere", NotFoundError)]
)
async def test_a_wrong_token_and_a_workspace_that_is_not_there(
    stand_in: HcpStandIn, token: str, name: str, kind: type[RunnerError], client: Client
) -> None:
    with pytest.raises(kind):
        await hcp_terraform.workspace_of(client(stand_in.url, token), "acme", name)


@pytest.mark.parametrize("status", [429, 502])
async def test_a_request_that_changes_something_is_sent_once(
    stand_in: HcpStandIn, hcp: HcpTerraform, status: int
) -> None:
    workspace = await workspace_of(hcp)

    async def hook(exchange: Exchange) -> None:
        if exchange.method == "POST":
            raise ApiError(status, "not now", headers={"Retry-After": "0"})

    stand_in.on_request.append(hook)
    with pytest.raises(UnavailableError) as raised:
        await hcp_terraform.create_run(hcp, workspace, message="m", variables={}, configuration=None)
    assert isinstance(raised.value, UncertainError) == (status == 502)
    assert [request.method for request in stand_in.requests].count("POST") == 1


async def test_a_machine_that_does_not_answer(hcp: HcpTerraform, client: Client) -> None:
    unreachable = client("http://127.0.0.1:9", TOKEN)
    with pytest.raises(UnavailableError):
        await workspace_of(unreachable)
    with pytest.raises(UnavailableError):
        await unreachable.download("/api/v2/plans/plan-1/json-output", doing="reading")


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"[]", b'{"data": {}}', b""])
async def test_what_is_no_answer_of_hcp_terraforms(body: bytes, client: Client) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/vnd.api+json")

    application = web.Application()
    application.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    with pytest.raises(RunnerError):
        await workspace_of(client(f"http://{host}:{port}", TOKEN))
    await runner.cleanup()


async def test_our_token_goes_to_hcp_terraform_alone(stand_in: HcpStandIn, hcp: HcpTerraform, client: Client) -> None:
    tokens: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        tokens.append(request.headers.get("Authorization"))
        if request.path == "/api/v2/plans/p/json-output":
            return web.Response(status=307, headers={"Location": stand_in.archive.download_address(b"{}")})
        return web.Response(text="log")

    application = web.Application()
    application.router.add_get("/{rest:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    there = client(f"http://{host}:{port}", TOKEN)
    assert await there.download("/api/v2/plans/p/json-output", doing="reading") == b"{}"
    assert await hcp.download(f"http://{host}:{port}/log", doing="reading") == b"log"
    await runner.cleanup()
    assert tokens == [f"Bearer {TOKEN}", None]
    assert stand_in.archive.refused_tokens == 0


def test_the_token_is_in_no_representation(hcp: HcpTerraform) -> None:
    assert TOKEN not in repr(hcp)
