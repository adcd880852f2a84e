"""What comes in over HTTP: refused unless Slack signed it, answered in words whatever goes wrong."""

from __future__ import annotations

import io
import itertools
import json
import logging
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import AsyncMock
from urllib.parse import urlencode

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import Denied
from bot.inbound import app as bolt, server
from bot.inbound.dispatch import Dispatch
from bot.inbound.installation import Installation
from bot.inbound.reception import Reception
from bot.operations.command_answers import CommandAnswers
from bot.operations.registry import Button, Click, Command, Invocation, Modal, Registry, Submission
from bot.redaction import Redactor
from bot.slack.blocks import kit
from bot.slack.client import Chat
from bot.slack.manifest import read as read_manifest
from bot.slack.web_api import make_client
from bot.store.deliveries import Deliveries
from bot.store.operations import Operations, Request, Status
from bot.store.outbox import Outbox
from bot.store.workers import Identity, Workers
from sandbox.slack import SlackSettings, SlackStandIn, sign
from tests.migrated import migrated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bot.services import Services

TOKEN, SECRET, PLANTED = "xoxb-planted-bot-token", "planted-signing-secret", "hunter2-and-more"
COMMAND = {
    "command": "/deploy", "text": "staging", "user_id": "U0ANA", "channel_id": "C0OPS", "team_id": "T0SANDBOX",
    "trigger_id": "1.2.abc", "response_url": "", "api_app_id": "A0SIGNAL", "is_enterprise_install": "false",
}  # fmt: skip

TRIGGERS = map(str, itertools.count(1))
FROM = {"user": {"id": "U0ANA"}, "team": {"id": "T0SANDBOX"}, "api_app_id": "A0SIGNAL"}


