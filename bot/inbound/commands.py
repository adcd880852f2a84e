"""Slash commands: from a checked payload to the answer, without Bolt.

What Bolt's middleware does for a command is done before (signature, installation) or not needed, and takes longer than
an answer: see docs/benchmarks.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.access import arguments
from bot.access.pace import CommandPace
from bot.inbound import payloads
from bot.slack.answers import answer_of, apology

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bot.inbound.replays import Replays
    from bot.operations.registry import Command, Registry
    from bot.services import Services
    from bot.slack.blocks.kit import Message

    Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def answers(services: Services, registry: Registry, replays: Replays) -> Mapping[str, Answer]:
    """What answers the registered commands, by their names: with a message as Slack takes it, or nothing ({})."""
    pace = CommandPace(services.config.access.commands_per_minute, services.clock)
    return {command.name: _answer(services, registry, command, replays, pace) for command in registry.commands}


def _answer(services: Services, registry: Registry, command: Command, replays: Replays, pace: CommandPace) -> Answer:
    async def handle(body: dict[str, Any]) -> Message | None:
        invocation = payloads.invocation(body, registry)
        arguments.no_secret(services.redact, invocation.text)
        services.command_answers.expect(invocation.key, invocation.response_url)
        answered = True
        try:
            reply = await command.handle(services, invocation)
            answered = reply is not None
        finally:
            if answered:
                services.command_answers.answered(invocation.key)
        return reply

    async def answer(body: dict[str, Any]) -> dict[str, Any]:
        async def once() -> Message | None:
            pace.check(payloads.invocation(body, registry).user)
            return await replays.once(body, lambda: handle(body))

        reply = await answer_of(once)
        try:
            return services.chat.reply(reply) if reply else {}
        except Exception as error:  # noqa: BLE001  -- for any exception the person gets an answer and the log a traceback
            return services.chat.reply(apology(error))

    return answer
