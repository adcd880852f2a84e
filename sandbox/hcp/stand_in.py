"""HCP Terraform's stand-in on loopback: the API, a page for each run, notifications, and a second host for files."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.exchanges import DropConnectionError, Exchange, Hook, Request, drop
from sandbox.hcp.archive import Archive
from sandbox.hcp.model import Workspace
from sandbox.hcp.notifications import Notifications
from sandbox.hcp.pages import WHO, Pages
from sandbox.hcp.routes import Routes
from sandbox.hcp.runs import Runs
from sandbox.hcp.site import Site
from sandbox.hcp.web import CALLER, ApiError, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

    from sandbox.hcp.model import HcpToken, Run
    from sandbox.hcp.notifications import NotificationSettings

_MOST_REQUESTS = 10_000


class HcpStandIn:
    """A server that answers as HCP Terraform does.

    `tokens` are accepted. Workspaces can be added before or after the start. `on_request` are hooks before and after the
    effect of each API request; a hook can raise web.ApiError as the answer.
    """

    def __init__(self, *, tokens: Mapping[str, HcpToken], notifications: NotificationSettings | None = None) -> None:
        self.tokens = dict(tokens)
        self.workspaces: dict[str, Workspace] = {}
        self.on_request: list[Hook] = []
        self.requests: deque[Request] = deque(maxlen=_MOST_REQUESTS)
        self.archive = Archive()
        self.notifications = Notifications(notifications)
        self.url = ""
        self._files = tempfile.TemporaryDirectory(prefix="sandbox-hcp-")
        self.runs = Runs(Path(self._files.name), self._on_change)
        self._site = Site(self.workspaces, self.runs, self.archive)
        self._runner: web.AppRunner | None = None

    def add(self, organization: str, name: str, *, working_directory: str, state: Path, **more: Any) -> Workspace:
        """A new workspace; `state` is the path of its state, which need not exist."""
        workspace = self.workspaces[name] = Workspace(organization, name, working_directory, state, **more)
        return workspace

    def run(self, run_id: str) -> Run:
        """The run of this id. Raises ApiError (404)."""
        return self._site.run(run_id)

    def press(self, run: Run, action: str, who: str = WHO) -> None:
        """Press a button on the run's page: apply, discard or cancel."""
        self.runs.act(run, action, who)

    async def start(self, port: int = 0) -> None:
        """Serve on 127.0.0.1; 0 is for a free port."""
        application = web.Application(middlewares=[self._exchange])
        application.add_routes([*Routes(self._site).all(), *Pages(self._site).all()])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        await self.archive.start()

    def notify(self) -> None:
        """Start to send notifications, once their receiver runs."""
        self.notifications.start()

    async def stop(self) -> None:
        """Kill the runs' processes and close the ports. Raises the first error inside the stand-in, if there was any."""
        try:
            await self.notifications.stop()
            await self.runs.stop(self._site.all_runs())
        finally:
            if self._runner:
                await self._runner.cleanup()
            await self.archive.stop()
            self._files.cleanup()

    def _on_change(self, run: Run, by: str) -> None:
        page = f"{self.url}/app/{run.workspace.organization}/workspaces/{run.workspace.name}/runs/{run.id}"
        self.notifications.notify(run, page, by)

    @web.middleware
    async def _exchange(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        body = await request.read()
        try:
            await self._hooks(request, body, "before", 0)
            response = await self._answer(request, handler)
            await self._hooks(request, body, "after", response.status)
        except ApiError as error:
            response = error.response()
        except DropConnectionError:
            self.requests.append(Request(request.method, request.path, 0))
            return drop(request)
        self.requests.append(Request(request.method, request.path, response.status, dict(request.query)))
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        caller = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if caller is None:
            return ApiError(401, "unauthorized").response()
        request[CALLER] = caller
        try:
            return await handler(request)
        except ApiError as error:
            return error.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return not_found().response()

    async def _hooks(self, request: web.Request, body: bytes, phase: Any, status: int) -> None:
        for hook in list(self.on_request):
            await hook(Exchange(request.method, request.path, request.query, request.headers, body, phase, status))
