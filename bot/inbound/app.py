"""The Bolt app: collects what the handler files register, attaches it, and answers every error in one place."""

from __future__ import annotations

import asyncio
import importlib
import logging
import pkgutil
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError

import handlers
from bot.access import arguments
from bot.errors import UserError
from bot.inbound import payloads
from bot.inbound.commands import Commands
from bot.inbound.replays import Replays
from bot.operations.lifecycle import begin, run
from bot.operations.registry import NextPage, Registry
from bot.slack.answers import answer_of, apology
from bot.slack.blocks import markup, modals, replies
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from slack_bolt.authorization import AuthorizeResult
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.inbound.commands import Answer
    from bot.inbound.installation import Installation
    from bot.operations.registry import Button, HomeTab, Kind, Modal, Shortcut, Submission
    from bot.services import Services
    from bot.slack.blocks.kit import Message
    from bot.store.operations import Request

    Ack = Callable[..., Awaitable[Any]]

log = logging.getLogger(__name__)
UNKNOWN = "I do not know this button or command (any more); nothing was done."
NOT_DONE, ANSWER = "Nothing was done", "Signalbox"
SECTIONS = {
    "COMMANDS": "commands",
    "TOPICS": "topics",
    "BUTTONS": "buttons",
    "MODALS": "modals",
    "SHORTCUTS": "shortcuts",
    "HOMES": "homes",
    "KINDS": "kinds",
    "PERIODIC_TASKS": "periodic_tasks",
    "RUN_LISTENERS": "run_listeners",
    "FOLLOW_UPS": "follow_ups",
    "APPROVAL_CHECKS": "approval_checks",
    "THREAD_LISTENERS": "thread_listeners",
    "PAGES": "pages",
}
_working: set[asyncio.Task[object]] = set()


def find_handlers() -> Registry:
    """Everything that the files in handlers/ register."""
    registry = Registry()
    for module in sorted(pkgutil.walk_packages(handlers.__path__, "handlers."), key=lambda info: info.name):
        loaded = importlib.import_module(module.name)
        for name, section in SECTIONS.items():
            registry = replace(registry, **{section: getattr(registry, section) + tuple(getattr(loaded, name, ()))})
    return registry


def _says_something(record: logging.LogRecord) -> bool:
    """Not that the client's token is not used to authorize, which Bolt warns of at each start as if it were a fault."""
    return not str(record.msg).startswith("As `installation_store` or `authorize` has been used")


def build(client: AsyncWebClient, installation: Installation) -> AsyncApp:
    """The Bolt app without listeners. It gets only what is authenticated and checked."""

    async def authorize() -> AuthorizeResult:  # Bolt reads the names of its parameters
        return await installation.authorize()

    log = logging.getLogger("slack_bolt")
    log.addFilter(_says_something)
    return AsyncApp(
        name="signalbox",  # otherwise Bolt reads the source of every caller to find a name: a third of the start
        client=client,
        signing_secret="",
        request_verification_enabled=False,
        ssl_check_enabled=False,
        authorize=authorize,
        logger=log,  # Bolt's other loggers take the level of this logger
        raise_error_for_unhandled_request=True,
        # Bolt answers after the listener. Otherwise it polls the acknowledgement of each request every 10 ms, and after
        # three seconds replies that nothing was done, although the listener still runs.
        process_before_response=True,
    )


def register_operations(services: Services, registry: Registry) -> None:
    """Register with the durable engine what begins an operation, and the workflow of each kind."""
    kinds = {kind.name: kind for kind in registry.kinds}

    async def begin_with_services(request: Request) -> None:
        await begin(services, request, kinds.get(request.kind))

    services.engine.register_begin(begin_with_services)
    for kind in registry.kinds:
        services.engine.register(kind.name, _body(services, kind, registry))


def attach(app: AsyncApp, services: Services, registry: Registry) -> Mapping[str, Answer]:
    """Attach what the handlers register; everything else is answered with a refusal. Returns what answers commands."""
    replays = Replays(services.deliveries)
    for button in registry.buttons:
        app.action(button.action_id)(_on_click(services, registry, button, replays))
    for modal in registry.modals:
        app.view(modal.callback_id)(_on_submission(services, registry, modal, replays))
    for shortcut in registry.shortcuts:
        app.shortcut(shortcut.callback_id)(_on_shortcut(services, shortcut, replays))
    for home in registry.homes:
        app.event("app_home_opened")(_on_home(services, home, replays))
    given = Commands(services, registry, replays)
    for event in ("app_mention", "message"):
        app.event(event)(_on_message(services, registry, given))
    app.error(_on_error(services))
    return given.answers()


def _body(services: Services, kind: Kind, registry: Registry) -> Callable[[int], Any]:
    async def body(number: int) -> None:
        await run(services, number, kind, registry.follow_ups)

    return body


