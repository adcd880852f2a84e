"""The chat page's own API: what to show, and what a person does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.slack import page_events, page_json, submissions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.client import Client
    from sandbox.slack.messages import Message
    from sandbox.slack.views import View
    from sandbox.slack.workspace import User

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NO_STORE = {"Cache-Control": "no-store"}
CHOICES = (
    "value",
    "selected_option",
    "selected_options",
    "selected_user",
    "selected_conversation",
    "selected_date",
)


class PageApi:
    """Answers `/page/api/...`; a request of another site is refused, so that no web page can act as these people."""

    def __init__(self, backend: Backend, client: Client) -> None:
        self._backend = backend
        self._client = client
        self.events = page_events.Events(backend)

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        for path, reader in (
            ("workspace", self._workspace),
            ("channels/{id}/messages", self._messages),
            ("channels/{id}/threads/{ts}", self._thread),
            ("home", self._home),
            ("events", self._events),
        ):
            app.router.add_get(f"/page/api/{path}", _guarded(reader))
        for path, writer in (
            ("say", self._say),
            ("act", self._act),
            ("shortcut", self._shortcut),
            ("submit", self._submit),
            ("close", self._close),
        ):
            app.router.add_post(f"/page/api/{path}", _guarded(writer))
        app.on_shutdown.append(self.events.close)

    def _person(self, user_id: Any) -> User:
        user = self._backend.workspace.users.get(str(user_id))
        if user is None or user.is_bot:
            raise web.HTTPBadRequest(text="`as` must be a user id of this workspace")
        return user

    def _channel(self, channel_id: Any) -> Channel:
        channel = self._backend.workspace.channels.get(str(channel_id))
        if channel is None:
            raise web.HTTPNotFound(text="no such channel")
        return channel

    async def _workspace(self, _: web.Request) -> web.StreamResponse:
        return _answer(page_json.workspace(self._backend))

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        user, channel = self._person(request.query.get("as")), self._channel(request.match_info["id"])
        if channel.direct not in {"", user.id}:
            raise web.HTTPNotFound(text="no such channel")
        messages = [*channel.timeline, *self._whispered(user, channel, None)]
        return self._listed(sorted(messages, key=lambda message: float(message.ts)))

    async def _thread(self, request: web.Request) -> web.StreamResponse:
        user, channel = self._person(request.query.get("as")), self._channel(request.match_info["id"])
        thread = channel.thread(request.match_info["ts"])
        if not thread:
            raise web.HTTPNotFound(text="no such message")
        messages = [*thread, *self._whispered(user, channel, thread[0].ts)]
        return self._listed(sorted(messages, key=lambda message: float(message.ts)))

    def _whispered(self, user: User, channel: Channel, thread_ts: str | None) -> list[Message]:
        return [
            message
            for message in self._backend.workspace.ephemerals.get(user.id, ())
            if message.channel == channel.id and message.thread_ts == thread_ts and not message.deleted
        ]

    def _listed(self, messages: list[Message]) -> web.StreamResponse:
        return _answer({"messages": [page_json.message(self._backend, message) for message in messages]})

    async def _home(self, request: web.Request) -> web.StreamResponse:
        user = self._person(request.query.get("as"))
        view = self._backend.workspace.views.home(user.id) or await self._client.open_home(user, timeout=5)
        return _answer({"view": page_json.view(view)})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await self.events.stream(request, self._person(request.query.get("as")))

    async def _say(self, request: web.Request) -> web.StreamResponse:
        arguments = await _body(request, "as", "channel", "text", "thread_ts")
        user, channel = self._person(arguments.get("as")), self._channel(arguments.get("channel"))
        reply = await self._client.say(user, channel, str(arguments.get("text", "")), arguments.get("thread_ts"))
        return _answer({"ok": reply.ok} | ({"error": reply.error} if reply.error else {}))

    async def _act(self, request: web.Request) -> web.StreamResponse:
        arguments = await _body(request, "as", "channel", "ts", "view_id", "block_id", "action_id", *CHOICES)
        user = self._person(arguments.get("as"))
        choice = next((arguments[name] for name in CHOICES if name in arguments), None)
        try:
            source = self._source(user, arguments)
            reply = await self._client.act(
                user, source, str(arguments.get("block_id")), str(arguments.get("action_id")), choice
            )
        except LookupError as error:
            return _answer({"ok": False, "error": str(error)})
        return _answer({"ok": reply.ok} | ({"error": reply.error} if reply.error else {}))

    async def _shortcut(self, request: web.Request) -> web.StreamResponse:
        arguments = await _body(request, "as", "channel", "ts", "callback_id")
        user, message = self._person(arguments.get("as")), None
        if "channel" in arguments:  # else it is a global shortcut
            message = self._channel(arguments["channel"]).find(str(arguments.get("ts")))
            if message is None:
                return _answer({"ok": False, "error": "this message is gone"})
        try:
            reply = await self._client.use_shortcut(user, str(arguments.get("callback_id")), message)
        except LookupError as error:
            return _answer({"ok": False, "error": str(error)})
        return _answer({"ok": reply.ok} | ({"error": reply.error} if reply.error else {}))

    def _source(self, user: User, arguments: dict[str, Any]) -> Message | View:
        if arguments.get("view_id"):
            return self._view(user, arguments["view_id"])
        channel, ts = self._channel(arguments.get("channel")), str(arguments.get("ts"))
        source = self._backend.workspace.find_ephemeral(user.id, ts) or channel.find(ts)
        if source is None:
            raise LookupError("this message is gone")
        return source

    def _view(self, user: User, view_id: Any) -> View:
        view = self._backend.workspace.views.get(str(view_id))
        if view is None or view.user != user.id:
            raise LookupError("this view is gone")
        return view

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        arguments = await _body(request, "as", "view_id", "values")
        user = self._person(arguments.get("as"))
        try:
            view = self._view(user, arguments.get("view_id"))
            for block_id, actions in dict(arguments.get("values") or {}).items():
                for action_id, given in actions.items():
                    choice = next((given[name] for name in CHOICES if name in given), None)
                    submissions.fill(self._backend, view, block_id, action_id, choice)
        except LookupError as error:
            return _answer({"ok": False, "error": str(error)})
        reply = await submissions.submit(self._backend, self._client, user, view)
        answer: dict[str, Any] = {"ok": not reply.errors and not reply.error}
        answer |= {"errors": reply.errors} if reply.errors else {}
        answer |= {"error": reply.error} if reply.error else {}
        return _answer(answer | ({"view": page_json.view(reply.view)} if reply.view else {}))

    async def _close(self, request: web.Request) -> web.StreamResponse:
        arguments = await _body(request, "as", "view_id")
        user = self._person(arguments.get("as"))
        try:
            view = self._view(user, arguments.get("view_id"))
        except LookupError:
            return _answer({"ok": True})
        await submissions.close(self._backend, self._client, user, view)
        return _answer({"ok": True})


def _guarded(handler: Handler) -> Handler:
    async def checked(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        host = urlsplit(f"//{request.host}").hostname
        if host not in {"127.0.0.1", "localhost"} or (origin and urlsplit(origin).netloc != request.host):
            raise web.HTTPForbidden(text="only the sandbox's own page may call this")
        return await handler(request)

    return checked


def _answer(content: dict[str, Any]) -> web.Response:
    return web.json_response(content, headers=NO_STORE)


async def _body(request: web.Request, *allowed: str) -> dict[str, Any]:
    try:
        content = json.loads(await request.read())
    except ValueError:
        raise web.HTTPBadRequest(text="the body must be JSON") from None
    if not isinstance(content, dict) or not set(content) <= set(allowed):
        raise web.HTTPBadRequest(text=f"the body must be an object with some of {', '.join(allowed)}")
    return content
