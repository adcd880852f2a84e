"""What GitHub's webhooks are taken for: signed by it, about our repository, and never more than a hint."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given, settings, strategies as st
from yarl import URL

from bot.inbound import github_webhooks
from bot.inbound.github_webhooks import LARGEST_BODY, REMEMBERED, Webhooks, payload_of
from bot.inbound.reception import Reception
from bot.inbound.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runners.github.runs.events import RunEvent

SECRET = "webhook-secret-canary"
REPOSITORY = "acme/infrastructure"


class Receiver:
    """A server with the webhook's route, and what its listeners heard."""

    def __init__(self) -> None:
        self.heard: list[RunEvent] = []
        self.webhooks = Webhooks([REPOSITORY, "acme/api"], SECRET, [self.heard.append], Reception())
        self.url = ""
        self._deliveries = 0

    async def deliver(self, payload: object, *, event: str = "workflow_run", **how: Any) -> tuple[int, str]:
        body = how.pop("body", None) or json.dumps(payload).encode()
        self._deliveries += 1
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": f"delivery-{self._deliveries}",
            "X-Hub-Signature-256": signed(body),
        } | how
        data = io.BytesIO(body)
        given = {name: value for name, value in headers.items() if value is not None}
        async with aiohttp.request("POST", self.url, data=data, headers=given) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def started(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver with its server running."""
    application = web.Application(client_max_size=1 << 20)
    application.router.add_post(github_webhooks.PATH, receiver.webhooks.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}{github_webhooks.PATH}"
    yield receiver
    await runner.cleanup()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with started(Receiver()) as made:
        yield made


def signed(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def of_run(run_id: int = 7, *, repository: str = REPOSITORY, status: str = "in_progress") -> dict[str, Any]:
    run = {
        "id": run_id,
        "run_attempt": 2,
        "status": status,
        "path": ".github/workflows/build.yml",
        "triggering_actor": {"login": "lee-park"},
    }
    return {"action": status, "workflow_run": run, "repository": {"full_name": repository}}


def of_job(run_id: int = 7) -> dict[str, Any]:
    job = {"id": 70, "run_id": run_id, "run_attempt": 1, "name": "build", "status": "queued", "conclusion": None}
    return {"action": "queued", "workflow_job": job, "repository": {"full_name": REPOSITORY}}


async def test_what_github_signed_is_told_on(receiver: Receiver) -> None:
    assert (await receiver.deliver(of_run()))[0] == 202
    assert (await receiver.deliver(of_job(8), event="workflow_job"))[0] == 202
    run, job = receiver.heard
    assert (run.repository, run.run_id, run.attempt, run.workflow, run.actor) == (
        REPOSITORY,
        7,
        2,
        "build.yml",
        "lee-park",
    )
    assert (job.run_id, job.job.name if job.job else "") == (8, "build")


async def test_a_form_says_the_same(receiver: Receiver) -> None:
    body = urlencode({"payload": json.dumps(of_run(9))}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await receiver.deliver(None, body=body, **form))[0] == 202
    assert [news.run_id for news in receiver.heard] == [9]


async def test_the_name_of_our_repository_may_be_written_otherwise(receiver: Receiver) -> None:
    await receiver.deliver(of_run(repository="Acme/Infrastructure"))
    await receiver.deliver(of_run(8, repository="acme/API"))
    assert [news.repository for news in receiver.heard] == [REPOSITORY, "acme/api"]


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha1=0123456789012345678901234567890123456789",
        "sha256=" + "0" * 64,
        "sha256=" + "é" * 64,
        "sha256=" + "0" * 63 + "g",
        signed(b"another body"),
        signed(json.dumps(of_run()).encode(), "another secret"),
    ],
)
async def test_what_github_did_not_sign_is_refused_and_its_body_not_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, signature: str | None
) -> None:
    signature_header: dict[str, Any] = {"X-Hub-Signature-256": signature}
    with caplog.at_level(logging.INFO):
        status, rendered = await receiver.deliver(of_run(), **signature_header)
    assert status == 401
    assert len(rendered) < 200
    assert not receiver.heard
    assert "refused (401)" in caplog.text
    assert "lee-park" not in caplog.text + rendered
    assert SECRET not in caplog.text + rendered


async def test_a_ping_is_answered(receiver: Receiver) -> None:
    assert await receiver.deliver({"zen": "Keep it logically awesome."}, event="ping") == (200, '{"status": "pong"}')
    assert not receiver.heard


@pytest.mark.parametrize(("event", "payload"), [("push", {"ref": "main"}), ("check_run", {}), ("", {})])
async def test_other_events_are_taken_and_passed_over(receiver: Receiver, event: str, payload: Any) -> None:
    assert (await receiver.deliver(payload, event=event))[0] == 202
    assert not receiver.heard


async def test_another_repository_is_passed_over_and_named_in_the_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert (await receiver.deliver(of_run(repository="evil/infrastructure")))[0] == 202
    assert not receiver.heard
    assert "evil/infrastructure" in caplog.text


async def test_a_delivery_that_comes_again_is_told_once(receiver: Receiver) -> None:
    for _ in range(3):
        assert (await receiver.deliver(of_run(), **{"X-GitHub-Delivery": "the-same"}))[0] == 202
    assert len(receiver.heard) == 1


async def test_a_delivery_that_was_refused_may_come_again(receiver: Receiver) -> None:
    again = {"X-GitHub-Delivery": "the-same"}
    assert (await receiver.deliver(of_run(), **again, **{"X-Hub-Signature-256": signed(b"")}))[0] == 401
    assert (await receiver.deliver(of_run(), **again))[0] == 202
    assert len(receiver.heard) == 1


def test_of_deliveries_only_the_newest_are_remembered() -> None:
    webhooks = Webhooks([REPOSITORY, "acme/api"], SECRET, [], Reception())
    for number in range(REMEMBERED * 2):
        webhooks._take("workflow_run", str(number), of_run())
    assert len(webhooks._delivered) == REMEMBERED


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"payload=%7B", "application/x-www-form-urlencoded", 400),
        (b"other=1", "application/x-www-form-urlencoded", 400),
        (b"&&&", "application/x-www-form-urlencoded", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "multipart/form-data", 415),
    ],
)
def test_a_signed_body_that_is_no_payload_is_refused(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        payload_of(body, signed(body), content_type, SECRET.encode())
    assert caught.value.status == status


async def test_a_signed_payload_of_another_shape_is_refused(receiver: Receiver) -> None:
    assert (await receiver.deliver({"workflow_run": {"id": "x"}}))[0] == 400
    assert not receiver.heard


_ODD = st.sampled_from([None, True, 10**30, 1 << 63, float("inf"), "9" * 5_000])
_SCALARS = st.one_of(_ODD, st.integers(), st.floats(), st.text())
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


def partly(good: dict[str, object]) -> st.SearchStrategy[dict[str, Any]]:
    """The object with any of its values absent, as it is, or replaced by anything; nested objects likewise."""
    fields = {
        name: st.one_of(partly(value) if isinstance(value, dict) else st.just(value), _ANYTHING)
        for name, value in good.items()
    }
    return st.fixed_dictionaries({}, optional=fields)


JOB = {"id": 1, "run_id": 5, "name": "n", "status": "completed", "conclusion": "failure", "steps": [], "html_url": "u"}
TIMES = {"started_at": "2024-01-01T00:00:00Z", "completed_at": "2024-01-01T00:00:00Z", "run_attempt": 1}


@given(
    event=st.sampled_from(["workflow_job", "workflow_run"]),
    payload=partly({"repository": {"full_name": REPOSITORY}, "workflow_job": JOB | TIMES} | of_run()),
)
@settings(max_examples=400, deadline=None)
def test_a_signed_payload_of_any_content_is_an_event_or_is_refused(event: str, payload: dict[str, Any]) -> None:
    heard: list[RunEvent] = []
    with suppress(RefusedError):
        Webhooks([REPOSITORY, "acme/api"], SECRET, [heard.append], Reception())._take(event, "1", payload)
    for taken in heard:
        assert type(taken.run_id) is int
        assert 0 < taken.run_id < 1 << 63
        assert (type(taken.attempt), type(taken.workflow), type(taken.actor)) == (int, str, str)
        assert taken.job is None or (type(taken.job.job_id), type(taken.job.name)) == (int, str)


async def test_githubs_largest_payload_is_read(receiver: Receiver) -> None:
    payload = of_run() | {"padding": "x" * (LARGEST_BODY - 1_000)}
    assert (await receiver.deliver(payload))[0] == 202
    assert len(receiver.heard) == 1


async def test_a_larger_body_is_refused_by_its_length(receiver: Receiver) -> None:
    address = URL(receiver.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        f"POST {github_webhooks.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    )
    assert b" 413 " in await reader.readline()  # before any of it was sent
    writer.close()


async def test_a_larger_body_without_a_length_is_refused_on_the_way(receiver: Receiver) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LARGEST_BODY:
            sent += 1 << 20
            yield b"x" * (1 << 20)

    status = 0
    try:
        async with aiohttp.request("POST", receiver.url, data=endless()) as answer:
            status = answer.status
    except aiohttp.ClientConnectionError:  # it hangs up on who goes on sending
        status = 413
    assert status == 413
    assert not receiver.heard


async def test_a_body_that_does_not_come_ends_the_waiting(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_webhooks, "TIMEOUT", 0.2)
    address = URL(receiver.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"POST {github_webhooks.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc".encode())
    assert b" 408 " in await reader.readline()
    writer.close()
