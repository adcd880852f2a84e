"""Serves the chat page's files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from pathlib import Path

KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


class StaticFiles:
    """The files under `folder`, and nothing outside of it; "/" is index.html. Never cached, so that edits show."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def add_to(self, app: web.Application) -> None:
        """Register the catch-all route; add it last."""
        app.router.add_get("/{path:.*}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        content, suffix = await asyncio.to_thread(self._read, request.match_info["path"] or "index.html")
        if content is None or suffix not in KINDS:
            raise web.HTTPNotFound
        return web.Response(
            body=content,
            headers={
                "Content-Type": f"{KINDS[suffix]}; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _read(self, path: str) -> tuple[bytes | None, str]:
        if "\0" in path:
            return None, ""
        file = (self._folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self._folder) or not file.is_file():
            return None, ""
        return file.read_bytes(), file.suffix
