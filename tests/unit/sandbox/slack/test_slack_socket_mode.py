"""Socket Mode's envelopes, acks, redelivery and disconnects."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.unit.sandbox.slack.bolt_app import BoltApp
from tests.unit.sandbox.slack.conftest import APP_TOKEN, BOT_TOKEN, SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.slack import SlackStandIn


class Socket:
    """One raw connection."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def next(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(await self.websocket.receive_str(timeout=5))
        return result

    async def ack(self, envelope: dict[str, Any], **more: Any) -> None:
        await self.websocket.send_str(json.dumps({"envelope_id": envelope["envelope_id"], **more}))


class Sockets:
    """Opens raw connections and keeps them, to be closed in the end."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.opened: list[aiohttp.ClientWebSocketResponse] = []

    async def ws_connect(self, url: str) -> aiohttp.ClientWebSocketResponse:
        self.opened.append(await self.http.ws_connect(url))
        return self.opened[-1]


@pytest.fixture
async def session(slack: SlackStandIn) -> AsyncIterator[Sockets]:
    async with aiohttp.ClientSession() as http:
        sockets = Sockets(http)
        yield sockets
        await slack.stop()
        for websocket in sockets.opened:
            await websocket.close()


@pytest.fixture
async def app(slack: SlackStandIn) -> AsyncIterator[BoltApp]:
    bolt = BoltApp(slack, BOT_TOKEN, SECRET)
    yield bolt
    await bolt.stop()


async def connect(slack: SlackStandIn, session: Sockets) -> Socket:
    client = AsyncWebClient(base_url=f"{slack.url}/api/")
    url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
    socket = Socket(await session.ws_connect(url))
    hello = await socket.next()
    assert (hello["type"], hello["connection_info"]) == ("hello", {"app_id": "A0SIGNAL"})
    return socket


async def test_a_command_comes_in_an_envelope_and_the_ack_may_answer(slack: SlackStandIn, session: Sockets) -> None:
    socket = await connect(slack, session)
    typing = asyncio.create_task(slack.person("ana").type("#ops", "/deploy dev"))
    envelope = await socket.next()
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert (envelope["payload"]["text"], envelope["payload"]["user_id"]) == ("dev", "U0ANA")
    await socket.ack(envelope, payload={"text": "on it"})
    assert (await typing).text == "on it"


async def test_without_a_connection_nothing_is_dispatched(slack: SlackStandIn) -> None:
    reply = await slack.person("ana").type("#ops", "/deploy")
    assert reply.error == '/deploy failed with the error "dispatch_failed"'


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An app has to acknowledge at once."""
    monkeypatch.setattr("sandbox.slack.socket_mode.ANSWER_WITHIN", 0.2)


async def test_without_an_ack_the_person_sees_a_timeout(slack: SlackStandIn, session: Sockets, hurried: None) -> None:
    socket = await connect(slack, session)
    typing = asyncio.create_task(slack.person("ana").type("#ops", "/deploy"))
    envelope = await socket.next()
    assert (await typing).error == '/deploy failed with the error "operation_timeout"'
    await socket.ack(envelope)


async def test_payloads_are_shared_among_the_connections(slack: SlackStandIn, session: Sockets) -> None:
    sockets = [await connect(slack, session), await connect(slack, session)]
    typing = [asyncio.create_task(slack.person("ana").type("#ops", f"/deploy {number}")) for number in range(4)]
    observed = []
    for socket in sockets:
        for _ in range(2):
            envelope = await socket.next()
            observed.append(envelope["payload"]["text"])
            await socket.ack(envelope)
    assert all(reply.ok for reply in await asyncio.gather(*typing))
    assert sorted(observed) == ["0", "1", "2", "3"]


async def test_what_a_lost_connection_had_comes_again_over_another(slack: SlackStandIn, session: Sockets) -> None:
    first = await connect(slack, session)
    typing = asyncio.create_task(slack.person("ana").type("#ops", "/deploy"))
    lost = await first.next()
    second = await connect(slack, session)
    await first.websocket.close()
    again = await second.next()
    assert again == lost
    await second.ack(again)
    assert (await typing).ok


async def test_an_event_that_is_not_acknowledged_comes_again(
    slack: SlackStandIn, session: Sockets, hurried: None
) -> None:
    slack.client.retry_after = (0.0,)
    socket = await connect(slack, session)
    await slack.person("ana").type("#ops", "hello")
    first = await socket.next()
    second = await socket.next()
    assert [item["retry_attempt"] for item in (first, second)] == [0, 1]
    assert first["payload"] == second["payload"]
    await socket.ack(second)


async def test_a_ticket_is_good_once(slack: SlackStandIn, session: Sockets) -> None:
    url = slack.socket_mode.ticket_url()
    await session.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await session.ws_connect(url)


async def test_only_the_app_token_opens_connections(slack: SlackStandIn, session: Sockets) -> None:
    client = AsyncWebClient(base_url=f"{slack.url}/api/")
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await client.apps_connections_open(app_token=BOT_TOKEN)
    opened = [await session.ws_connect(slack.socket_mode.ticket_url()) for _ in range(10)]
    with pytest.raises(SlackApiError, match="too_many_websockets"):
        await client.apps_connections_open(app_token=APP_TOKEN)
    assert not any(item.closed for item in opened)


async def test_an_ack_that_is_none_is_noted(slack: SlackStandIn, session: Sockets) -> None:
    socket = await connect(slack, session)
    await socket.websocket.send_str("{}")
    typing = asyncio.create_task(slack.person("ana").type("#ops", "/deploy"))
    await socket.ack(await socket.next())
    assert (await typing).ok
    assert [call.error for call in slack.refused] == ["invalid_ack"]


async def test_a_warning_keeps_the_connection_and_a_refresh_ends_it(slack: SlackStandIn, session: Sockets) -> None:
    socket = await connect(slack, session)
    await slack.socket_mode.disconnect("warning")
    assert (await socket.next())["reason"] == "warning"
    assert slack.socket_mode.connections == 1
    ending = asyncio.create_task(slack.socket_mode.disconnect("refresh_requested"))
    notice = await socket.next()
    assert (notice["type"], notice["reason"]) == ("disconnect", "refresh_requested")
    assert (await socket.websocket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    await ending
    assert slack.socket_mode.connections == 0


@pytest.mark.parametrize("how", ["refresh", "drop"])
async def test_bolt_connects_again_and_goes_on(slack: SlackStandIn, app: BoltApp, how: str) -> None:
    await app.connect(APP_TOKEN)
    if how == "refresh":
        await slack.socket_mode.disconnect()
    else:
        slack.socket_mode.drop()
    async with asyncio.timeout(60):
        # Bolt may come back more than once, and nobody listens in between: people try again, as here.
        while not (reply := await slack.person("ana").type("#ops", "/deploy dev")).ok:  # noqa: ASYNC110 - as people do
            await asyncio.sleep(0.05)
    assert reply.text == "on it"
