"""The shapes of Slack's payloads: only what is checked here is passed on, all else is dropped.

Sources: docs.slack.dev/interactivity/implementing-slash-commands, docs.slack.dev/reference/interaction-payloads,
docs.slack.dev/apis/events-api.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import parse_qsl

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.inbound.refusals import RefusedError

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MOST_FIELDS = 50  # of a form; a command has fifteen


def _storable(text: str) -> str:
    """The text. Raises ValueError if it has a NUL, which PostgreSQL cannot store, or half of a surrogate pair."""
    if "\0" in text:
        raise ValueError("has a NUL")
    text.encode()
    return text


def _encodable(text: str) -> str:
    """The text. Raises ValueError if it has half of a surrogate pair."""
    text.encode()
    return text


Text = Annotated[str, AfterValidator(_storable)]
Typed = Annotated[str, AfterValidator(_encodable)]  # what people type: commands refuse a NUL in words
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,255}$")]
Name = Annotated[Text, Field(min_length=1, max_length=255)]
ByName = dict[Text, Any]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _User(_Shape):
    id: Id
    team_id: Id | None = None


class _Team(_Shape):
    id: Id
    enterprise_id: Text | None = None


class _Enterprise(_Shape):
    id: Id


class _Option(_Shape):
    value: Text


class _Element(_Shape):
    value: Text | None = None
    selected_option: _Option | None = None
    selected_options: list[_Option] | None = None


class _State(_Shape):
    values: dict[Name, dict[Name, _Element]] | None = None


class _View(_Shape):
    id: Id
    type: Name
    callback_id: Annotated[Text, Field(max_length=255)] = ""
    private_metadata: Text | None = None
    state: _State | None = None


class _Container(_Shape):
    type: Name | None = None
    channel_id: Id | None = None
    message_ts: Id | None = None
    view_id: Id | None = None


class _Action(_Shape):
    action_id: Name
    block_id: Name | None = None
    type: Name
    value: Text | None = None


class Command(_Shape):
    """A slash command; a form without a type."""

    command: Name
    text: Typed = ""
    user_id: Id
    channel_id: Id
    team_id: Id
    enterprise_id: Text | None = None
    api_app_id: Id
    trigger_id: Id
    response_url: Text = ""


class _Interaction(_Shape):
    user: _User
    team: _Team | None = None
    enterprise: _Enterprise | None = None
    api_app_id: Id
    trigger_id: Id | None = None
    response_url: Text | None = None


class BlockActions(_Interaction):
    """A click on an element of a message, a modal or the Home tab."""

    type: Literal["block_actions"]
    container: _Container
    view: _View | None = None
    actions: Annotated[list[_Action], Field(min_length=1)]


class ViewSubmission(_Interaction):
    """A submitted modal."""

    type: Literal["view_submission"]
    view: _View


class ViewClosed(_Interaction):
    """A modal that was closed without being submitted."""

    type: Literal["view_closed"]
    view: _View


class BlockSuggestion(_Interaction):
    """The options of a menu are requested."""

    type: Literal["block_suggestion"]
    action_id: Name
    block_id: Name
    value: Text = ""


class Shortcut(_Interaction):
    """A shortcut of the app that somebody chose anywhere in Slack."""

    type: Literal["shortcut"]
    callback_id: Name


class _Channel(_Shape):
    id: Id


class _Message(_Shape):
    ts: Id


class MessageShortcut(_Interaction):
    """A shortcut of the app that somebody chose in the menu of a message."""

    type: Literal["message_action"]
    callback_id: Name
    channel: _Channel
    message: _Message


class _Event(_Shape):
    type: Name
    user: Any = None
    tab: Text | None = None
    channel: Any = None  # an object in events that are not used
    channel_type: Text | None = None
    ts: Text | None = None
    thread_ts: Text | None = None
    text: Text | None = None
    subtype: Text | None = None
    bot_id: Text | None = None


class Event(_Shape):
    """An event: the Home tab was opened, or somebody wrote to Signalbox or in a thread."""

    type: Literal["event_callback"]
    event: _Event
    event_id: Id
    team_id: Id
    enterprise_id: Text | None = None
    api_app_id: Id


class UrlVerification(_Shape):
    """Slack asks whether the address is the app's."""

    type: Literal["url_verification"]
    challenge: Text


class RateLimited(_Shape):
    """Slack has left out events, of which there were too many."""

    type: Literal["app_rate_limited"]
    team_id: Id
    api_app_id: Id


Interaction = BlockActions | ViewSubmission | ViewClosed | BlockSuggestion | Shortcut | MessageShortcut
_OneOf = Annotated[Interaction | Event | UrlVerification | RateLimited, Field(discriminator="type")]
_TYPED: TypeAdapter[Any] = TypeAdapter(_OneOf)


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload of a known shape: `shape` has its checked fields, `body` is those as Bolt takes them."""

    shape: Command | Interaction | Event | UrlVerification | RateLimited
    body: dict[str, Any]


def read(body: bytes | bytearray, content_type: str) -> Payload:
    """The payload of a request's body. Raises RefusedError."""
    if content_type not in {JSON, FORM}:
        _refuse(f"the content type is neither {JSON} nor {FORM}", 415)
    try:
        text = body.decode()
        fields = _json(text) if content_type == JSON else _form(text)
    except (ValueError, RecursionError):
        _refuse("the body is neither a form nor a JSON object")
    return checked(fields)


def checked(fields: object) -> Payload:
    """The payload in these fields. Raises RefusedError, which names the fault and shows no value."""
    if not isinstance(fields, dict):
        _refuse("the body is neither a form nor a JSON object")
    try:
        shape = Command.model_validate(fields) if "type" not in fields else _TYPED.validate_python(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"] if str(part).isidentifier())[:80] or "its type"
        _refuse(f"the payload is not as Slack's are: {place}: {fault['type']}")
    except RecursionError:
        _refuse("the payload is not as Slack's are: nested too deeply")
    if isinstance(shape, Event) and shape.event.type == "app_home_opened" and not isinstance(shape.event.user, str):
        _refuse("the payload is not as Slack's are: event.user: string_type")
    return Payload(shape, shape.model_dump(exclude_unset=True))


def _form(text: str) -> Any:
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field comes twice")
    if "payload" in fields:
        return _json(fields["payload"])
    return {name: value for name, value in fields.items() if name != "type"}


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse(words: str, status: int = 400) -> NoReturn:
    raise RefusedError(status, words, "shape")
