"""The stand-in's server: the API, downloads and pages."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.exchanges import DropConnectionError, Exchange, Hook, Request, drop
from sandbox.github.clock import Clock
from sandbox.github.credentials import AppIdentity, Credentials, Grant
from sandbox.github.faults import Faults
from sandbox.github.pages import Pages
from sandbox.github.play.image_builder import ImageBuilder
from sandbox.github.rate_limit import RateLimit
from sandbox.github.repository import Repository
from sandbox.github.routes import permissions
from sandbox.github.routes.account import AccountRoutes
from sandbox.github.routes.actions import ActionsRoutes
from sandbox.github.routes.checks import CheckRoutes
from sandbox.github.routes.deployments import DeploymentRoutes
from sandbox.github.routes.git import GitRoutes
from sandbox.github.routes.parameters import ignored
from sandbox.github.routes.pulls import PullRoutes
from sandbox.github.routes.secrets import SecretRoutes
from sandbox.github.routes.workflows import WorkflowRoutes
from sandbox.github.site import CALLER, Site
from sandbox.github.web import GitHubError, conditional
from sandbox.github.webhooks import Deliveries, WebhookSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

    from sandbox.aws import AwsHandle
    from sandbox.github.seed import Seed

BOT_LOGIN = "signalbox-bot"
_VERSION = "X-GitHub-Api-Version"
_VERSIONS = ("2022-11-28", "2026-03-10")
_NO_AGENT = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
_MOST_REQUESTS = 10_000


class GitHubStandIn:
    """A stand-in for GitHub.

    `token` acts as the login signalbox-bot; `read_only_token` gets 403 for changes; `app` is a GitHub App that
    authenticates with JWTs. `repositories` are the seeds (see seed.sandbox_repositories). Image builds create instances
    and images in `aws`, or only print for None. `speed` simulated seconds pass in a real second. `listing_lag` real
    seconds pass before a new run is listed. `webhook` receives events. An `enterprise` server has its API below /api/v3.
    `refused` lists requests that GitHub does not support: unknown endpoints and query parameters. `faults` are
    GitHub's faults; `on_request` are hooks for other faults.
    """

    def __init__(
        self,
        *,
        token: str,
        repositories: Mapping[str, Seed],
        aws: AwsHandle | None = None,
        speed: float = 1.0,
        read_only_token: str | None = None,
        app: AppIdentity | None = None,
        listing_lag: float = 0.3,
        webhook: WebhookSettings | None = None,
        enterprise: bool = False,
        seed: str = "signalbox",
    ) -> None:
        clock = Clock(speed)
        read_only = {read_only_token: "signalbox-reader"} if read_only_token else {}
        credentials = Credentials({token: BOT_LOGIN}, read_only, app)
        self._builder = ImageBuilder(aws) if aws is not None else None
        seeded = {
            name: self._make(name, number, plant, clock, seed)
            for number, (name, plant) in enumerate(repositories.items())
        }
        self.site = Site(seeded, credentials, clock, listing_lag, api_path="/api/v3" if enterprise else "")
        self.rate_limit = RateLimit()
        self.on_request: list[Hook] = []
        self.requests: deque[Request] = deque(maxlen=_MOST_REQUESTS)
        self.refused: list[str] = []
        self.faults = Faults()
        self.deliveries = Deliveries(self.site, webhook)
        self._actions = ActionsRoutes(self.site)
        self._runner: web.AppRunner | None = None

    def _make(self, name: str, number: int, plant: Seed, clock: Clock, seed: str) -> Repository:
        player = self._builder.play if self._builder is not None else None
        repository = Repository(name, number=number, clock=clock, seed=seed, image_builder=player)
        plant(repository.graph)
        repository.read_workflows()
        return repository

    @property
    def url(self) -> str:
        """The API's address (GITHUB_API_URL): http://127.0.0.1:PORT, where the pages are too; /api/v3 on Enterprise."""
        return self.site.base + self.site.api_path

    def repository(self, full_name: str) -> Repository:
        """The repository `owner/name`; KeyError when it was not seeded."""
        return self.site.repositories[full_name]

    def accept_token(self, token: str, login: str, grant: Grant | None = None) -> None:
        """Accept another token, acting as `login`: a classic token with all rights, unless `grant` limits it."""
        self.site.credentials.tokens = {**self.site.credentials.tokens, token: login}
        if grant is not None:
            self.site.credentials.grants[token] = grant

    @property
    def app_permissions(self) -> dict[str, str]:
        """The permissions of the App's installation, which may change at any time: `{"actions": "write", ...}`."""
        return self.site.credentials.app_permissions

    def deliver_to(self, webhook: WebhookSettings) -> None:
        """Send events to this receiver from now on, as if it had just been created in the settings."""
        self.deliveries.connect(webhook)

    async def start(self, port: int = 0) -> None:
        """Serve on 127.0.0.1; port 0 selects a free port."""
        application = web.Application(middlewares=[self._exchange, self._answer], client_max_size=25 * 2**20)
        application.add_routes(self._api())
        application.add_routes(Pages(self.site).routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        host, taken = self._runner.addresses[0][:2]
        self.site.base = f"http://{host}:{taken}"
        await self.deliveries.start()

    def _api(self) -> list[web.RouteDef]:
        """All endpoints, with the API's prefix."""
        parts = (
            AccountRoutes(self.site, self.rate_limit),
            CheckRoutes(self.site),
            PullRoutes(self.site),
            DeploymentRoutes(self.site),
            GitRoutes(self.site),
            WorkflowRoutes(self.site),
            SecretRoutes(self.site),
            self._actions,
        )
        routes = [route for part in parts for route in part.routes()]
        return [
            web.RouteDef(route.method, self.site.api_path + route.path, route.handler, route.kwargs) for route in routes
        ]

    async def stop(self) -> None:
        """Stop all runs and close the port. Raises the error of a simulated run, if there was one."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self._actions.stop()
        await self.deliveries.stop()
        for repository in self.site.repositories.values():
            await repository.stop()

    @web.middleware
    async def _exchange(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Call the hooks around the request, and record it."""
        body = await request.read()
        try:
            await self._hooks(request, body, "before", 0)
            response = await handler(request)
            await self._hooks(request, body, "after", response.status)
        except GitHubError as error:
            response = error.response()
        except DropConnectionError:
            self._record(request, 0)
            return drop(request)
        self._record(request, response.status)
        return response

    async def _hooks(self, request: web.Request, body: bytes, phase: Any, status: int) -> None:
        exchange = Exchange(request.method, request.path, request.query, request.headers, body, phase, status)
        if not self._for_people(request):
            await self.faults.meet(exchange)
        for hook in self.on_request:
            await hook(exchange)

    def _record(self, request: web.Request, status: int) -> None:
        asked = Request(request.method, request.path, status, dict(request.query), "If-None-Match" in request.headers)
        self.requests.append(asked)

    def _for_people(self, request: web.Request) -> bool:
        """Whether this is a page or a download, without token and rate limit."""
        return request.path.startswith(("/_", *(f"/{each.owner}/" for each in self.site.repositories.values())))

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply credentials, the rate limit, errors in GitHub's shape, conditional requests."""
        if self._for_people(request):
            return await handler(request)
        token = request.headers.get("Authorization", "")
        try:
            response = conditional(request, self._outward(await self._allowed(request, handler, token)))
        except GitHubError as error:
            response = error.response()
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            self.refused.append(f"{request.method} {request.path}: no such endpoint")
            response = GitHubError(404, "Not Found").response()
        if response.status != 304 and request.path != "/rate_limit":
            self.rate_limit.count(token)
        response.headers.update(self.rate_limit.headers(token))
        response.headers.update(permissions.headers(request, request.get(CALLER)))
        response.headers["X-GitHub-Api-Version-Selected"] = request.headers.get(_VERSION, _VERSIONS[0])
        if self.site.api_path:
            response.headers["X-GitHub-Enterprise-Version"] = "3.17.2"
        response.headers["X-GitHub-Request-Id"] = f"{id(request):016X}"
        return response

    def _outward(self, response: web.StreamResponse) -> web.StreamResponse:
        if self.site.api_path and isinstance(response, web.Response) and response.content_type == "application/json":
            response.body = self.site.outward(bytes(response.body or b""))  # type: ignore[arg-type] # JSON is bytes
        return response

    async def _allowed(self, request: web.Request, handler: Handler, token: str) -> web.StreamResponse:
        _check_headers(request)
        caller = request[CALLER] = self.site.credentials.caller(token)
        if self.rate_limit.exhausted(token) and request.path != "/rate_limit":
            raise GitHubError(403, f"API rate limit exceeded for {caller.login if caller else 'this address'}.")
        self.refused += ignored(request)
        permissions.check(request, caller)
        return await handler(request)


def _check_headers(request: web.Request) -> None:
    if not request.headers.get("User-Agent"):
        raise GitHubError(403, _NO_AGENT)
    version = request.headers.get(_VERSION, _VERSIONS[0])
    if version not in _VERSIONS:
        raise GitHubError(400, f"{version!r} is not a supported version of the REST API.")
