"""Shortcuts as docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload has them: of a message, and global."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.inbound import payloads as inbound, shapes
from bot.inbound.refusals import RefusedError
from sandbox.slack import payloads
from sandbox.slack.delivery import Answer, Outcome
from sandbox.slack.errors import ApiError
from sandbox.slack.triggers import LIFETIME
from tests.unit.sandbox.slack.conftest import MANIFEST

if TYPE_CHECKING:
    from sandbox.slack import SlackStandIn

SHORTCUTS = [
    {"name": "Run it…", "type": "message", "callback_id": "of-message", "description": "d"},
    {"name": "Run it…", "type": "global", "callback_id": "anywhere", "description": "d"},
]


@pytest.fixture
def sent(slack: SlackStandIn) -> list[dict[str, Any]]:
    """What the app gets; the manifest has two shortcuts."""
    slack.register_commands({**MANIFEST, "features": {**MANIFEST["features"], "shortcuts": SHORTCUTS}})
    deliveries: list[dict[str, Any]] = []

    async def interaction(payload: dict[str, Any]) -> Answer:
        deliveries.append(payload)
        return Answer(Outcome.ANSWERED, 200)

    slack.client.transport.interaction = interaction  # type: ignore[method-assign]
    return deliveries


async def test_a_message_s_shortcut_has_the_message_and_a_trigger_that_expires(
    slack: SlackStandIn, sent: list[dict[str, Any]]
) -> None:
    ana = slack.person("ana")
    await ana.type("#ops", "something is wrong")
    message = slack.workspace.channel("#ops").timeline[-1]
    assert (await ana.use_shortcut("Run it…", message)).ok
    (payload,) = sent
    assert {"type", "token", "action_ts", "team", "user", "channel", "callback_id", "trigger_id", "message_ts", "message", "response_url"} <= payload.keys()  # fmt: skip
    assert (payload["type"], payload["callback_id"]) == ("message_action", "of-message")
    assert payload["message"]["ts"] == payload["message_ts"] == message.ts
    use = inbound.shortcut(shapes.checked(payload).body)
    assert (use.user, use.channel, use.message_ts) == (ana.id, message.channel, message.ts)
    slack.clock.advance(LIFETIME + 0.1)
    with pytest.raises(ApiError, match="expired_trigger_id"):
        slack.backend.triggers.take(use.trigger_id)


async def test_a_global_shortcut_has_no_channel_and_no_response_url(
    slack: SlackStandIn, sent: list[dict[str, Any]]
) -> None:
    assert (await slack.person("ana").use_shortcut("Run it…")).ok
    (payload,) = sent
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "anywhere")
    assert not {"channel", "message", "response_url"} & payload.keys()
    assert payload["user"].keys() == {"id", "username", "team_id"}
    use = inbound.shortcut(shapes.checked(payload).body)
    assert (use.channel, use.message_ts, use.response_url) == ("", "", "")


async def test_slack_offers_only_what_the_manifest_has(slack: SlackStandIn, sent: list[dict[str, Any]]) -> None:
    ana = slack.person("ana")
    await ana.type("#ops", "something is wrong")
    message = slack.workspace.channel("#ops").timeline[-1]
    for name, of in (("anywhere", message), ("of-message", None), ("other", message)):
        with pytest.raises(LookupError, match="no shortcut"):
            await ana.use_shortcut(name, of)
    assert not sent


def test_a_message_s_shortcut_without_its_message_is_refused(slack: SlackStandIn) -> None:
    ana = slack.person("ana").user
    payload = payloads.global_shortcut(slack.backend, ana, "of-message") | {"type": "message_action"}
    with pytest.raises(RefusedError, match="payload is not as"):
        shapes.checked(payload)
