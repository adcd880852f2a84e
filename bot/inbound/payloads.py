"""Slack's payloads, checked and converted to values; no other module reads them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.errors import UserError
from bot.operations.registry import Click, Invocation, Registry, ShortcutUse, Submission
from bot.operations.thread_replies import ThreadReply
from bot.slack.answer_thread import Thread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.operations.registry import Command

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


@dataclass(frozen=True, slots=True)
class Written:
    """What a person wrote to Signalbox: in a channel with its mention first, or in a direct message.

    `ts` names the message, `thread_ts` its thread; the same message has the same `key`, however often Slack delivers it.
    """

    user: str
    channel: str
    text: str
    ts: str
    thread_ts: str
    direct: bool

    @property
    def key(self) -> str:
        """What makes the message unique."""
        return f"{self.channel}:{self.ts}"

    def command_among(self, commands: Mapping[str, Command]) -> tuple[Command, str]:
        """The command that it begins with, and the rest; everything else is a topic of /infra, without a word its help."""
        first, _, rest = self.text.partition(" ")
        name = f"/{first.removeprefix('/').lower()}"
        return (commands[name], rest.strip()) if name in commands else (commands["/infra"], self.text)

    def thread(self, *, public: bool) -> Thread:
        """Where it is answered; a direct message is between the person and Signalbox anyway."""
        return Thread(self.channel, self.thread_ts, self.user, public=public or self.direct)

    def invocation(self, text: str, thread: Thread, registry: Registry) -> Invocation:
        """The command of it."""
        key = _key("message", self.channel, self.ts)
        return Invocation(self.user, self.channel, text, "", "", key, registry, thread)


def written(body: dict[str, Any], bot_user: str) -> Written | None:
    """A message to Signalbox (an app_mention or message.im event); None for one of an app, an edit, or a mere mention."""
    event = body["event"]
    if event.get("bot_id") or event.get("subtype") not in (None, "thread_broadcast"):
        return None
    fields = [event.get(name) for name in ("user", "channel", "text", "ts")]
    if not all(isinstance(field, str) and field for field in fields) or event["user"] == bot_user:
        return None
    user, channel, text, ts = map(str, fields)
    direct = event.get("channel_type") == "im"
    mention = re.match(rf"\s*<@{re.escape(bot_user)}(?:\|[^<>]*)?>[\s,:]*", text)
    if not direct and not mention:
        return None
    text = text[mention.end() :] if mention else text
    return Written(user, channel, _as_typed(_unlinked(text)).strip(), ts, str(event.get("thread_ts") or ts), direct)


def _unlinked(text: str) -> str:
    """The text with the addresses and names that Slack made links of (docs.slack.dev/messaging/formatting-message-text)."""
    return re.sub(r"<(?:https?://|mailto:)[^<>|]*\|([^<>|]*)>|<((?:https?://|mailto:)[^<>|]*)>", r"\1\2", text)


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
