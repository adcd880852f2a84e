"""429 at Slack's tiers."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import ApiError, Clock, SlackSettings, SlackStandIn
from sandbox.slack.rate_limits import POSTING, TIER_3, RateLimits


@pytest.fixture
def settings() -> SlackSettings:
    return SlackSettings("xoxb-planted-bot-token", "planted", None, None)


def count_until_refused(limits: RateLimits, method: str, tier: Any, channel: str = "C") -> tuple[int, str]:
    for number in range(1000):
        try:
            limits.count(method, tier, channel)
        except ApiError as error:
            return number, error.headers["Retry-After"]
    raise AssertionError("never refused")


def test_tier_3_lets_fifty_a_minute_pass() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    assert count_until_refused(limits, "chat.update", TIER_3) == (50, "60")
    clock.advance(59)
    assert count_until_refused(limits, "chat.update", TIER_3)[0] == 0
    clock.advance(2)
    assert count_until_refused(limits, "chat.update", TIER_3)[0] == 50


def test_each_method_is_counted_for_itself() -> None:
    limits = RateLimits(Clock())
    assert count_until_refused(limits, "chat.update", TIER_3)[0] == 50
    assert count_until_refused(limits, "chat.delete", TIER_3)[0] == 50


def test_posting_is_one_a_second_a_channel_with_a_short_burst() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    assert count_until_refused(limits, "chat.postMessage", POSTING, "C1")[0] == 3
    assert count_until_refused(limits, "chat.postMessage", POSTING, "C2")[0] == 3
    passed = 0
    for _ in range(60):
        clock.advance(1)
        passed += count_until_refused(limits, "chat.postMessage", POSTING, "C1")[0]
    assert passed == pytest.approx(60, abs=3)


async def test_the_web_api_answers_429_with_retry_after(slack: SlackStandIn, client: AsyncWebClient) -> None:
    for _ in range(3):
        await client.chat_postMessage(channel="C0OPS", text="x")
    with pytest.raises(SlackApiError) as error:
        await client.chat_postMessage(channel="C0OPS", text="x")
    assert error.value.response.status_code == 429
    assert error.value.response["error"] == "ratelimited"
    assert int(error.value.response.headers["Retry-After"]) >= 1
    assert len(slack.workspace.channel("#ops").messages) == 3
    slack.clock.advance(3)
    await client.chat_postMessage(channel="C0OPS", text="x")


async def test_a_client_that_waits_as_told_gets_through(slack: SlackStandIn) -> None:
    patient = AsyncWebClient(token="xoxb-planted-bot-token", base_url=f"{slack.url}/api/")
    patient.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=3))
    for number in range(4):
        await patient.chat_postMessage(channel="C0OPS", text=str(number))
    assert [message.text for message in slack.workspace.channel("#ops").messages] == ["0", "1", "2", "3"]


def test_the_limit_by_name_and_by_id_is_one(slack: SlackStandIn) -> None:
    assert slack.backend.limit_key({"channel": "#ops"}) == slack.backend.limit_key({"channel": "C0OPS"}) == "C0OPS"
