"""Commands: from a checked payload to the answer, without Bolt; slash commands, and what people write to Signalbox in messages.

What Bolt's middleware does for a command is done before (signature, installation) or not needed, and takes longer than
an answer: see docs/benchmarks.md.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bot.access import arguments
from bot.access.pace import CommandPace
from bot.errors import NeedsClickError
from bot.inbound import payloads
from bot.slack.answers import answer_of, apology
from bot.slack.blocks import replies
from bot.slack.web_api import ChatError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.inbound.payloads import Written
    from bot.inbound.replays import Replays
    from bot.operations.registry import Command, Invocation, Registry
    from bot.services import Services
    from bot.slack.answer_thread import Thread
    from bot.slack.blocks.kit import Message

    Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

log = logging.getLogger(__name__)


class Commands:
    """Runs commands, however they were given: each person at their pace, each delivery once."""

    def __init__(self, services: Services, registry: Registry, replays: Replays) -> None:
        self._services = services
        self._registry = registry
        self._replays = replays
        self._pace = CommandPace(services.config.access.commands_per_minute, services.clock)

    def answers(self) -> Mapping[str, Answer]:
        """What answers slash commands, by their names: with a message as Slack takes it, or nothing ({})."""
        return {command.name: self._answer(command) for command in self._registry.commands}

    def _answer(self, command: Command) -> Answer:
        async def answer(body: dict[str, Any]) -> dict[str, Any]:
            reply = await answer_of(
                lambda: self._once(command, body, lambda: payloads.invocation(body, self._registry))
            )
            try:
                return self._services.chat.reply(reply) if reply else {}
            except Exception as error:  # noqa: BLE001  -- for any exception the person gets an answer and the log a traceback
                return self._services.chat.reply(apology(error))

        return answer

    async def write(self, written: Written) -> tuple[Thread, Message | None]:
        """The answer to a message that a person wrote to Signalbox, and where to say it."""
        command, text = written.command_among({command.name: command for command in self._registry.commands})
        # What some may not see is not said in a channel: then only the person who wrote sees the answer.
        limited = any(role.environments is not None for role in self._services.config.access.roles.values())
        thread = written.thread(public=not limited)
        body = {"type": "message", "trigger_id": written.key}
        typed = f"{command.name} {text}".rstrip()

        async def run() -> Message | None:
            try:
                return await self._once(command, body, lambda: written.invocation(text, thread, self._registry))
            except NeedsClickError:
                return replies.typed_for_you(typed)

        return thread, await answer_of(run)

    async def say(self, thread: Thread, message: Message) -> None:
        """Answer in a thread."""
        try:
            await self._services.command_answers.say(self._services, thread, message)
        except ChatError as failure:
            log.warning("%s got no answer in the thread: %s", thread.user, failure)

    async def _once(self, command: Command, body: dict[str, Any], read: Callable[[], Invocation]) -> Message | None:
        invocation = read()
        self._pace.check(invocation.user)
        return await self._replays.once(body, lambda: self._handle(command, invocation))

    async def _handle(self, command: Command, invocation: Invocation) -> Message | None:
        arguments.no_secret(self._services.redact, invocation.text)
        self._services.command_answers.expect(invocation.key, invocation.thread or invocation.response_url)
        answered = True
        try:
            reply = await command.handle(self._services, invocation)
            answered = reply is not None
        finally:
            if answered:
                self._services.command_answers.answered(invocation.key)
        return reply
