"""A tiny app that keeps what Slack sends it and answers as set up."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web
from slack_sdk.signature import SignatureVerifier

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Received:
    """One request: its form fields or JSON, and whether its signature held."""

    fields: dict[str, Any]
    headers: Mapping[str, str]
    signed: bool


@dataclass
class ListeningApp:
    """Answers every post with `status` and `answer` after `delay` seconds."""

    secret: str
    status: int = 200
    answer: str | dict[str, Any] = ""
    delay: float = 0
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/slack/events", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, backlog=1024).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(60), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        verified = SignatureVerifier(self.secret).is_valid_request(body, dict(request.headers))
        if request.content_type == "application/json":
            fields = json.loads(body)
        else:
            fields = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            fields = json.loads(fields["payload"]) if "payload" in fields else fields
        self.received.append(Received(fields, request.headers, verified))
        status = self.status
        async with self._arrived:
            self._arrived.notify_all()
        await asyncio.sleep(self.delay)
        if isinstance(self.answer, dict):
            return web.json_response(self.answer, status=status)
        return web.Response(text=self.answer, status=status)
