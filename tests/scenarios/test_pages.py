"""The page of an operation in a running bot: a link of /infra show opens it, others do not, and it follows the operation."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from tests.scenarios.acting import rejects, shows, types

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

CONFIG = {"  restart-service:\n": "  pages: {url: 'http://127.0.0.1'}\n  restart-service:\n"}


@pytest.mark.slow("it makes a real plan")
async def test_a_link_opens_the_page_of_a_plan(start_world: StartWorld) -> None:
    world = await start_world(config=CONFIG)
    await types(world, "ana", "#staging", "/plan staging")
    ask = await shows(world, "#staging", "Waiting for approval")
    story = (await types(world, "ana", "#staging", "/infra show 1")).ephemerals[-1]
    link = re.search(r"http://127\.0\.0\.1/operations/1\?[^|>\"]+", str(story.blocks).replace("&amp;", "&"))
    assert link, story.rendered
    url = link[0].replace("http://127.0.0.1", f"http://127.0.0.1:{world.bot.port}")
    async with ClientSession() as session:
        async with session.get(url) as answer:
            page = await answer.text()
        assert answer.status == 200
        assert "approval" in page
        assert "replace" in page
        assert "<h2>Plan</h2>" in page
        assert 'http-equiv="refresh"' in page
        async with session.get(url.partition("?")[0]) as refused:
            assert refused.status == 403
        await rejects(world, "lee", ask)
        await shows(world, "#staging", "#1 ", "rejected")
        for _ in range(10):  # it is displayed for two seconds as it was
            async with session.get(url) as answer:
                page = await answer.text()
            if "<strong>rejected</strong>" in page:
                break
            await asyncio.sleep(1)
        assert "<strong>rejected</strong>" in page
        assert 'http-equiv="refresh"' not in page


async def test_without_pages_there_is_no_address(shared_world: World) -> None:
    async with (
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{shared_world.bot.port}/operations/1") as answer,
    ):
        assert answer.status == 404
