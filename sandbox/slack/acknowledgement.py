"""Shows what the app put into its answer to a command, or posted to a response URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import people_seed as seed
from sandbox.slack.errors import ApiError, refused
from sandbox.slack.posting import draft
from sandbox.slack.replies import Reply

if TYPE_CHECKING:
    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.delivery import Answer
    from sandbox.slack.messages import Message
    from sandbox.slack.response_urls import ResponseUrl
    from sandbox.slack.workspace import User

FIELDS = {
    "text",
    "blocks",
    "response_type",
    "replace_original",
    "delete_original",
    "thread_ts",
    "unfurl_links",
    "unfurl_media",
    "metadata",
    "mrkdwn",
}
RESPONSE_TYPES = {"ephemeral", "in_channel"}


def show_command_answer(backend: Backend, user: User, channel: Channel, command: str, answer: Answer) -> Reply:
    """Show the body of a command's 200: nothing, text, or a message in JSON."""
    content = answer.payload if answer.payload is not None else {"text": answer.text}
    if not content or content == {"text": ""}:
        return Reply(answer.status, ok=True)
    try:
        message = _say(backend, user.id, channel, content, None)
    except ApiError as error:
        backend.note_refusal(f"answer to {command}", content, error.answer)
        return Reply(answer.status, ok=False, error=f'{command} failed with the error "{error.code}"')
    return Reply(answer.status, ok=True, text=message.rendered, ephemerals=[message] if message.ephemeral_for else [])


def respond(backend: Backend, url: ResponseUrl, content: dict[str, Any]) -> None:
    """Do what was posted to a response URL: a new message, or a change to the one that was clicked.

    Raises:
        ApiError: what is wrong with it.
    """
    channel = backend.workspace.channels[url.channel]
    if not (content.get("replace_original") or content.get("delete_original")):
        _say(backend, url.user, channel, content, url.thread_ts)
        return
    _checked(content)
    message = _original(backend, url)
    if content.get("delete_original"):
        _delete(backend, channel, message)
        return
    checked = draft(content)
    message.replace(
        ts=backend.workspace.new_ts(), text=checked.text, blocks=checked.blocks or [], metadata=checked.metadata
    )
    _announce(backend, channel, message)


def _original(backend: Backend, url: ResponseUrl) -> Message:
    original = None
    if url.message_ts is not None:
        channel = backend.workspace.channels[url.channel]
        ephemeral = backend.workspace.find_ephemeral(url.user, url.message_ts)
        original = ephemeral if url.ephemeral else channel.find(url.message_ts)
    if original is None:
        raise ApiError("message_not_found", status=404)
    return original


def _announce(backend: Backend, channel: Channel, message: Message) -> None:
    if message.ephemeral_for:
        backend.workspace.whisper_changed(message)
    else:
        channel.changed(message)


def _delete(backend: Backend, channel: Channel, message: Message) -> None:
    if message.ephemeral_for:
        backend.workspace.forget_ephemeral(message)
    else:
        channel.remove(message)


def _checked(content: dict[str, Any]) -> None:
    problems = [f"unknown field: {name}" for name in content if name not in FIELDS]
    if content.get("response_type", "ephemeral") not in RESPONSE_TYPES:
        problems.append("invalid response_type")
    if problems:
        raise refused("invalid_payload", problems)


def _say(backend: Backend, user: str, channel: Channel, content: dict[str, Any], thread_ts: str | None) -> Message:
    _checked(content)
    checked = draft(content)
    thread_ts = content.get("thread_ts", thread_ts)
    if content.get("response_type") != "in_channel":
        return backend.workspace.whisper(channel, user, checked.text, blocks=checked.blocks, thread_ts=thread_ts)
    return backend.workspace.post(
        channel,
        seed.BOT_USER_ID,
        checked.text,
        blocks=checked.blocks,
        thread_ts=thread_ts,
        metadata=checked.metadata,
        bot_id=seed.BOT_ID,
    )
