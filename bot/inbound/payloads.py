"""Slack's payloads, checked and converted to values; no other module reads them."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.errors import UserError
from bot.operations.registry import Click, Invocation, Registry, ShortcutUse, Submission
from bot.operations.thread_replies import ThreadReply

WRITTEN = (None, "thread_broadcast", "file_share")  # subtypes of what people write; others change, delete or announce


def invocation(body: dict[str, Any], registry: Registry) -> Invocation:
    """A slash command, from the fields that docs.slack.dev/interactivity/implementing-slash-commands lists."""
    trigger = _text(body, "trigger_id")
    return Invocation(
        user=_text(body, "user_id"),
        channel=_text(body, "channel_id"),
        text=_as_typed(str(body.get("text") or "")),
        trigger_id=trigger,
        response_url=str(body.get("response_url") or ""),
        key=_key("command", trigger, _text(body, "user_id"), _text(body, "command"), str(body.get("text") or "")),
        registry=registry,
    )


def click(body: dict[str, Any], registry: Registry) -> Click:
    """A press on a button of a message, a modal or the Home tab (a block_actions payload)."""
    action, container = body["actions"][0], body.get("container") or {}
    return Click(
        user=_text(body.get("user") or {}, "id"),
        channel=str(container.get("channel_id") or ""),
        message_ts=str(container.get("message_ts") or ""),
        action_id=_text(action, "action_id"),
        value=str(action.get("value") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
        registry=registry,
        at_home=container.get("type") == "view" and (body.get("view") or {}).get("type") == "home",
    )


def submission(body: dict[str, Any], registry: Registry) -> Submission:
    """A submitted modal (a view_submission payload), its values by block id."""
    view = body["view"]
    typed = (view.get("state") or {}).get("values") or {}  # absent where a modal has no inputs
    values = {block: _value(next(iter(elements.values()))) for block, elements in typed.items() if elements}
    return Submission(
        user=_text(body.get("user") or {}, "id"),
        callback_id=_text(view, "callback_id"),
        private_metadata=str(view.get("private_metadata") or ""),
        values=values,
        # A view is submitted once: its id identifies a repeated delivery of the same submission.
        key=_key("view", _text(view, "id")),
        registry=registry,
    )


def shortcut(body: dict[str, Any]) -> ShortcutUse:
    """A shortcut that somebody chose (a shortcut or message_action payload)."""
    return ShortcutUse(
        user=_text(body.get("user") or {}, "id"),
        trigger_id=_text(body, "trigger_id"),
        channel=str((body.get("channel") or {}).get("id") or ""),
        message_ts=str((body.get("message") or {}).get("ts") or ""),
        response_url=str(body.get("response_url") or ""),
    )


def thread_reply(event: dict[str, Any]) -> ThreadReply | None:
    """A person's reply in a thread (docs.slack.dev/reference/events/message); None for any other message."""
    names = ("user", "channel", "thread_ts", "ts", "text")
    user, channel, thread_ts, ts, text = (event.get(name) for name in names)
    written = event.get("subtype") in WRITTEN and not event.get("bot_id") and thread_ts != ts
    if not (written and all(isinstance(each, str) and each for each in (user, channel, thread_ts, ts, text))):
        return None
    return ThreadReply(str(user), str(channel), str(thread_ts), str(ts), _as_typed(str(text)))


def _as_typed(text: str) -> str:
    """The text of a command without Slack's escaping of &, < and > (docs.slack.dev/messaging/formatting-message-text).

    What is typed into a modal arrives as it is.
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _value(element: dict[str, Any]) -> str:
    if "selected_options" in element:  # several: their values, separated by commas
        return ",".join(str(option["value"]) for option in element["selected_options"] or ())
    chosen = element.get("selected_option")
    return str(chosen["value"]) if chosen else str(element.get("value") or "")


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise UserError(f"Slack's message lacks {name}, so I did nothing.")
    return value


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
