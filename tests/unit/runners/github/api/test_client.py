"""GitHub's client against small servers: redirects, lost answers, JSON, the pause between changes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from runners.errors import (
    RunnerError,
    UnavailableError,
    UncertainError,
)
from runners.github import GitHub, commits
from runners.github.api.client import ANSWER_TIMEOUT
from runners.github.runs import dispatch, logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REPOSITORY = "PermanentOrg/infrastructure"


class Servers:
    """Small servers, each with one handler for everything."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def start(self, handler: Handler) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    these = Servers()
    yield these
    await these.stop()


async def client_of(url: str, *, answer_timeout: int = ANSWER_TIMEOUT) -> GitHub:
    return GitHub(url, token="ghp_canary", write_pause=0, read_pause=0, answer_timeout=answer_timeout)


async def test_a_redirect_to_another_host_gets_no_token(servers: Servers) -> None:
    observed: list[Mapping[str, str]] = []

    async def store(request: web.Request) -> web.Response:
        observed.append(request.headers.copy())
        return web.Response(text="2026-11-23T12:00:00.0000000Z the end\n")

    other_host = await servers.start(store)

    async def api(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer ghp_canary"
        return web.Response(status=302, headers={"Location": f"{other_host}/log?signature=canary%2B1"})

    client = await client_of(await servers.start(api))
    assert await logs.job_log_tail(client, REPOSITORY, 1) == "the end"
    assert "Authorization" not in observed[0]
    await client.close()


async def test_a_broken_download_shows_no_signed_address(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=302, headers={"Location": "http://127.0.0.1:9/log?signature=canary"})

    client = await client_of(await servers.start(api))
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await logs.job_log_tail(client, REPOSITORY, 1)
    assert "canary" not in repr(caught.value.__dict__) + repr(caught.value.__cause__)
    await client.close()


@pytest.mark.parametrize(
    ("location", "words"),
    [("/round", "circles"), (None, "no address"), ("mailto:x", "no address|not encrypted"), ("ftp://h/x", "not encry")],
)
async def test_a_redirect_that_leads_nowhere_ends(servers: Servers, location: str | None, words: str) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=302, headers={"Location": location} if location else {})

    client = await client_of(await servers.start(api))
    with pytest.raises(RunnerError, match=words):
        await logs.job_log_tail(client, REPOSITORY, 1)
    await client.close()


async def test_no_answer_at_all_is_uncertain_for_a_change_and_unavailable_for_a_read(servers: Servers) -> None:
    posts = 0

    async def api(request: web.Request) -> web.Response:
        nonlocal posts
        posts += request.method == "POST"
        await asyncio.sleep(3)
        return web.Response()

    client = await client_of(await servers.start(api), answer_timeout=1)
    with pytest.raises(UncertainError):
        await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main")
    assert posts == 1
    with pytest.raises(UnavailableError, match="in time") as caught:
        await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml")
    assert not isinstance(caught.value, UncertainError)
    await client.close()


async def test_a_change_that_was_never_sent_is_not_uncertain() -> None:
    client = GitHub("http://127.0.0.1:9", token="ghp_canary")
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main")
    assert not isinstance(caught.value, UncertainError)
    await client.close()


async def test_an_answer_without_run_details_is_a_dispatch_without_an_id(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=204)

    client = await client_of(await servers.start(api))
    assert await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") is None
    await client.close()


async def test_an_enterprise_servers_api_lies_below_a_path(servers: Servers) -> None:
    asked: list[str] = []

    async def api(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({"workflow_runs": []}) if request.method == "GET" else web.Response(status=204)

    client = GitHub(f"{await servers.start(api)}/api/v3/", token="ghp_canary", write_pause=0, read_pause=0)
    assert await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml") == 0
    assert await dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") is None
    workflow = f"/api/v3/repos/{REPOSITORY}/actions/workflows/deploy.yml"
    assert asked == [f"GET {workflow}/runs", f"POST {workflow}/dispatches"]
    await client.close()


@pytest.mark.parametrize("body", ["{", "<html>", '{"workflow_runs": '])
async def test_an_answer_that_is_no_json_is_an_outage(servers: Servers, body: str) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(text=body)

    client = await client_of(await servers.start(api))
    with pytest.raises(UnavailableError):
        await dispatch.newest_run_id(client, REPOSITORY, "deploy.yml")
    with pytest.raises(UnavailableError):
        await commits.resolve(client, REPOSITORY, "main")
    await client.close()


async def test_changes_keep_their_distance(servers: Servers) -> None:
    async def api(request: web.Request) -> web.Response:
        del request
        return web.Response(status=204)

    client = GitHub(await servers.start(api), token="ghp_canary", write_pause=0.3)
    began = time.monotonic()
    await asyncio.gather(*(dispatch.dispatch(client, REPOSITORY, "deploy.yml", "main") for _ in range(3)))
    assert time.monotonic() - began > 0.6
    await client.close()
