"""Requests that are not Slack's, or not as Slack sends them: each is refused, none is a fault, nothing changes."""

from __future__ import annotations

import asyncio
import json
import time
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin

import pytest
from aiohttp import ClientSession

from sandbox.slack import sign
from sandbox.world import SECRETS
from tests.scenarios.acting import asked_of_github, operations_in

if TYPE_CHECKING:
    from sandbox.world import World

EVENTS = "/slack/events"
FORM = "application/x-www-form-urlencoded"
COMMAND = {
    "command": "/deploy",
    "text": "dev main",
    "user_id": "U0ANA",
    "channel_id": "C0DEV",
    "team_id": "T0SANDBOX",
    "trigger_id": "1.2.3",
}
BODY = urlencode(COMMAND).encode()


def signed(
    body: bytes, *, ago: float = 0, secret: str = SECRETS["SLACK_SIGNING_SECRET"], kind: str = FORM
) -> dict[str, str]:
    timestamp = str(int(time.time() - ago))
    signature = sign(body, timestamp, secret)
    return {"Content-Type": kind, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}


def stamped(timestamp: str) -> dict[str, str]:
    signature = sign(BODY, timestamp, SECRETS["SLACK_SIGNING_SECRET"])
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed(BODY).items() if key != name}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(signed(BODY, secret="guessed"), id="signed with another secret"),
        pytest.param(signed(b"text=other"), id="signed for another body"),
        pytest.param({**signed(BODY), "X-Slack-Signature": "v0="}, id="empty signature"),
        pytest.param({**signed(BODY), "X-Slack-Signature": "v1=00"}, id="another version"),
        pytest.param({**signed(BODY), "X-Slack-Signature": "v0=\u00e9"}, id="signature beyond ASCII"),
        pytest.param(signed(BODY, ago=301), id="too old"),
        pytest.param(signed(BODY, ago=-90_000), id="from the future"),
        *(pytest.param(stamped(at), id=f"timestamp {at!r}") for at in ("soon", "1e9", "-5", "", "٣", "9" * 400, "nan")),
        *(pytest.param(without(name), id=f"without {name}") for name in signed(BODY) if name.startswith("X-")),
        pytest.param({"Content-Type": FORM}, id="unsigned"),
    ],
)
async def test_what_slack_did_not_sign_is_refused(shared_world: World, headers: dict[str, str]) -> None:
    status, _ = await shared_world.slack.post_raw(EVENTS, BODY, headers)
    assert status == 401
    await unchanged(shared_world)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", FORM, id="empty"),
        pytest.param(b"", "application/json", id="empty JSON"),
        pytest.param(b"\xff\xfe\x00garbage", FORM, id="garbage"),
        pytest.param(b"\xff\xfe\x00garbage", "application/json", id="garbage as JSON"),
        pytest.param(b"{", "application/json", id="broken JSON"),
        pytest.param(b"[]", "application/json", id="JSON of another kind"),
        pytest.param(b"payload=%7B", FORM, id="broken payload"),
        pytest.param(b"payload=[]", FORM, id="payload of another kind"),
        pytest.param(urlencode({"payload": json.dumps({"type": "block_actions"})}).encode(), FORM, id="empty click"),
        pytest.param(urlencode({"payload": json.dumps({"type": "x" * 999})}).encode(), FORM, id="unknown kind"),
        pytest.param(urlencode({"command": "/deploy"}).encode(), FORM, id="a command without its fields"),
        pytest.param(urlencode({**COMMAND, "command": "/destroy"}).encode(), FORM, id="an unknown command"),
        pytest.param(urlencode({**COMMAND, "user_id": "U0NOBODY"}).encode(), FORM, id="an unknown person"),
        pytest.param(b"[" * 100_000, "application/json", id="deep JSON"),
    ],
)
async def test_what_is_signed_but_makes_no_sense_is_no_fault(shared_world: World, body: bytes, kind: str) -> None:
    status, answer = await shared_world.slack.post_raw(EVENTS, body, signed(body, kind=kind))
    assert status < 500, answer
    assert "Traceback" not in answer
    await unchanged(shared_world)


async def test_a_huge_body_is_refused(shared_world: World) -> None:
    body = b"text=" + b"x" * (8 << 20)
    url = shared_world.slack._http.url
    async with ClientSession() as session, session.post(url, data=BytesIO(body), headers=signed(body)) as got:
        assert got.status == 413
    await unchanged(shared_world)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", EVENTS, 405),
        ("PUT", EVENTS, 405),
        ("GET", "/", 404),
        ("POST", "/slack/events/../../etc/passwd", 404),
        ("POST", "/slack/eventsx", 404),
        ("POST", "/healthz", 405),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
    ],
)
async def test_other_ways_in_lead_nowhere(shared_world: World, method: str, path: str, expected: int) -> None:
    url = urljoin(shared_world.slack._http.url, path)
    async with ClientSession() as session, session.request(method, url, data=BODY if method != "GET" else None) as got:
        assert got.status == expected
    await unchanged(shared_world)


async def unchanged(world: World) -> None:
    await asyncio.sleep(0.05)
    assert not operations_in(world)
    assert not world.channel("#dev").messages
    assert not asked_of_github(world)
