"""The Web API's front door: token, scopes, rate limits, hooks, and the record of every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.slack import arguments as reading
from sandbox.slack.backend import ApiCall
from sandbox.slack.errors import ApiError
from sandbox.slack.methods import METHODS
from sandbox.slack.people_seed import TEAM_ID

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.methods.registry import Method


class WebApi:
    """Answers `/api/{method}`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call; errors are 200 with `ok: false`, save for rate limits."""
        name = request.match_info["method"]
        method = METHODS.get(name)
        call = ApiCall(name, {}, self._backend.clock.now())
        headers: dict[str, str] = {}
        status = 200
        try:
            call.arguments = await reading.read(request, takes_json=method is None or method.takes_json)
            token = reading.token(request, call.arguments)
            answer = await self._checked(method, token, call)
        except ApiError as error:
            answer, status, headers = error.answer, error.status, error.headers
        call.answer = answer
        await self._backend.ended(call)
        return web.json_response(answer, status=status, headers={**headers, "X-OAuth-Scopes": self._scopes})

    @property
    def _scopes(self) -> str:
        return ",".join(sorted(self._backend.registration.scopes or ()))

    async def _checked(self, method: Method | None, token: str | None, call: ApiCall) -> dict[str, Any]:
        if method is None:
            raise ApiError("unknown_method", req_method=call.method)
        self._check_token(method, token)
        self._check_scope(method)
        if self._backend.settings.rate_limits:
            self._backend.limits.count(method.name, method.tier, self._backend.limit_key(call.arguments))
        typed = reading.typed(_without_team(call.arguments), method.arguments, method.required)
        for hook in self._backend.on_call:
            await hook(call)
        return {"ok": True, **method.handle(self._backend, typed)}

    def _check_token(self, method: Method, token: str | None) -> None:
        settings = self._backend.settings
        if not token:
            raise ApiError("not_authed")
        expected = settings.app_token if method.for_app_token else settings.bot_token
        if token == expected:
            return
        belongs = token in {settings.bot_token, settings.app_token}
        raise ApiError("not_allowed_token_type" if belongs else "invalid_auth")

    def _check_scope(self, method: Method) -> None:
        registration = self._backend.registration
        if not method.for_app_token and not registration.may(method.scope):
            raise ApiError("missing_scope", needed=method.scope, provided=self._scopes)


def _without_team(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments less `team_id`, which slack-bolt puts into every call and which must be this workspace's."""
    if arguments.get("team_id") not in {None, TEAM_ID}:
        raise ApiError("team_access_not_granted")
    return {name: value for name, value in arguments.items() if name != "team_id"}
