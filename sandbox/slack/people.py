"""A person at their Slack client, for tests and stories to act as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack import submissions
from sandbox.slack.rendering import elements
from sandbox.slack.replies import Reply, ViewReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.backend import Backend
    from sandbox.slack.client import Client
    from sandbox.slack.messages import Message
    from sandbox.slack.views import View
    from sandbox.slack.workspace import User


class Person:
    """Acts as one member of the workspace; every method returns what Slack's client would show."""

    def __init__(self, backend: Backend, client: Client, user: User) -> None:
        self._backend = backend
        self._client = client
        self.user = user

    @property
    def id(self) -> str:
        """The user id."""
        return self.user.id

    @property
    def ephemerals(self) -> list[Message]:
        """What only this person sees, oldest first."""
        return [message for message in self._backend.workspace.ephemerals.get(self.id, ()) if not message.deleted]

    @property
    def view(self) -> View | None:
        """The modal that is open, if any."""
        return self._backend.workspace.views.top(self.id)

    async def type(self, channel: str, text: str, *, thread_ts: str | None = None) -> Reply:
        """Type "/deploy staging", or a plain message, into a channel."""
        return await self._client.say(self.user, self._backend.workspace.channel(channel), text, thread_ts)

    async def click(self, message: Message | View, button: str, *, confirm: bool = True) -> Reply:
        """Press a button, by its visible text or its action_id; `confirm` answers its dialog, if it has one.

        Raises:
            LookupError: no such button is shown.
        """
        for element in elements(message.blocks):
            if element["type"] == "button" and button in {element["text"]["text"], element["action_id"]}:
                if "confirm" in element and not confirm:
                    return Reply(0, ok=True)
                return await self._client.act(self.user, message, element["block_id"], element["action_id"])
        raise LookupError(f"no button {button!r} among {message.buttons} of:\n{message.rendered}")

    async def use_shortcut(self, name: str, message: Message | None = None) -> Reply:
        """Choose a shortcut, by its name: in the menu of a message, or without one a global shortcut.

        Raises:
            LookupError: Slack does not offer it there.
        """
        return await self._client.use_shortcut(self.user, name, message)

    async def select(self, source: Message | View, action_id: str, value: Any) -> Reply:
        """Choose in a menu, by an option's value or text, or a user or channel by name.

        Raises:
            LookupError: no such menu, or it does not offer that.
        """
        for element in elements(source.blocks):
            if element["action_id"] == action_id and element["type"] != "button":
                return await self._client.act(self.user, source, element["block_id"], action_id, value)
        raise LookupError(f"no menu {action_id!r} in:\n{source.rendered}")

    async def submit(self, view: View, values: dict[str, Any] | None = None) -> ViewReply:
        """Fill in a modal and press Submit; `values` by action_id or by the input's visible label.

        Raises:
            LookupError: no such input, or it does not offer that.
        """
        for name, value in (values or {}).items():
            block_id, action_id = _input(view, name)
            submissions.fill(self._backend, view, block_id, action_id, value)
        return await submissions.submit(self._backend, self._client, self.user, view)

    async def close(self, view: View) -> None:
        """Put a modal away without submitting it."""
        await submissions.close(self._backend, self._client, self.user, view)

    async def open_home(self, timeout: float = 10) -> View:
        """Go to the app's Home tab.

        Raises:
            AssertionError: the app published nothing within `timeout` seconds.
        """
        view = await self._client.open_home(self.user, timeout)
        if view is None:
            raise AssertionError(f"the app published no Home tab for {self.user.name} within {timeout} s")
        return view

    async def wait_for_view(self, timeout: float = 10, predicate: Callable[[View], bool] | None = None) -> View:
        """The modal that the app shows this person, as soon as it has something to submit, or is as `predicate` says.

        Raises:
            AssertionError: none within `timeout` seconds.
        """

        def look() -> View | None:
            view = self.view
            wanted = predicate or (lambda opened: "submit" in opened.body)
            return view if view is not None and wanted(view) else None

        view = await self._backend.workspace.bus.until(look, timeout)
        if view is None:
            raise AssertionError(f"{self.user.name} was shown no such view within {timeout} s; open: {self.view}")
        return view

    async def wait_for_ephemeral(self, predicate: Callable[[Message], bool], timeout: float = 10) -> Message:
        """The newest message that only this person sees and for which `predicate` holds.

        Raises:
            AssertionError: none within `timeout` seconds; the error prints those that there are.
        """

        def look() -> Message | None:
            return next((ephemeral for ephemeral in reversed(self.ephemerals) if predicate(ephemeral)), None)

        message = await self._backend.workspace.bus.until(look, timeout)
        if message is None:
            visible = "\n".join(ephemeral.rendered for ephemeral in self.ephemerals) or "(none)"
            raise AssertionError(f"{self.user.name} saw nothing like it within {timeout} s, only:\n{visible}")
        return message


def _input(view: View, name: str) -> tuple[str, str]:
    for block in view.blocks:
        if block["type"] == "input":
            action_id = block["element"]["action_id"]
            if name in {action_id, block["label"]["text"]}:
                return block["block_id"], action_id
    for element in elements(view.blocks):
        if element["action_id"] == name:
            return element["block_id"], name
    raise LookupError(f"no input {name!r} in:\n{view.rendered}")