class Handled:
    """What the handlers were given, and their replies."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.raises: Exception | None = None

    async def command(self, _: Services, invocation: Invocation) -> kit.Message | None:
        self._do(invocation)
        return kit.message(f"done {PLANTED}", [kit.section(f"done {PLANTED}")])

    async def click(self, _: Services, click: Click) -> kit.Message | None:
        self._do(click)
        return None

    async def submit(self, _: Services, submission: Submission) -> Mapping[str, str]:
        self._do(submission)
        return {"ref": f"ask {kit.user('U0LEE')}"} if submission.values["ref"] == "bad" else {}

    def _do(self, what: Any) -> None:
        self.seen.append(what)
        if self.raises:
            raise self.raises


@pytest.fixture
def handled() -> Handled:
    return Handled()


@pytest.fixture
async def operations(tmp_path: Path) -> AsyncIterator[Operations]:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    await Workers(store, timedelta(minutes=2)).acquire(Identity("serve", "machine", "host-a", "1"))
    yield Operations(store, time.time)
    store.close()


@pytest.fixture
async def client(handled: Handled, operations: Operations, health: Any) -> AsyncIterator[TestClient[Any, Any]]:
    slack = SlackStandIn(SlackSettings(TOKEN, SECRET, None, None, rate_limits=False))
    slack.register_commands(read_manifest())
    await slack.start()
    web_client, redact, store = make_client(TOKEN, f"{slack.url}/api/"), Redactor([PLANTED]), operations._store
    made = SimpleNamespace(
        chat=Chat(web_client, redact), redact=redact, operations=operations, deliveries=Deliveries(store, time.time),
        clock=time.time, outbox=Outbox(store, time.time), lease=SimpleNamespace(workers=Workers(store, timedelta(minutes=2))),
        engine=SimpleNamespace(operations_in_hand=AsyncMock(return_value={})), config=SimpleNamespace(environments={}, builds={}, access=SimpleNamespace(commands_per_minute=60)), command_answers=CommandAnswers(),
    )  # fmt: skip
    registry = Registry(
        commands=(Command("/deploy", "/deploy", "", "", handled.command),),
        buttons=(Button("approve", handled.click),),
        modals=(Modal("deploy", handled.submit),),
    )
    installation = Installation(web_client)
    app = bolt.build(web_client, installation)
    commands = bolt.attach(app, services := cast("Services", made), registry)
    application = server.make()
    server.add_metrics(application, services, health)
    server.add_slack(application, Dispatch(app, installation, commands), services, SECRET, Reception())
    async with TestClient(TestServer(application)) as made_client:
        yield made_client
    await slack.stop()


async def post(client: TestClient[Any, Any], body: bytes, *, at: str = "", **headers: str) -> tuple[int, str]:
    """Send bytes signed as Slack does; `headers` (with _ for -) replace what it would send."""
    timestamp = at or str(int(time.time()))
    usual = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(body, timestamp, SECRET),
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await client.post(
        "/slack/events", data=io.BytesIO(body), headers={**usual, **given}, skip_auto_headers=["User-Agent"]
    )
    return answer.status, await answer.text()


def form(**fields: str) -> bytes:
    return urlencode({**COMMAND, "trigger_id": next(TRIGGERS), **fields}).encode()


def payload(value: dict[str, Any]) -> bytes:
    return urlencode({"payload": json.dumps(value)}).encode()


def submission(**values: str) -> bytes:
    state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
    view = {"id": "V1", "type": "modal", "callback_id": "deploy", "private_metadata": "", "state": {"values": state}}
    return payload({"type": "view_submission", **FROM, "view": view})


async def test_a_signed_command_is_handled_and_its_answer_redacted(
    client: TestClient[Any, Any], handled: Handled
) -> None:
    status, text = await post(client, form())
    assert status == 200
    assert json.loads(text)["response_type"] == "ephemeral"
    assert PLANTED not in text
    assert [item.text for item in handled.seen] == ["staging"]


@pytest.mark.parametrize("at", ["x", "", "12.5", "²", "-5", "1" * 13, "0", "99999999999"])
async def test_a_time_that_is_wrong_is_refused(client: TestClient[Any, Any], handled: Handled, at: str) -> None:
    headers = {"X_Slack_Request_Timestamp": at} if at in {"", "²"} else {}
    status, _ = await post(client, form(), at="1" if headers else at, **headers)
    assert status == 401
    assert not handled.seen


@pytest.mark.parametrize("late", [-301, 302])
async def test_what_is_too_old_or_from_the_future_is_refused(
    client: TestClient[Any, Any], handled: Handled, late: int
) -> None:
    assert (await post(client, form(), at=str(int(time.time()) + late)))[0] == 401
    assert not handled.seen


@pytest.mark.parametrize("signature", ["", "v0=", "v0=" + "0" * 64, "v1=abc", "v0=é", "x" * 5_000])
async def test_what_is_not_signed_is_refused(client: TestClient[Any, Any], handled: Handled, signature: str) -> None:
    assert (await post(client, form(), X_Slack_Signature=signature))[0] == 401
    assert not handled.seen


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b"null", b"{", b"payload=[1]", b"payload=%7B", b"payload="])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=nonsense"]
)
async def test_a_body_that_is_none_of_slacks_is_refused(
    client: TestClient[Any, Any], handled: Handled, body: bytes, kind: str
) -> None:
    status, text = await post(client, body, Content_Type=kind)
    assert status in {400, 415}
    assert "Traceback" not in text
    assert not handled.seen


async def test_a_body_of_megabytes_is_refused(client: TestClient[Any, Any], handled: Handled) -> None:
    assert (await post(client, b"x" * (server.LARGEST_BODY + 1)))[0] == 413
    assert not handled.seen


async def test_a_refusal_is_the_answer(client: TestClient[Any, Any], handled: Handled) -> None:
    handled.raises = Denied(f"You may not; anyone of {kit.group('S0INFRA')} may.")
    status, text = await post(client, form())
    assert status == 200
    assert json.loads(text)["text"] == "You may not; anyone of <!subteam^S0INFRA> may."


async def test_a_fault_is_an_apology_with_the_id_that_is_in_the_log(
    client: TestClient[Any, Any], handled: Handled, caplog: pytest.LogCaptureFixture
) -> None:
    handled.raises = ZeroDivisionError("inside")
    with caplog.at_level(logging.ERROR):
        status, text = await post(client, form())
    rendered = json.loads(text)["text"]
    error_id = rendered.split("under ")[1][:8]
    assert status == 200
    assert "Sorry" in rendered
    assert f"error {error_id}" in caplog.text
    assert "ZeroDivisionError: inside" in caplog.text
    assert "inside" not in text


async def test_an_unknown_command_or_button_is_answered_and_does_nothing(
    client: TestClient[Any, Any], handled: Handled
) -> None:
    assert (await post(client, form(command="/nothing")))[0] == 200
    click = {
        "type": "block_actions",
        **FROM,
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C0OPS"},
        "actions": [{"action_id": "no", "block_id": "b", "type": "button"}],
    }
    assert (await post(client, payload(click)))[0] == 200
    assert not handled.seen


async def test_a_modal_closes_when_all_is_well(client: TestClient[Any, Any], handled: Handled) -> None:
    assert await post(client, submission(ref="main")) == (200, "")
    assert handled.seen[0].values == {"ref": "main"}


async def test_faults_are_shown_under_the_field(client: TestClient[Any, Any]) -> None:
    _, text = await post(client, submission(ref="bad"))
    assert json.loads(text) == {"response_action": "errors", "errors": {"ref": "ask U0LEE"}}


@pytest.mark.parametrize(
    ("error", "words"), [(Denied("You may not."), "You may not."), (KeyError("x"), "Sorry, that went wrong")]
)
async def test_a_modal_does_not_close_over_a_fault(
    client: TestClient[Any, Any], handled: Handled, error: Exception, words: str
) -> None:
    handled.raises = error
    _, text = await post(client, submission(environment="dev", ref="main"))
    assert words in json.loads(text)["errors"]["environment"]


async def test_a_secret_typed_into_a_command_or_a_modal_is_not_taken(
    client: TestClient[Any, Any], handled: Handled
) -> None:
    token = "ghp_" + "a1" * 18
    assert token not in (await post(client, form(text=f"staging {token}")))[1]
    _, text = await post(client, submission(ref=token))
    assert "replace it" in json.loads(text)["errors"]["ref"]
    assert not handled.seen


async def test_the_load_balancer_and_prometheus(client: TestClient[Any, Any], operations: Operations) -> None:
    assert await (await client.get("/healthz")).json() == {"status": "up"}
    assert await (await client.get("/readyz")).json() == {"status": "ready"}
    await operations.create(Request("k", "deploy", "dev", "U0ANA", "t", "C0OPS", {}))
    await operations.create(Request("k2", "deploy", "dev", "U0ANA", "t", "C0OPS", {}))
    assert await metrics(client) == {"waiting": 2}
    await operations.set_status(1, Status.RUNNING)
    await operations.set_status(2, Status.FAILED)
    assert await metrics(client) == {"running": 1, "failed": 1}


async def metrics(client: TestClient[Any, Any]) -> dict[str, float]:
    """The number of operations by status, as Prometheus reads it."""
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(await answer.text())}
    family, dropped = families["signalbox_operations"], families["signalbox_dropped"]
    assert (dropped.type, family.type) == ("counter", "gauge")
    return {sample.labels["status"]: sample.value for sample in family.samples}


async def test_without_its_database_it_is_not_ready(
    client: TestClient[Any, Any], operations: Operations, caplog: pytest.LogCaptureFixture
) -> None:
    await operations._store.run(lambda connection: connection.exec_driver_sql("DROP TABLE signalbox_operations"))
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert await answer.json() == {"status": "the database does not answer"}
    assert "not ready" in caplog.text


@pytest.mark.parametrize("path", ["/", "/slack", "/slack/events/", "/metrics/x"])
async def test_there_is_nothing_else(client: TestClient[Any, Any], path: str) -> None:
    assert (await client.get(path)).status == 404
    assert (await client.get("/slack/events")).status == 405
