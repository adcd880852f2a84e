"""Slack's payloads as docs.slack.dev shows them, mutations of them, and bodies that are none."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from bot.inbound import shapes

COMMAND = {
    "token": "t", "team_id": "T0SANDBOX", "team_domain": "lineside", "enterprise_id": "", "enterprise_name": "",
    "channel_id": "C0OPS", "channel_name": "ops", "user_id": "U0ANA", "user_name": "ana", "command": "/deploy",
    "text": "staging", "api_app_id": "A0SIGNAL", "is_enterprise_install": "false", "trigger_id": "1.2.abc",
    "response_url": "https://hooks.slack.com/commands/T0SANDBOX/1/abc",
}  # fmt: skip
USER = {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T0SANDBOX"}
SENT = {
    "user": USER, "team": {"id": "T0SANDBOX", "domain": "lineside"}, "enterprise": None, "api_app_id": "A0SIGNAL",
    "token": "t", "trigger_id": "1.2.abc", "is_enterprise_install": False,
}  # fmt: skip
VIEW: dict[str, Any] = {
    "id": "V1", "team_id": "T0SANDBOX", "type": "modal", "callback_id": "deploy", "private_metadata": "",
    "state": {"values": {"ref": {"ref": {"type": "plain_text_input", "value": "main"}},
                         "of": {"of": {"type": "static_select", "selected_option": {"value": "a"}}}}},
    "hash": "1.a", "blocks": [], "app_installed_team_id": "T0SANDBOX", "root_view_id": "V1", "previous_view_id": None,
}  # fmt: skip
CONTAINER = {"type": "message", "message_ts": "1.2", "channel_id": "C0OPS", "is_ephemeral": False}
ACTION = {"type": "button", "action_id": "approve", "block_id": "b", "value": "1", "action_ts": "1.2"}
CLICK: dict[str, Any] = {"type": "block_actions", **SENT, "container": CONTAINER, "actions": [ACTION], "channel": {"id": "C0OPS"},
         "message": {"ts": "1.2", "text": "x", "user": "U0SIGNAL"}, "state": {"values": {}}, "response_url": ""}  # fmt: skip
EVENT = {"token": "t", "team_id": "T0SANDBOX", "api_app_id": "A0SIGNAL", "type": "event_callback", "event_id": "Ev1",
         "event_time": 1, "event": {"type": "app_home_opened", "user": "U0ANA", "channel": "D1", "tab": "home"},
         "authorizations": [{"enterprise_id": None, "team_id": "T0SANDBOX", "user_id": "U0SIGNAL", "is_bot": True}]}  # fmt: skip
TYPED: dict[str, dict[str, Any]] = {
    "click": CLICK,
    "submission": {"type": "view_submission", **SENT, "view": VIEW, "response_urls": []},
    "closed": {"type": "view_closed", **SENT, "view": VIEW, "is_cleared": False},
    "suggestion": {"type": "block_suggestion", **SENT, "container": CONTAINER, "action_id": "a", "block_id": "b", "value": ""},
    "shortcut": {"type": "shortcut", **SENT, "callback_id": "x", "action_ts": "1.2"},
    "of a message": {"type": "message_action", **SENT, "callback_id": "x", "message": {"ts": "1.2"}, "channel": {"id": "C0"}},
    "event": EVENT,
    "verification": {"type": "url_verification", "token": "t", "challenge": "c"},
    "rate limit": {"type": "app_rate_limited", "team_id": "T0SANDBOX", "api_app_id": "A0SIGNAL", "minute_rate_limited": 1},
}  # fmt: skip
DEEP: Any = json.loads('{"a":' * 400 + "1" + "}" * 400)
ODD = st.sampled_from(
    [None, True, False, 0, -1, 10**400, 1.5, "", "\ud800", "\0", "x" * 5_000, [], {}, [None], [[]], {"id": None}, [{}],
     {"": {}}, {"id": {"id": []}}, ["U0ANA"], "nan", DEEP]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, shape: dict[str, Any]) -> dict[str, Any]:
    """The payload with one to three of its fields missing, of another type, or in another place."""
    payload = deepcopy(shape)
    for _ in range(draw(st.integers(1, 3))):
        inside: Any = payload
        while True:
            key = draw(st.sampled_from(list(inside) if isinstance(inside, dict) else list(range(len(inside)))))
            if isinstance(inside[key], dict | list) and inside[key] and draw(st.booleans()):
                inside = inside[key]
                continue
            break
        if draw(st.booleans()) and isinstance(inside, dict) and len(inside) > 1:
            del inside[key]
        else:
            inside[key] = deepcopy(draw(ODD))
    return payload


any_typed = st.sampled_from(list(TYPED.values())).flatmap(mutated)
any_command = mutated(dict(COMMAND))
RAW = [
    b"", b"{}", b"[]", b"null", b"1", b'"x"', b"{", b"payload", b"payload=", b"payload=1", b"&&&", b"=", b"\xff\xfe", b"%ff=%ff",
    b"command=/deploy&command=/plan", b"payload={}&payload={}", b"payload=%7B%7D&command=/deploy", b"type=block_actions&actions=x",
    b"ssl_check=1&token=t", b"{" * 10_000, b"[" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"type":NaN}', b'{"type":"\\ud800"}',
    b'{"type":"block_actions","actions":' + b"[" * 10_000 + b"]" * 10_000 + b"}", b'{"type":' + b"9" * 5_000 + b"}", b"a=b&" * 10_000,
    b'{"type":"block_actions","type":"url_verification"}', b"\xef\xbb\xbf{}", b'{"type":"url_verification","challenge":{"a":1}}',
]  # fmt: skip
KINDS = [
    shapes.JSON, shapes.FORM, f"{shapes.JSON}; charset=utf-16", f"{shapes.FORM}; charset=nonsense", "text/plain", "multipart/form-data",
    "multipart/form-data; boundary=x", "", "application/json;;;=", "x" * 500,
]  # fmt: skip
