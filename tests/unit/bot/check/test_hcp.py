"""`check` reports problems with HCP Terraform, each with a remedy."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.config import read
from tests.unit.bot.check.world import CONFIG, World, single

HCP = "    terraform: {hcp: {organization: acme, workspace: prod}}\n"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not accept TFE_TOKEN"), (404, "acme/prod: HCP Terraform has nothing there"), (503, "503")],
)
async def test_hcp_says_what_is_wrong(world: World, status: int, words: str) -> None:
    async def workspace(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer made-up"
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/api/v2/organizations/acme/workspaces/prod", workspace)
    world.config = read(CONFIG + HCP)
    async with TestServer(app) as server:
        world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": str(server.make_url(""))}
        assert words in single(await world.faults())


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"data": null}', '{"data": {"id": "ws-1"}}', '{"data": []}'])
async def test_an_answer_that_is_no_workspace_is_a_problem_and_no_crash(world: World, body: str) -> None:
    async def workspace(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/vnd.api+json")

    app = web.Application()
    app.router.add_get("/api/v2/organizations/acme/workspaces/prod", workspace)
    world.config = read(CONFIG + HCP)
    async with TestServer(app) as server:
        world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": str(server.make_url(""))}
        assert single(await world.faults())


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "nowhere", "https://[", "file:///etc"])
async def test_an_address_where_nobody_answers_is_a_problem_with_a_remedy(world: World, address: str) -> None:
    world.config = read(CONFIG + HCP)
    world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": address}
    assert "Check the network and TFE_ADDRESS" in single(await world.faults())


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"auto-apply": True, "permissions": {"can-queue-run": True}}, "applies every plan by itself"),
        ({"auto-apply": False, "permissions": {"can-queue-run": False}}, "may not start runs"),
        ({"auto-apply": False, "locked": True}, ""),
        ({"auto-apply": False}, ""),
    ],
)
async def test_hcp_says_which_workspace_cannot_be_used(world: World, attributes: dict[str, object], words: str) -> None:
    async def workspace(_: web.Request) -> web.Response:
        return web.json_response(
            {"data": {"id": "ws-1", "type": "workspaces", "attributes": {"name": "prod", **attributes}}}
        )

    app = web.Application()
    app.router.add_get("/api/v2/organizations/acme/workspaces/prod", workspace)
    world.config = read(CONFIG + HCP)
    async with TestServer(app) as server:
        world.environ |= {"TFE_TOKEN": "made-up", "TFE_ADDRESS": str(server.make_url(""))}
        faults = await world.faults()
    assert words in single(faults) if words else not faults


async def test_settings_that_hcp_terraform_has_itself_are_named(world: World) -> None:
    extra = "    terraform: {hcp: {organization: acme, workspace: prod}, var_files: [a.tfvars], variables: [b]}\n"
    world.config = read(CONFIG + extra + "watch: {drift: {every: 1d}}\n")
    notes = [line for line in await world.lines() if line.startswith("note") and "on GitHub" not in line]
    assert "dev.terraform.var_files" in single(notes)


async def test_hcp_without_a_token_says_so(world: World) -> None:
    world.config = read(CONFIG + HCP)
    assert "TFE_TOKEN is not set" in single(await world.faults())
