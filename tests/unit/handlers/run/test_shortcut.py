"""The shortcuts "Run an operation…": of a message, with its link, and of the whole workspace."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.config import read as read_config
from bot.errors import Denied
from bot.operations.registry import NextPage, ShortcutUse
from bot.slack.web_api import ChatError
from handlers.run import command, shortcut, views
from sandbox.slack.block_kit import check_view
from tests.unit.handlers.conftest import FILE, Desk, filled, sent_off
from tests.unit.handlers.run.test_run import COMMIT, OWN, Hub

if TYPE_CHECKING:
    from bot.slack.client import Posted

LINK = "https://signalbox.slack.com/archives/C0OPS/p15"
USE = ShortcutUse("U0ANA", "1.2.abc", "C0OPS", "1.5", "https://hooks.slack.com/app-actions/1")


@pytest.fixture
def own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    async def permalink(at: Posted) -> str:
        if at.channel != "C0OPS":
            raise ChatError("chat.getPermalink", "channel_not_found")
        return LINK

    monkeypatch.setattr(desk.chat, "permalink", permalink, raising=False)
    desk.config, desk.github = read_config(FILE + OWN.replace("environment: prod", "environment: staging")), Hub()
    return desk


async def opened(desk: Desk, use: ShortcutUse = USE) -> dict[str, Any]:
    await shortcut.choose(desk.services, use)
    await filled()
    check_view(desk.chat.views[-1], "modal")
    return desk.chat.views[-1]


async def test_the_message_s_link_goes_along_to_the_operation(own: Desk) -> None:
    view = await opened(own)
    assert LINK in json.dumps(view["blocks"])
    sent = replace(sent_off(operation="restart-web"), private_metadata=view["private_metadata"])
    page = await shortcut.chosen(own.services, sent)
    assert isinstance(page, NextPage)
    check_view(page.view, "modal")
    values = replace(sent_off(**{"input:service": "web"}), private_metadata=page.view["private_metadata"])
    assert await command.submitted(own.services, values) == {}
    assert own.engine.begun[0].arguments == {
        "name": "restart-web", "ref": "main", "link": LINK, "input:service": "web",
    }  # fmt: skip


async def test_an_operation_without_inputs_starts_at_once(own: Desk) -> None:
    for use, about in ((USE, {"link": LINK}), (replace(USE, channel="", message_ts=""), {}), (replace(USE, channel="D0PRIVATE"), {})):  # fmt: skip
        view = await opened(own, use)
        sent = replace(sent_off(operation="flush"), private_metadata=view["private_metadata"])
        assert await shortcut.chosen(own.services, sent) == {}
        assert own.engine.begun[-1].arguments == {"name": "flush", "ref": "main", **about}


async def test_who_may_not_and_where_there_is_nothing(own: Desk) -> None:
    await shortcut.choose(own.services, replace(USE, user="U0GUS"))
    await filled()
    assert "You may not run" in own.chat.notices[-1]
    with pytest.raises(Denied):
        await shortcut.chosen(own.services, replace(sent_off(operation="flush"), user="U0GUS", private_metadata='""'))
    own.config = read_config(FILE)
    await shortcut.choose(own.services, USE)
    await filled()
    assert "There are no operations to run" in own.chat.notices[-1]


def test_an_approver_reads_which_message_it_is_about() -> None:
    run = views.Run("flush", "flush.yml", "", COMMIT, "main", link=LINK)
    assert LINK in json.dumps(views._about(run))
