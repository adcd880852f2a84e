"""Decisions taken in HCP Terraform, its notifications, and whose run it is."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot.errors import Denied
from bot.inbound import hcp_notifications
from bot.inbound.reception import Reception
from bot.seals import new_key
from bot.settings import read, secret_values
from bot.store.approvals import ApprovalRequest, Approvals, Outcome
from bot.store.run_claims import RunClaims

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.services import Services
    from bot.store.database import Store
    from tests.unit.bot.conftest import Clock

TOKEN = "notification-token"
ASK = ApprovalRequest(1, "prod", "b" * 64, "U0ANA", "C0PROD", "1.0", required=2, expires_after=3_600)


@dataclass
class Woken:
    """Stands where services are expected; remembers who was woken."""

    run_claims: RunClaims
    numbers: list[int] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    @property
    def engine(self) -> Woken:
        return self

    @property
    def hcp(self) -> Woken:
        return self

    async def wake(self, number: int) -> None:
        self.numbers.append(number)

    def notify(self, run: str) -> None:
        self.runs.append(run)


@pytest.fixture
def woken(store: Store, clock: Clock) -> Woken:
    return Woken(RunClaims(store, clock))


@pytest_asyncio.fixture
async def address(woken: Woken) -> AsyncIterator[str]:
    application = web.Application(client_max_size=1 << 20)
    receive = hcp_notifications.handler(cast("Services", woken), TOKEN, Reception())
    application.router.add_post(hcp_notifications.PATH, receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}{hcp_notifications.PATH}"
    await runner.cleanup()


async def notify(address: str, body: bytes, *, token: str = TOKEN, **headers: str) -> int:
    signed = {"X-TFE-Notification-Signature": hmac.new(token.encode(), body, hashlib.sha512).hexdigest()}
    async with aiohttp.request("POST", address, data=io.BytesIO(body), headers={**signed, **headers}) as answer:
        return answer.status


def about(run: str | None) -> bytes:
    return json.dumps({"payload_version": 1, "run_id": run, "notifications": [{"trigger": "run:applying"}]}).encode()


async def test_a_notification_wakes_the_operation_that_the_run_belongs_to(woken: Woken, address: str) -> None:
    await woken.run_claims.claim_hcp(7, "run-seven")
    assert await notify(address, about("run-seven")) == 200
    assert (woken.numbers, woken.runs) == ([7], ["run-seven"])


@pytest.mark.parametrize("run", [None, "run-of-somebody-else", "", 5])
async def test_verification_and_what_is_not_ours_are_taken_and_passed_over(
    woken: Woken, address: str, run: Any
) -> None:
    await woken.run_claims.claim_hcp(7, "run-seven")
    assert await notify(address, about(run)) == 200
    assert not woken.numbers


@pytest.mark.parametrize("headers", [{}, {"X-TFE-Notification-Signature": ""}, {"X-TFE-Notification-Signature": "é"}])
async def test_what_is_not_signed_with_our_token_is_refused(
    woken: Woken, address: str, headers: dict[str, str]
) -> None:
    await woken.run_claims.claim_hcp(7, "run-seven")
    assert await notify(address, about("run-seven"), token="wrong", **headers) == 401
    assert not woken.numbers


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_a_signed_body_that_is_no_notification_is_refused(address: str, body: bytes) -> None:
    assert await notify(address, body) == 400


async def test_a_body_of_more_than_a_megabyte_is_refused(address: str) -> None:
    assert await notify(address, b" " * (1 << 20) + b"{}") == 413


async def test_a_decision_taken_elsewhere_ends_the_question(store: Store, clock: Clock) -> None:
    approvals = Approvals(store, clock)
    asked = await approvals.create(ASK)
    await approvals.decide(asked.id, "U0LEE", Outcome.APPROVED)
    finished = await approvals.close_outside_slack(asked.id)
    assert finished.outcome is Outcome.OUTSIDE_SLACK
    with pytest.raises(Denied, match="outside of Slack meanwhile"):
        await approvals.decide(asked.id, "U0MAX", Outcome.APPROVED)


async def test_what_was_decided_here_first_stays_decided(store: Store, clock: Clock) -> None:
    approvals = Approvals(store, clock)
    asked = await approvals.create(ASK)
    await approvals.decide(asked.id, "U0LEE", Outcome.APPROVED)
    await approvals.decide(asked.id, "U0MAX", Outcome.APPROVED)
    assert (await approvals.close_outside_slack(asked.id)).outcome is Outcome.APPROVED
    assert [vote.person for vote in await approvals.votes_of(1, Outcome.APPROVED)] == ["U0LEE", "U0MAX"]


async def test_those_who_rejected_are_no_approvers(store: Store, clock: Clock) -> None:
    approvals = Approvals(store, clock)
    asked = await approvals.create(ASK)
    await approvals.decide(asked.id, "U0LEE", Outcome.REJECTED)
    assert await approvals.votes_of(1, Outcome.APPROVED) == ()


def test_tokens_are_secrets_and_in_no_representation() -> None:
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "SIGNALBOX_KEY": new_key(),
        "TFE_TOKEN": "tfe-token-value",
        "TFE_ADDRESS": "https://tfe.example.com",
        "HCP_NOTIFICATION_TOKEN": "notification-token-value",
    }
    settings = read(environ, executor="test")
    assert (settings.tfe_address, settings.tfe_token) == ("https://tfe.example.com", "tfe-token-value")
    assert "token-value" not in repr(settings)
    assert {"tfe-token-value", "notification-token-value"} <= set(secret_values(environ, ()))
