"""The host of HCP Terraform's files: its signed URLs need no token, and refuse requests with a token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.hcp.model import Configuration, Stage

T = TypeVar("T")
_LARGEST_UPLOAD = 100 << 20
_STX, _ETX = b"\x02", b"\x03"  # around a log; ETX once it is complete


class Archive:
    """A server for uploads, downloads and logs by signed URL; `refused_tokens` counts requests with a token."""

    def __init__(self) -> None:
        self.base = ""
        self.refused_tokens = 0
        self._uploads: dict[str, tuple[Configuration, Callable[[], None]]] = {}
        self._downloads: dict[str, bytes] = {}
        self._logs: dict[str, Stage] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Serve on a free port of 127.0.0.1."""
        application = web.Application(client_max_size=_LARGEST_UPLOAD, middlewares=[self._no_token])
        application.add_routes(
            [
                web.put("/v1/object/{key}", self._upload),
                web.get("/v1/object/{key}", self._download),
                web.get("/v1/log/{key}", self._log),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close the port."""
        if self._runner:
            await self._runner.cleanup()

    def upload_address(self, configuration: Configuration, uploaded: Callable[[], None]) -> str:
        """The URL for the upload of this configuration version's archive, after which `uploaded` is called."""
        return f"{self.base}/v1/object/{self._key(self._uploads, (configuration, uploaded))}"

    def download_address(self, content: bytes) -> str:
        """The URL of this content."""
        return f"{self.base}/v1/object/{self._key(self._downloads, content)}"

    def log_address(self, stage: Stage) -> str:
        """The URL of a log, which may still grow."""
        existing = next((key for key, other in self._logs.items() if other is stage), None)
        return f"{self.base}/v1/log/{existing or self._key(self._logs, stage)}"

    @staticmethod
    def _key(targets: dict[str, T], target: T) -> str:
        key = secrets.token_urlsafe(24)
        targets[key] = target
        return key

    @web.middleware
    async def _no_token(self, request: web.Request, handler: Callable[..., object]) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self.refused_tokens += 1
            return web.Response(status=400, text="Only one auth mechanism allowed")
        return await handler(request)  # type: ignore[misc,no-any-return]

    async def _upload(self, request: web.Request) -> web.Response:
        upload = self._uploads.pop(request.match_info["key"], None)
        if upload is None:
            return web.Response(status=404)
        configuration, uploaded = upload
        configuration.archive = await request.read()
        uploaded()
        return web.Response(status=200)

    async def _download(self, request: web.Request) -> web.Response:
        content = self._downloads.get(request.match_info["key"])
        return web.Response(status=404) if content is None else web.Response(body=content)

    async def _log(self, request: web.Request) -> web.Response:
        stage = self._logs.get(request.match_info["key"])
        if stage is None or stage.log is None:
            return web.Response(status=404)
        text = _STX + stage.log.read_bytes() + (_ETX if stage.ended else b"")
        return web.Response(body=text, content_type="text/plain")
