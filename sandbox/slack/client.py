"""Does what Slack's client and servers do between a person and the app."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sandbox.slack import mrkdwn, payloads, people_seed as seed, state
from sandbox.slack.acknowledgement import show_command_answer
from sandbox.slack.actions import chosen
from sandbox.slack.delivery import Answer, Outcome
from sandbox.slack.rendering import elements
from sandbox.slack.replies import Reply
from sandbox.slack.views import View

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sandbox.slack.backend import Backend
    from sandbox.slack.channels import Channel
    from sandbox.slack.delivery import Transport
    from sandbox.slack.messages import Message
    from sandbox.slack.workspace import User

log = logging.getLogger(__name__)

# Slack tries an event again at once, after a minute, and after five more.
RETRY_AFTER: tuple[float, ...] = (0.0, 60.0, 300.0)
LONGEST_TYPED = 40_000


class Client:
    """Delivers what people do and shows them what comes back."""

    def __init__(self, backend: Backend, transport: Transport) -> None:
        self._backend = backend
        self.transport = transport
        self.retry_after = RETRY_AFTER
        self._tasks: set[asyncio.Task[None]] = set()
        self._states: dict[tuple[str, str], state.Values] = {}

    async def say(self, user: User, channel: Channel, text: str, thread_ts: str | None = None) -> Reply:
        """Type into the composer: a slash command when it begins with "/", else a message."""
        if user.id not in channel.members:
            return Reply(0, ok=False, error=f"You are not a member of #{channel.name}")
        if text.startswith("/"):
            return await self._command(user, channel, text, thread_ts)
        if not text.strip() or len(text) > LONGEST_TYPED:
            return Reply(0, ok=False, error="Your message is empty" if not text.strip() else "Your message is too long")
        if channel.direct and not self._backend.registration.takes_messages:
            return Reply(0, ok=False, error="Sending messages to this app has been turned off.")
        stored = mrkdwn.typed(text, self._backend.workspace)
        message = self._backend.workspace.post(channel, user.id, stored, thread_ts=thread_ts)
        self._send_event(message, channel)
        return Reply(200, ok=True)

    def _send_event(self, message: Message, channel: Channel) -> None:
        """Send the app what it subscribed to: a mention in a direct message is no app_mention."""
        if seed.BOT_USER_ID not in channel.members:
            return
        registration = self._backend.registration
        kind = "im" if channel.direct else "groups" if channel.private else "channels"
        if registration.hears(f"message.{kind}"):
            self._later(self.deliver_event(payloads.message_event(self._backend, message)))
        mentioned = seed.BOT_USER_ID in mrkdwn.notified(message.text, message.blocks)
        if mentioned and not channel.direct and registration.hears("app_mention"):
            self._later(self.deliver_event(payloads.mention_event(self._backend, message)))

    async def _command(self, user: User, channel: Channel, text: str, thread_ts: str | None) -> Reply:
        word, _, rest = text.partition(" ")
        command = self._backend.registration.commands.get(word)
        if command is None or not self._backend.registration.may("commands"):
            return Reply(0, ok=False, error=f"{word} is not a valid command")
        if thread_ts is not None:
            return Reply(0, ok=False, error=f"{word} is not supported in threads")
        sent = mrkdwn.command_text(rest.strip(), self._backend.workspace, should_escape=command.should_escape)
        answer = await self.transport.command(payloads.command_fields(self._backend, user, channel, command, sent))
        if not answer.ok:
            return Reply(answer.status, ok=False, error=f'{word} failed with the error "{answer.outcome}"')
        return show_command_answer(self._backend, user, channel, word, answer)

    async def act(self, user: User, source: Message | View, block_id: str, action_id: str, choice: Any = None) -> Reply:
        """Click, choose or type in an element of a message or view.

        `source` may be an old snapshot: what that client still shows is what counts.

        Raises:
            LookupError: there is no such element, or no such option.
        """
        element = next(
            (
                candidate
                for candidate in elements(source.blocks)
                if (candidate["block_id"], candidate["action_id"]) == (block_id, action_id)
            ),
            None,
        )
        if element is None:
            raise LookupError(f"no element {action_id} in block {block_id}")
        action = chosen(element, choice, self._backend)
        values = self._remember(user, source, element, action)
        if not self._dispatches(source, block_id):
            return Reply(200, ok=True)
        if not self._backend.registration.interactivity:
            return Reply(0, ok=False, error="This app is not configured to handle interactive responses")
        answer = await self.transport.interaction(self._payload(user, source, action, values))
        return Reply(answer.status, ok=answer.ok, error=None if answer.ok else trouble(answer))

    def _payload(
        self, user: User, source: Message | View, action: dict[str, Any], values: state.Values
    ) -> dict[str, Any]:
        action = {**action, "action_ts": self._backend.workspace.new_ts()}
        if isinstance(source, View):
            return payloads.view_action(self._backend, user, source, action)
        channel = self._backend.workspace.channels[source.channel]
        current = source if source.ephemeral_for else channel.find(source.ts) or source
        return payloads.message_action(self._backend, user, current, action, values)

    def _remember(
        self, user: User, source: Message | View, element: dict[str, Any], action: dict[str, Any]
    ) -> state.Values:
        if isinstance(source, View):
            values = source.values
        else:
            key = (user.id, source.ts)
            values = self._states[key] = state.carried_over(self._states.get(key, {}), source.blocks)
        if element["type"] in state.CHOICE:
            field, _ = state.CHOICE[element["type"]]
            values[element["block_id"]][element["action_id"]] = state.entry(element, action.get(field))
        return values

    @staticmethod
    def _dispatches(source: Message | View, block_id: str) -> bool:
        block = next(candidate for candidate in source.blocks if candidate["block_id"] == block_id)
        return block["type"] != "input" or block.get("dispatch_action") is True

    async def use_shortcut(self, user: User, name: str, message: Message | None = None) -> Reply:
        """Choose a shortcut, by its name or callback id: in the menu of a message, or a global one.

        Raises:
            LookupError: Slack does not offer it there.
        """
        offered = [
            each
            for each in self._backend.registration.shortcuts.values()
            if name in {each.name, each.callback_id} and each.of_message is (message is not None)
        ]
        hidden = message is not None and (message.deleted or message.ephemeral_for is not None)
        if not offered or hidden or not self._backend.registration.may("commands"):
            raise LookupError(f"no shortcut {name!r} here")
        if message is not None and user.id not in self._backend.workspace.channels[message.channel].members:
            raise LookupError(f"{user.name} does not see this message")
        if not self._backend.registration.interactivity:
            return Reply(0, ok=False, error="This app is not configured to handle interactive responses")
        callback_id = offered[0].callback_id
        if message is None:
            payload = payloads.global_shortcut(self._backend, user, callback_id)
        else:
            payload = payloads.message_shortcut(self._backend, user, message, callback_id)
        answer = await self.transport.interaction(payload)
        return Reply(answer.status, ok=answer.ok, error=None if answer.ok else trouble(answer))

    async def deliver_event(self, payload: dict[str, Any]) -> None:
        """Send an event, again up to three times while it is not acknowledged."""
        answer = await self.transport.event(payload, 0)
        for attempt, pause in enumerate(self.retry_after, start=1):
            if answer.ok:
                return
            await asyncio.sleep(pause)
            answer = await self.transport.event(payload, attempt)
        if not answer.ok:
            log.warning("gave up on event %s: %s", payload["event_id"], answer.outcome)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def open_home(self, user: User, timeout: float = 10) -> View | None:
        """Open the app's Home tab: notify the app, then wait for it to publish.

        If it does not publish again, its earlier view is returned after at most three seconds.
        """
        before = self._backend.workspace.views.home(user.id)
        updates = -1 if before is None else before.updates
        if self._backend.registration.hears("app_home_opened") and self._backend.registration.home_tab:
            self._later(self.deliver_event(payloads.home_opened(self._backend, user, before)))

        def published() -> View | None:
            view = self._backend.workspace.views.home(user.id)
            return view if view is not None and view.updates > updates else None

        view = await self._backend.workspace.bus.until(published, timeout if before is None else min(timeout, 3))
        return view or before

    async def stop(self) -> None:
        """Give up on events still under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def trouble(answer: Answer) -> str:
    """What Slack shows when an app does not take a click or a submission."""
    if answer.outcome is Outcome.TIMED_OUT:
        return "The app did not respond in time (operation_timeout)"
    if answer.status:
        return f"The app responded with status code {answer.status}"
    return "The app could not be reached (dispatch_failed)"
