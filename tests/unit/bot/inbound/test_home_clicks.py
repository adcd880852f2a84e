"""A click on the Home tab, which has no response URL: a refusal opens a window, and the tab is published again."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import Denied
from bot.inbound import app
from bot.inbound.replays import Replays
from bot.operations.registry import Button, HomeTab, Registry
from bot.slack.blocks import replies
from bot.store.deliveries import Deliveries
from sandbox.slack.block_kit import check_view
from tests.migrated import migrated

if TYPE_CHECKING:
    from pathlib import Path

    from bot.operations.registry import Click
    from bot.services import Services
    from bot.slack.blocks.kit import Message


class Chat:
    def __init__(self) -> None:
        self.windows: list[tuple[str, dict[str, Any]]] = []
        self.responses: list[str] = []

    async def open_view(self, trigger_id: str, view: dict[str, Any]) -> str:
        check_view(view, "modal")
        self.windows.append((trigger_id, view))
        return "V1"

    async def respond(self, response_url: str, _: Message) -> None:
        self.responses.append(response_url)


def body(kind: str) -> dict[str, Any]:
    container = {"type": "view", "view_id": "V1"} if kind != "message" else {"type": "message", "channel_id": "C1"}
    view = {"view": {"type": kind, "id": "V1"}} if kind != "message" else {"response_url": "https://hooks.slack.test/1"}
    action = {"action_id": "approve", "type": "button", "value": "id"}
    return {"user": {"id": "U0LEE"}, "container": container, "actions": [action], "trigger_id": f"1.{kind}", **view}


@pytest.mark.parametrize(("kind", "at_home"), [("home", True), ("modal", False), ("message", False)])
@pytest.mark.parametrize("refused", [True, False])
async def test_where_a_click_is_answered(tmp_path: Path, kind: str, *, at_home: bool, refused: bool) -> None:
    store = await migrated(f"sqlite:///{tmp_path}/signalbox.sqlite")
    chat, clicks, published = Chat(), list[Any](), list[str]()

    async def handle(_: Services, click: Click) -> Message | None:
        clicks.append(click)
        if refused:
            raise Denied("You may not approve.")
        return None

    async def publish(_: Services, user: str) -> None:
        published.append(user)

    async def ack(**_: Any) -> None:
        """Slack has its answer."""

    registry = Registry(homes=(HomeTab(publish),))
    services = cast("Services", SimpleNamespace(chat=chat))
    replays = Replays(Deliveries(store, time.time))
    listener = app._on_click(services, registry, Button("approve", handle, repeatable=True), replays)
    await listener(ack, body(kind))
    await asyncio.gather(*app._working)
    assert [click.at_home for click in clicks] == [at_home]
    assert published == (["U0LEE"] if at_home else [])
    assert len(chat.windows) == (1 if at_home and refused else 0)
    assert bool(chat.responses) == (refused and not at_home)
    if chat.windows:
        assert chat.windows[0][0] == "1.home"
        assert str(replies.refusal("You may not approve.").blocks[0]["text"]["text"]) in str(chat.windows[0][1])
    store.close()
