"""The HTTP core's connections: redirects, refusals, bounded answers, and no token for another host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.http import Connections, RemoteApi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

API = RemoteApi(
    name="Acme",
    status_page="status.example.com",
    check_first="Check Acme first.",
    redirect_remedy="Check ACME_ADDRESS.",
    rate_limit="Acme's rate limit is used up",
    errors={404: lambda refusal, doing: NotFoundError(doing, refusal.reason)},
    message_of=lambda body: str(body["message"]) if isinstance(body, dict) else "",
)
HEADERS = {"Authorization": "Bearer canary"}


class Server:
    """A server that records the requests and answers by path; `answers` are the arguments of its responses."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self.answers = answers
        self.requests: list[tuple[str, str, str]] = []  # method, path, Authorization
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path, request.headers.get("Authorization", "")))
        return web.Response(**self.answers[request.path])

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")


@pytest.fixture
async def storage() -> AsyncIterator[Server]:
    async with Server({"/log": {"body": b"x" * 100}}) as server:
        yield server


@pytest.fixture
async def service(storage: Server) -> AsyncIterator[Server]:
    answers: dict[str, dict[str, Any]] = {
        "/log": {"status": 302, "headers": {"Location": f"{storage.url}/log"}},
        "/round": {"status": 302, "headers": {"Location": "/round"}},
        "/none": {"text": '{"message": "no such\\nthing"}', "content_type": "application/json", "status": 404},
        "/expired": {"text": "link has expired", "status": 404},
        "/page": {"text": "<html>", "content_type": "text/html", "status": 404},
        "/text": {"text": '"text"'},
    }
    async with Server(answers) as server:
        yield server


@pytest.fixture
async def connections(service: Server) -> AsyncIterator[Connections]:
    made = Connections(API, service.url)
    yield made
    await made.close()


async def read(connections: Connections, url: str, *, method: str = "GET", limit: int = 1000) -> bytes:
    async with connections.open(url, doing="asking", timeout=5, headers=HEADERS, method=method) as response:
        return await connections.read(response, "asking", limit=limit)


async def test_a_redirect_is_followed_without_the_token(
    connections: Connections, service: Server, storage: Server
) -> None:
    assert await read(connections, "/log") == b"x" * 100
    assert service.requests == [("GET", "/log", "Bearer canary")]
    assert storage.requests == [("GET", "/log", "")]


async def test_an_address_of_another_host_gets_no_token(connections: Connections, storage: Server) -> None:
    assert await read(connections, f"{storage.url}/log")
    assert storage.requests == [("GET", "/log", "")]


async def test_a_post_is_sent_once_and_follows_no_redirect(connections: Connections, service: Server) -> None:
    with pytest.raises(RunnerError, match="elsewhere"):
        await read(connections, "/log", method="POST")
    assert [method for method, _, _ in service.requests] == ["POST"]


async def test_redirects_in_circles_end(connections: Connections, service: Server) -> None:
    with pytest.raises(RunnerError, match="circles"):
        await read(connections, "/round")
    assert len(service.requests) == 6


@pytest.mark.parametrize(
    ("path", "problem"),
    [("/none", "no such thing"), ("/expired", "link has expired"), ("/page", "no reason given")],
)
async def test_a_refusal_carries_the_services_message_on_one_line(
    connections: Connections, path: str, problem: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        await read(connections, path)
    assert caught.value.problem == problem


async def test_an_answer_is_bounded(connections: Connections) -> None:
    with pytest.raises(RunnerError, match="larger than"):
        await read(connections, "/log", limit=99)


async def test_a_text_is_no_json_document(connections: Connections) -> None:
    async with connections.open("/text", doing="asking", timeout=5) as response:
        with pytest.raises(UnavailableError, match="makes no sense"):
            await connections.read_json(response, "asking")


async def test_a_broken_connection_shows_no_address() -> None:
    connections = Connections(API, "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        await read(connections, "/log?signature=canary")
    assert "canary" not in repr(caught.value.__dict__) + repr(caught.value.__cause__)
    await connections.close()
