"""The addresses that take posts besides the Web API: response URLs and uploads, and where files are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack.acknowledgement import respond
from sandbox.slack.backend import ApiCall
from sandbox.slack.errors import ApiError

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend


class Hooks:
    """Response URLs, uploads, downloads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_post("/hooks/{kind:commands|actions|app-actions}/{team}/{key}", self._response)
        app.router.add_post("/upload/v1/{file}/{token}", self._upload)
        app.router.add_get("/files/{file}/{name}", self._download)

    async def _response(self, request: web.Request) -> web.Response:
        call = ApiCall("response_url", {}, self._backend.clock.now())
        status = 200
        try:
            call.arguments = _json(await request.read())
            for hook in self._backend.on_call:
                await hook(call)
            respond(self._backend, self._backend.response_urls.take(request.match_info["key"]), call.arguments)
            call.answer = {"ok": True}
        except ApiError as error:
            call.answer = error.answer
            status = error.status if error.status != 200 else 400
        await self._backend.ended(call)
        return web.Response(text="ok") if call.error is None else web.json_response(call.answer, status=status)

    async def _upload(self, request: web.Request) -> web.Response:
        content = await _uploaded_bytes(request)
        taken = self._backend.workspace.files.receive(request.match_info["file"], request.match_info["token"], content)
        if not taken:
            return web.Response(status=400, text="upload refused: unknown URL, used twice, or another length than said")
        return web.Response(text=f"OK - {len(content)}")

    async def _download(self, request: web.Request) -> web.Response:
        file = self._backend.workspace.files.get(request.match_info["file"])
        if file is None or file.name != request.match_info["name"]:
            raise web.HTTPNotFound
        content_type = "text/plain; charset=utf-8" if file.text is not None else file.mimetype
        headers = {
            "Content-Type": content_type,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
            "Cache-Control": "no-store",
        }
        return web.Response(body=file.content, headers=headers)


def _json(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except ValueError:
        raise ApiError("invalid_payload") from None
    if not isinstance(payload, dict):
        raise ApiError("invalid_payload")
    return payload


async def _uploaded_bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    fields = await request.post()
    parts = [part.file.read() for part in fields.values() if isinstance(part, web.FileField)]
    return parts[0] if len(parts) == 1 else b""