def _on_click(
    services: Services, registry: Registry, button: Button, replays: Replays
) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Ack, body: dict[str, Any]) -> None:
        click = payloads.click(body, registry)
        await ack()

        async def handle() -> Message | None:
            work = partial(button.handle, services, click)
            return await replays.click(body, work, repeatable=button.repeatable)

        async def decide() -> None:
            reply = await answer_of(handle)
            if reply and click.at_home:
                await _respond_in_modal(services, click.trigger_id, reply)
            elif reply:
                await _respond(services, click.response_url, reply)
            for home in registry.homes if click.at_home else ():
                await answer_of(partial(home.publish, services, click.user))

        _afterwards(decide())

    return listener


def _on_submission(
    services: Services, registry: Registry, modal: Modal, replays: Replays
) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Ack, body: dict[str, Any]) -> None:
        submission = payloads.submission(body, registry)
        await ack(**(await replays.once(body, lambda: _after_submission(services, modal, submission)) or {}))

    return listener


def _on_shortcut(services: Services, shortcut: Shortcut, replays: Replays) -> Callable[..., Awaitable[None]]:
    async def listener(ack: Ack, body: dict[str, Any]) -> None:
        use = payloads.shortcut(body)
        await ack()

        async def handle() -> None:
            reply = await answer_of(lambda: replays.once(body, lambda: shortcut.handle(services, use)))
            if reply and use.response_url:  # Slack gives one for the shortcut of a message
                await _respond(services, use.response_url, reply)

        _afterwards(handle())

    return listener


def _on_home(services: Services, home: HomeTab, replays: Replays) -> Callable[..., Awaitable[None]]:
    async def listener(body: dict[str, Any], event: dict[str, Any]) -> None:
        async def publish() -> None:
            if await replays.is_first(body):
                await home.publish(services, event["user"])

        if event.get("tab") == "home":
            _afterwards(answer_of(publish))

    return listener


def _on_message(services: Services, registry: Registry, given: Commands) -> Callable[..., Awaitable[None]]:
    async def listener(body: dict[str, Any], event: dict[str, Any], context: dict[str, Any]) -> None:
        written = payloads.written(body, str(context.get("bot_user_id") or ""))
        if written is None:
            if event["type"] == "message" and (reply := payloads.thread_reply(event)):
                for each in registry.thread_listeners:
                    _afterwards(answer_of(partial(each.handle, services, reply)))
        elif event["type"] == "app_mention" or written.direct:  # a mention comes as a message of its channel as well
            # Before Slack has its answer: a process that is killed here gets the event again.
            thread, answer = await given.write(written)
            if answer:
                _afterwards(given.say(thread, answer))

    return listener


async def _after_submission(services: Services, modal: Modal, submission: Submission) -> dict[str, Any]:
    """What Slack does with the modal (docs.slack.dev/surfaces/modals): display errors or another view, else close it."""
    result = await _faults(services, modal, submission)
    if isinstance(result, NextPage):
        return {"response_action": "update", "view": services.chat.outgoing(result.view)}
    errors = {block: markup.plain(markup.redacted(text, services.redact)) for block, text in result.items()}
    if "" in errors:  # a modal without an input has nothing under which Slack could display it
        view = modals.notice(NOT_DONE, replies.refusal(errors[""]))
        return {"response_action": "update", "view": services.chat.outgoing(view)}
    return {"response_action": "errors", "errors": errors} if errors else {}


async def _faults(services: Services, modal: Modal, submission: Submission) -> Mapping[str, str] | NextPage:
    # A modal closes as after a success unless the answer has a fault, which Slack displays under an input.
    first = next(iter(submission.values), "")
    try:
        return _secrets_in(services, submission) or await modal.handle(services, submission)
    except UserError as error:
        return {first: str(error)}
    except Exception as error:  # noqa: BLE001  -- for any exception the person gets an answer and the log a traceback
        return {first: apology(error).text}


def _secrets_in(services: Services, submission: Submission) -> Mapping[str, str]:
    return {
        block: arguments.REFUSED_CREDENTIALS
        for block, value in submission.values.items()
        if services.redact.holds_secret(value)
    }


def _afterwards(work: Coroutine[Any, Any, object]) -> None:
    """Continue with `work`, which raises nothing, after Slack has its answer."""
    task = asyncio.create_task(work)
    _working.add(task)  # the loop alone does not keep it from garbage collection
    task.add_done_callback(_working.discard)


def _on_error(services: Services) -> Callable[..., Awaitable[BoltResponse]]:
    async def listener(error: Exception, body: dict[str, Any]) -> BoltResponse:
        unknown = isinstance(error, BoltUnhandledRequestError)
        answer = replies.refusal(UNKNOWN) if unknown else apology(error)
        response_url = body.get("response_url")
        if isinstance(response_url, str):
            await _respond(services, response_url, answer)
        # Slack displays nothing useful for any other status, and repeats events.
        return BoltResponse(status=200, body="")

    return listener


async def _respond_in_modal(services: Services, trigger_id: str, answer: Message) -> None:
    """Answer a click on the Home tab, which has no response URL."""
    try:
        await services.chat.open_view(trigger_id, modals.notice(ANSWER, answer))
    except ChatError as failure:
        log.warning("the person got no answer: %s", failure)


async def _respond(services: Services, response_url: str, answer: Message) -> None:
    try:
        await services.chat.respond(response_url, answer)
    except ChatError as failure:
        log.warning("the person got no answer: %s", failure)
