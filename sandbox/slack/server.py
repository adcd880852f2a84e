"""The Slack stand-in as a whole: one HTTP server on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from aiohttp import web

from sandbox.slack.backend import ApiCall, Backend
from sandbox.slack.client import Client
from sandbox.slack.hooks import Hooks
from sandbox.slack.http_delivery import HttpTransport
from sandbox.slack.page_api import PageApi
from sandbox.slack.people import Person
from sandbox.slack.registration import read_manifest
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.static_files import StaticFiles
from sandbox.slack.web_api import WebApi

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sandbox.slack.clock import Clock
    from sandbox.slack.delivery import Transport
    from sandbox.slack.settings import SlackSettings
    from sandbox.slack.workspace import Workspace

LARGEST_BODY = 256 << 20


class SlackStandIn:
    """Slack for one app: Web API, delivery, Socket Mode, and the chat page's API.

    `settings` are the app's secrets and request URL; `static` is the folder of the chat page.
    """

    def __init__(self, settings: SlackSettings, *, static: Path | None = None) -> None:
        self.backend = Backend(settings)
        self._http = HttpTransport(self.backend, settings.request_url or "")
        self.socket_mode = SocketMode(self.backend)
        if settings.app_token is not None:
            self.backend.socket_url = self.socket_mode.ticket_url
        transport: Transport = self._http if settings.request_url else self.socket_mode
        self.client = Client(self.backend, transport)
        self._static = static
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/api/{method}", WebApi(self.backend).handle)
        Hooks(self.backend).add_to(app)
        self.socket_mode.add_to(app)
        PageApi(self.backend, self.client).add_to(app)
        if self._static is not None:
            StaticFiles(self._static).add_to(app)
        await self._http.start()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        self.backend.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close every connection; may be called again."""
        await self.client.stop()
        await self.socket_mode.stop()
        await self._http.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; the Web API is at `url + "/api/"`."""
        return self.backend.base_url

    @property
    def workspace(self) -> Workspace:
        """The people, channels, messages, views and files."""
        return self.backend.workspace

    @property
    def clock(self) -> Clock:
        """The clock of triggers, response URLs and rate limits."""
        return self.backend.clock

    @property
    def on_call(self) -> list[Callable[[ApiCall], Awaitable[None]]]:
        """Hooks for each Web API call: before it takes effect, and after, before it is answered."""
        return self.backend.on_call

    @property
    def calls(self) -> deque[ApiCall]:
        """Every call so far, the latest 20,000."""
        return self.backend.calls

    @property
    def refused(self) -> deque[ApiCall]:
        """Every call, and every answer to a delivery, that Slack would refuse."""
        return self.backend.refused

    def person(self, name: str) -> Person:
        """Act as this member, by handle or id.

        Raises:
            KeyError: there is none.
        """
        return Person(self.backend, self.client, self.workspace.user(name))

    def register_commands(self, manifest: dict[str, Any]) -> None:
        """Install the app as its manifest says: commands, granted scopes, subscribed events."""
        self.backend.registration = read_manifest(manifest)

    def deliver_to(self, request_url: str | None) -> None:
        """Deliver to another request URL from now on; None: over Socket Mode."""
        self._http.url = request_url or ""
        self.client.transport = self._http if request_url else self.socket_mode

    async def post_raw(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Post bytes to the app as they are, on the request URL's host: status and body of the answer."""
        return await self._http.post_raw(urljoin(self._http.url, path), body, headers)

    async def verify_request_url(self) -> bool:
        """Slack's url_verification: whether the app answers the challenge."""
        challenge = "a challenge that the app must send back"
        answer = await self.client.transport.event(
            {"type": "url_verification", "challenge": challenge, "token": "deprecated"}, 0
        )
        return answer.ok and challenge in {answer.text, (answer.payload or {}).get("challenge")}
