"""What must never reach a program is refused, to the person alone, in every argument of every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from bot.config import read as read_config
from bot.inbound.app import find_handlers
from bot.inbound.commands import Commands
from bot.inbound.replays import Replays
from bot.store.database import Store
from bot.store.migrations import migrate
from sandbox.slack.mrkdwn import command_text
from sandbox.world import TEMPLATE
from tests.bad_arguments import BAD, PLACES
from tests.unit.bot.drawn import WORKSPACE, read
from tests.unit.handlers.conftest import Chat, Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bot.inbound.commands import Answer
    from bot.slack.blocks.kit import Message

    Sandbox = tuple[Desk, Mapping[str, Answer], "Replies"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Replies(Chat):
    """Replies are kept as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.replied: list[Message] = []

    def reply(self, message: Message) -> dict[str, Any]:
        self.replied.append(message)
        return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """A desk with the sandbox's configuration, for all tests: none may leave anything behind."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('desk')}/signalbox.sqlite")
    await migrate(store)
    chat = Replies()
    desk = Desk(
        store,
        read_config(
            TEMPLATE.read_text().replace("access:\n", "access:\n  commands_per_minute: 100000\n"), "signalbox.yaml"
        ),
        chat=chat,
    )
    yield desk, Commands(desk.services, find_handlers(), Replays(desk.services.deliveries)).answers(), chat
    store.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("bad", BAD)
async def test_it_is_refused(sandbox: Sandbox, place: str, bad: str) -> None:
    desk, commands, chat = sandbox
    chat.replied.clear()
    command, _, text = place.format(BAD[bad]).partition(" ")
    sent = command_text(text.strip(), WORKSPACE, should_escape=True)  # as app.yaml asks Slack to
    body = {"user_id": "U0ANA", "channel_id": "C0OPS", "trigger_id": f"{place} {bad}", "command": command, "text": sent}
    await commands[command](body)
    (reply,) = chat.replied
    answer = read(reply)
    assert ":no_entry_sign:" in answer
    assert len(answer) < 400, answer
    assert not desk.engine.begun
    assert not desk.chat.views
