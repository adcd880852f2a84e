"""Signed payloads of any shape: each is answered by 200 or refused in words, and none leaves a traceback.

The shapes are those of docs.slack.dev (slash commands, interaction payloads, Events API, Socket Mode).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote_plus, urlencode

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings, strategies as st
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.inbound import app as bolt, hcp_notifications, server, shapes
from bot.inbound.dispatch import Dispatch
from bot.inbound.github_webhooks import payload_of
from bot.inbound.installation import RETRY, Identity, Installation, fault_of
from bot.inbound.peers import Peers
from bot.inbound.reception import Reception
from bot.inbound.refusals import Refusals, RefusedError
from bot.inbound.socket_mode import SocketMode
from bot.operations.command_answers import CommandAnswers
from bot.operations.registry import Button, Command, HomeTab, Modal, Registry
from bot.redaction import Redactor
from bot.slack.client import Chat
from bot.slack.manifest import read as read_manifest
from bot.slack.web_api import make_client
from sandbox.slack import SlackSettings, SlackStandIn, sign
from tests.attacks.payload_shapes import CLICK, COMMAND, KINDS, RAW, TYPED, any_command, any_typed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.services import Services

TOKEN, SECRET, APP_TOKEN = "xoxb-token", "signing-secret", "xapp-1-A0SIGNAL-1-secret"
ANSWERS = {200, 400, 401, 403, 413, 415}


class Unused:
    """A database in which no delivery is used."""

    async def use(self, _: str) -> bool:
        return True

    async def is_used(self, _: str) -> bool:
        return False


class Handlers:
    """Handlers that only need values of the right types."""

    async def command(self, _: Services, invocation: Any) -> None:
        assert all(isinstance(getattr(invocation, name), str) for name in ("user", "channel", "text", "trigger_id"))

    async def click(self, _: Services, click: Any) -> None:
        assert all(isinstance(getattr(click, name), str) for name in ("user", "channel", "message_ts", "value"))

    async def submit(self, _: Services, submission: Any) -> dict[str, str]:
        assert all(isinstance(value, str) for value in submission.values.values())
        return {}

    async def home(self, _: Services, user: str) -> None:
        assert isinstance(user, str)


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[TestClient[Any, Any], Dispatch, Any]]:
    """The bot's entrance, with handlers for everything."""
    async with AsyncExitStack() as stack:
        slack = SlackStandIn(SlackSettings(TOKEN, SECRET, None, None, rate_limits=False))
        slack.register_commands(read_manifest())
        await slack.start()
        stack.push_async_callback(slack.stop)
        client, redact, handlers = make_client(TOKEN, f"{slack.url}/api/"), Redactor([]), Handlers()
        unlimited = SimpleNamespace(access=SimpleNamespace(commands_per_minute=1_000_000))
        made = SimpleNamespace(
            config=unlimited,
            chat=Chat(client, redact),
            redact=redact,
            clock=time.time,
            deliveries=Unused(),
            command_answers=CommandAnswers(),
        )
        registry = Registry(
            commands=(Command("/deploy", "/deploy", "", "", handlers.command),),
            buttons=(Button("approve", handlers.click),),
            modals=(Modal("deploy", handlers.submit),),
            homes=(HomeTab(handlers.home),),
        )
        services, installation, reception = cast("Services", made), Installation(client, APP_TOKEN), Reception()
        app = bolt.build(client, installation)
        dispatch = Dispatch(app, installation, bolt.attach(app, services, registry))
        application = server.make()
        server.add_slack(application, dispatch, services, SECRET, reception)
        receive = hcp_notifications.handler(services, SECRET, reception)
        application.router.add_post(hcp_notifications.PATH, receive)
        yield await stack.enter_async_context(TestClient(TestServer(application))), dispatch, app


async def post(client: TestClient[Any, Any], body: bytes, kind: str) -> tuple[int, str]:
    at = str(int(time.time()))
    headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": sign(body, at, SECRET)}
    answer = await client.post("/slack/events", data=body, headers=headers)
    return answer.status, await answer.text()


def bodies_of(payload: dict[str, Any]) -> list[tuple[bytes, str]]:
    """The payload as JSON, as a form with one field, and (if it fits) as a form of its fields."""
    text = json.dumps(payload)
    flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in payload.items()}
    form = urlencode({name: value.encode(errors="surrogatepass") for name, value in flat.items()})
    return [
        (text.encode(), shapes.JSON),
        (f"payload={quote_plus(text)}".encode(), shapes.FORM),
        (form.encode(), shapes.FORM),
    ]


