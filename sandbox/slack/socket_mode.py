"""Socket Mode: deliveries over WebSockets that the app opens."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from sandbox.slack import people_seed as seed
from sandbox.slack.delivery import ANSWER_WITHIN, Answer, Outcome
from sandbox.slack.errors import ApiError
from sandbox.waiting import within

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend

MOST_CONNECTIONS = 10


@dataclass(eq=False)
class Connection:
    """One open WebSocket and the envelopes sent over it that are not acknowledged yet; `closed` once it is closed."""

    socket: web.WebSocketResponse
    request: web.Request
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    unanswered: set[str] = field(default_factory=set)
    leaving: bool = False


class SocketMode:
    """Delivers envelopes to whichever connection is next, as Slack does; a Transport like HTTP."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._turn = itertools.count()
        self._acks: dict[str, asyncio.Future[dict[str, Any] | None]] = {}

    def add_to(self, app: web.Application) -> None:
        """Register the WebSocket's route."""
        app.router.add_get("/link/", self._serve)

    def ticket_url(self) -> str:
        """The address for one connection, good once.

        Raises:
            ApiError: too_many_websockets.
        """
        if self.connections >= MOST_CONNECTIONS:
            raise ApiError("too_many_websockets")
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"{self._backend.base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={seed.APP_ID}"

    @property
    def connections(self) -> int:
        """How many connections take deliveries now."""
        return sum(not connection.leaving for connection in self._connections)

    async def command(self, fields: dict[str, str]) -> Answer:
        """Deliver a slash command."""
        return await self._deliver("slash_commands", dict(fields), accepts_response=True)

    async def interaction(self, payload: dict[str, Any]) -> Answer:
        """Deliver an interaction; only a submission's ack may say something."""
        return await self._deliver("interactive", payload, accepts_response=payload["type"] == "view_submission")

    async def event(self, payload: dict[str, Any], attempt: int) -> Answer:
        """Deliver an event."""
        retry = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
        return await self._deliver("events_api", payload, accepts_response=False, **retry)

    async def _deliver(self, kind: str, payload: dict[str, Any], *, accepts_response: bool, **more: Any) -> Answer:
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_response,
            **more,
        }
        acked: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        self._acks[envelope["envelope_id"]] = acked
        try:
            answer = await within(ANSWER_WITHIN, self._acknowledged(envelope, acked))
        except ConnectionError:
            return Answer(Outcome.UNREACHABLE)
        except TimeoutError:
            return Answer(Outcome.TIMED_OUT)
        finally:
            del self._acks[envelope["envelope_id"]]
        if answer and not accepts_response and set(answer) != {"text"}:
            self._backend.note_refusal(
                f"ack of {kind}", answer, {"ok": False, "error": "response_payload_not_accepted"}
            )
        return Answer(Outcome.ANSWERED, 200, "", answer or None)

    async def _acknowledged(
        self, envelope: dict[str, Any], acked: asyncio.Future[dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Send and wait for the ack; when the connection goes away first, send again over another."""
        while not acked.done():
            connection = await self._send(envelope)
            closed = asyncio.ensure_future(connection.closed.wait())
            waiting: list[asyncio.Future[Any]] = [acked, closed]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                closed.cancel()
        return acked.result()

    async def redeliver(self, envelope: dict[str, Any]) -> None:
        """Send an envelope over every connection, as happens when an ack was lost; nobody waits for the acks."""
        for connection in list(self._connections):
            await connection.socket.send_str(json.dumps(envelope))

    async def _send(self, envelope: dict[str, Any]) -> Connection:
        usable = [candidate for candidate in self._connections if not candidate.leaving and not candidate.socket.closed]
        if not usable:
            raise ConnectionError("the app has no connection open")
        connection = usable[next(self._turn) % len(usable)]
        connection.unanswered.add(envelope["envelope_id"])
        with contextlib.suppress(ConnectionError):  # then it is closed in a moment, and the next one gets it
            await connection.socket.send_str(json.dumps(envelope))
        return connection

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="unknown ticket, or used before")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self._connections.append(connection)
        try:
            await socket.send_str(json.dumps(self._hello()))
            await self._listen(connection)
        finally:
            self._connections.remove(connection)
            connection.closed.set()
        return socket

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": seed.APP_ID},
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
        }

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            ack = _parsed(message.data)
            if ack is None:
                self._backend.note_refusal(
                    "socket message", {"data": message.data}, {"ok": False, "error": "invalid_ack"}
                )
                continue
            connection.unanswered.discard(ack["envelope_id"])
            waiting = self._acks.get(ack["envelope_id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(ack.get("payload"))

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every connection to close: `warning` (ten seconds ahead), `refresh_requested`, `link_disabled`.

        On the last two the connection takes no more deliveries, and is closed once what it has is acknowledged.
        """
        notice = json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        for connection in list(self._connections):
            await connection.socket.send_str(notice)
            connection.leaving = reason != "warning"
        if reason != "warning":
            await asyncio.gather(
                *(self._drain(connection) for connection in list(self._connections) if connection.leaving)
            )

    async def _drain(self, connection: Connection) -> None:
        pending = [self._acks[envelope_id] for envelope_id in connection.unanswered if envelope_id in self._acks]
        if pending:
            await asyncio.wait(pending, timeout=ANSWER_WITHIN)
        await connection.socket.close(code=WSCloseCode.GOING_AWAY)

    def drop(self) -> None:
        """Cut every connection without a word, as a lost network does."""
        for connection in self._connections:
            connection.leaving = True
            if connection.request.transport is not None:
                connection.request.transport.abort()

    async def stop(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)


def _parsed(data: str) -> dict[str, Any] | None:
    try:
        envelope = json.loads(data)
    except ValueError:
        return None
    complete = isinstance(envelope, dict) and set(envelope) <= {"envelope_id", "payload"}
    return envelope if complete and isinstance(envelope.get("envelope_id"), str) else None
