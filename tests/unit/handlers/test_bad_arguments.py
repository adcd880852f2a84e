"""What must never reach a program is refused, to the person alone, in every argument of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
import pytest_asyncio

from bot.config import read as read_config
from bot.inbound.app import attach, find_handlers
from bot.store.database import Store
from bot.store.migrations import migrate
from sandbox.slack.mrkdwn import command_text
from sandbox.world import TEMPLATE
from tests.bad_arguments import BAD, PLACES
from tests.unit.bot.drawn import WORKSPACE, read
from tests.unit.handlers.conftest import Chat, Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from bot.slack.blocks.kit import Message

    Listener = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Replies(Chat):
    """Replies are kept as they are."""

    @staticmethod
    def reply(message: Message) -> dict[str, Any]:
        return {"message": message}


class Commands:
    """The part of Bolt's app that calls the listener of a command."""

    def __init__(self) -> None:
        self.listeners: dict[str, Listener] = {}

    def command(self, name: str) -> Callable[[Listener], None]:
        return lambda listener: self.listeners.update({name: listener})

    def action(self, _: str) -> Callable[[Listener], None]:
        return lambda _: None

    view = event = action

    def error(self, _: Listener) -> None:
        """Errors are the scenarios'."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Desk, Commands]]:
    """A desk with the sandbox's configuration, for all tests: none may leave anything behind."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('desk')}/signalbox.sqlite")
    await migrate(store)
    desk = Desk(store, read_config(TEMPLATE.read_text(), "signalbox.yaml"), chat=Replies())
    app = Commands()
    attach(cast("Any", app), desk.services, find_handlers())
    yield desk, app
    store.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bad", BAD)
async def test_it_is_refused(sandbox: tuple[Desk, Commands], place: str, bad: str) -> None:
    desk, app = sandbox
    command, _, text = place.format(BAD[bad]).partition(" ")
    replies: list[dict[str, Any]] = []

    async def ack(**reply: Any) -> None:
        replies.append(reply)

    sent = command_text(text.strip(), WORKSPACE, should_escape=True)  # as app.yaml asks Slack to
    body = {"user_id": "U0ANA", "channel_id": "C0OPS", "trigger_id": f"{place} {bad}", "command": command, "text": sent}
    await app.listeners[command](ack, body)
    (reply,) = replies
    answer = read(reply["message"])
    assert ":no_entry_sign:" in answer
    assert len(answer) < 400, answer
    assert not desk.engine.begun
    assert not desk.chat.views