@given(payloads=st.lists(any_typed | any_command, min_size=4, max_size=4))
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_a_signed_payload_of_any_shape_is_answered_in_words(payloads: list[dict[str, Any]]) -> None:
    with no_traceback():
        asyncio.run(all_answered([body for payload in payloads for body in bodies_of(payload)]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_body_of_any_content_is_answered_in_words(kind: str) -> None:
    with no_traceback():
        asyncio.run(all_answered([(body, kind) for body in RAW]))


async def all_answered(bodies: list[tuple[bytes, str]]) -> None:
    async with receiving() as (client, _, _):
        for body, kind in bodies:
            status, text = await post(client, body, kind)
            assert status in ANSWERS, (status, body[:300], kind)
            assert status == 200 or json.loads(text)["error"]
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", TYPED)
async def test_each_shape_as_slack_sends_it_is_taken(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with receiving() as (client, _, _):
        body, kind = bodies_of(TYPED[name])[0 if name in {"event", "verification", "rate limit"} else 1]
        assert (await post(client, body, kind))[0] == 200
        assert (await post(client, urlencode(COMMAND).encode(), shapes.FORM))[0] == 200
    assert "refused" not in caplog.text


@given(payloads=st.lists(any_typed | any_command, min_size=4, max_size=4))
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_an_envelope_of_any_shape_is_acknowledged(payloads: list[dict[str, Any]]) -> None:
    with no_traceback():
        asyncio.run(all_acknowledged(payloads))


async def all_acknowledged(payloads: list[dict[str, Any]]) -> None:
    acknowledged: list[str] = []

    class Client:
        logger = logging.getLogger("slack_bolt")

        async def send_socket_mode_response(self, response: Any) -> None:
            acknowledged.append(response.envelope_id)

    async with receiving() as (_, dispatch, app):
        mode = SocketMode(app, APP_TOKEN, dispatch, Refusals(Peers()))
        for number, payload in enumerate(payloads):
            request = SocketModeRequest("interactive", str(number), payload)
            await mode.handle(cast("Any", Client()), request)
        await mode.close_async()  # type: ignore[no-untyped-call]
    assert acknowledged == [str(number) for number in range(len(payloads))]


@given(body=st.sampled_from(RAW) | st.binary(max_size=200) | any_typed.map(lambda value: json.dumps(value).encode()))
def test_a_webhook_of_any_content_is_read_or_refused(body: bytes) -> None:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for kind in KINDS:
        with suppress(RefusedError):
            assert isinstance(payload_of(body, signature, kind, SECRET.encode()), dict)
    with suppress(ValueError):
        hcp_notifications.run_of(body)


FROM_HERE = Identity("T0SANDBOX", "", "A0SIGNAL")


@pytest.mark.parametrize(
    ("change", "identity", "external", "fault"),
    [
        ({}, FROM_HERE, False, ""),
        ({"team_id": "T0OTHER"}, FROM_HERE, False, "another workspace"),
        ({"team_id": "T0OTHER"}, FROM_HERE, True, ""),
        ({"api_app_id": "A0OTHER"}, FROM_HERE, False, "another app"),
        ({"api_app_id": "A0OTHER"}, FROM_HERE, True, "another app"),
        ({"api_app_id": "A0OTHER"}, Identity("T0SANDBOX"), False, ""),
        ({"enterprise_id": "E0OTHER"}, FROM_HERE, False, "another organization"),
        ({"enterprise_id": "E1"}, Identity("T0SANDBOX", "E1", "A0SIGNAL"), False, ""),
        ({"team_id": "T9", "enterprise_id": "E1"}, Identity("T0SANDBOX", "E1", "A0SIGNAL", org_wide=True), False, ""),
        ({"team_id": "T9"}, Identity("T0SANDBOX", "E1", "A0SIGNAL", org_wide=True), False, "no organization"),
    ],
)
def test_a_payload_of_another_installation_is_refused(
    change: dict[str, str], identity: Identity, external: bool, fault: str
) -> None:
    assert fault_of(shapes.checked({**COMMAND, **change}).shape, identity, external=external) == fault
    fields = {**CLICK, "team": {"id": change.get("team_id", "T0SANDBOX")}}
    fields |= {"api_app_id": change.get("api_app_id", "A0SIGNAL")}
    if "enterprise_id" in change:
        fields["enterprise"] = {"id": change["enterprise_id"], "name": "x"}
    assert fault_of(shapes.checked(fields).shape, identity, external=external) == fault


@pytest.mark.parametrize("name", ["click", "submission", "event"])
async def test_a_signed_payload_of_another_workspace_gets_403(name: str) -> None:
    async with receiving() as (client, _, _):
        foreign = json.dumps(TYPED[name]).replace("T0SANDBOX", "T0OTHER")
        assert (await post(client, foreign.encode(), shapes.JSON))[0] == 403
        other_app = json.dumps(TYPED[name]).replace("A0SIGNAL", "A0OTHER")
        assert (await post(client, other_app.encode(), shapes.JSON))[0] == 403


class no_traceback(logging.Handler):  # noqa: N801  -- used as a function
    """A context in which nothing is logged with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.tracebacks.append(self.format(record))

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self)

    def __exit__(self, kind: object, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        assert kind or not self.tracebacks, self.tracebacks


class Unsteady:
    """Slack, whose bots.info fails at first."""

    token = TOKEN

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = 0

    async def auth_test(self) -> dict[str, str]:
        return {"team_id": "T0SANDBOX", "bot_id": "B1", "user_id": "U0SIGNAL"}

    async def bots_info(self, bot: str) -> dict[str, Any]:
        assert bot == "B1"
        self.asked += 1
        if self.asked <= self.failures:
            raise SlackClientError("ratelimited")
        return {"bot": {"app_id": "A0SIGNAL"}}


async def test_the_app_is_compared_as_soon_as_slack_names_it() -> None:
    now, slack = [1_000.0], Unsteady(failures=2)
    installation = Installation(cast("AsyncWebClient", slack), clock=lambda: now[0])
    foreign = shapes.checked({**COMMAND, "api_app_id": "A0OTHER"})
    for asked in (1, 2):
        for _ in range(5):
            await installation.check(foreign)
        assert slack.asked == asked
        now[0] += RETRY
    for _ in range(5):
        with pytest.raises(RefusedError, match="another app"):
            await installation.check(foreign)
        now[0] += RETRY
    await installation.check(shapes.checked(COMMAND))
    assert slack.asked == 3
