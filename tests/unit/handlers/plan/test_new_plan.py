"""The button "New plan": it starts one plan, which replaces the button by a link, also after a restart."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.errors import UserError
from bot.inbound.app import find_handlers
from bot.operations import follow_ups
from bot.operations.registry import Click
from bot.slack.blocks import common, kit
from bot.slack.blocks.common import Head, LinkedOperation
from bot.slack.client import Posted
from bot.slack.web_api import ChatError
from bot.store.annotations import SUPERSEDED_BY
from bot.store.operations import Request
from handlers.build import image_plans, image_views
from handlers.deploy import command as deploy_command
from handlers.plan import new_plan, views
from handlers.plan.views import PLAN_AGAIN
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers import conftest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from tests.unit.handlers.conftest import Desk

OLD = Posted("C0STAGING", "1.0")
HEAD = Head(1, "Plan for staging", "staging", "U0ANA")
ENDED = kit.message("ended", [kit.section("*It failed*"), views.plan_again_button(HEAD), kit.context("asked")])


class Chat(conftest.Chat):
    """Has the messages that were posted, with their addresses."""

    deleted = False

    async def read(self, at: Posted) -> Message | None:
        if self.deleted:
            raise ChatError("conversations.history", "channel_not_found")
        return self.says.get(at)

    async def permalink(self, at: Posted) -> str:
        return f"https://acme.slack.com/archives/{at.channel}/p{at.ts.replace('.', '')}"


@pytest.fixture
async def chat(desk: Desk) -> Chat:
    """An operation that is over, with "New plan" under it."""
    rendered = Chat()
    rendered.says[OLD] = ENDED
    desk.chat = rendered
    await created(desk, "first", OLD)
    return rendered


async def created(desk: Desk, key: str, at: Posted, user: str = "U0ANA") -> int:
    title, variables = "Plan for staging backend_ami=ami-1", {"backend_ami": "ami-1"}
    number = await desk.operations.create(Request(key, "plan", "staging", user, title, at.channel, variables))
    await desk.operations.set_message(number, at.channel, at.ts)
    return number


def press() -> Click:
    return Click("U0LEE", OLD.channel, OLD.ts, "plan-again", "1", "1.2", "")


async def test_the_button_gives_way_to_the_plan_that_it_began(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begin(request: Request) -> None:
        assert (request.key, request.arguments) == ("again-1", {"backend_ami": "ami-1"})
        await created(desk, request.key, Posted("C0STAGING", "2.5"), request.requester)

    monkeypatch.setattr(desk.engine, "begin", begin)
    await new_plan.plan_again(desk.services, press())
    message = chat.says[OLD]
    assert not buttons(message)
    assert "*It failed*\n:arrow_right: new plan: #2 Plan for staging backend_ami=ami-1  requested by @lee" in read(
        message
    )
    assert "https://acme.slack.com/archives/C0STAGING/p25|#2 Plan for staging" in str(message.blocks)
    with pytest.raises(UserError, match="A new plan was begun from this message already: it is #2"):
        await new_plan.plan_again(desk.services, press())


async def test_the_code_deploy_after_an_apply_is_begun_once_and_named_in_the_buttons_place(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.says[OLD] = kit.message("applied", [kit.section("*applied*"), views.deploy_after_button(HEAD)])

    async def begin(request: Request) -> None:
        assert (request.key, request.kind, request.arguments) == ("after-1", "deploy", {"ref": "stable"})
        number = await desk.operations.create(request)
        await desk.operations.set_message(number, "C0STAGING", "3.5")

    monkeypatch.setattr(desk.engine, "begin", begin)
    click = replace(press(), action_id="deploy-after")
    await deploy_command.deploy_after(desk.services, click)
    assert not buttons(chat.says[OLD])
    assert "*applied*\n:arrow_right: code deploy: #2 Deploy stable to staging  requested by @lee" in read(
        chat.says[OLD]
    )
    with pytest.raises(UserError, match="begun from this message already: it is #2"):
        await deploy_command.deploy_after(desk.services, click)


async def test_an_operation_that_a_button_began_names_itself_there(desk: Desk, chat: Chat) -> None:
    for follow_up in find_handlers().follow_ups:
        chat.says[OLD] = kit.message("over", [kit.actions("next", kit.button("Go", follow_up.action, "1"))])
        number = await created(desk, follow_up.key(1), Posted("C0STAGING", "2.5"), "U0LEE")
        await follow_ups.link_from_older(await operation_of(desk, number), find_handlers().follow_ups)
        assert read(chat.says[OLD]).startswith(f":arrow_right: {follow_up.words}: #{number} Plan for staging")
        assert not buttons(chat.says[OLD])


async def test_a_plan_that_was_superseded_knows_the_newer_one_with_its_link_once_there_is_one(
    desk: Desk, chat: Chat
) -> None:
    operation = await operation_of(desk, 1)
    assert await new_plan.superseding_plan(operation) is None
    newer = await desk.operations.create(Request("2", "plan", "staging", "U0LEE", "Plan for staging", "C0STAGING", {}))
    await desk.annotations.add(1, SUPERSEDED_BY, str(newer))
    await desk.annotations.add(1, SUPERSEDED_BY, "99")
    assert await new_plan.superseding_plan(operation) == LinkedOperation(
        Head(newer, "Plan for staging", "staging", "U0LEE"), ""
    )
    await desk.operations.set_message(newer, "C0STAGING", "2.5")
    result = await new_plan.superseding_plan(operation)
    assert result is not None
    assert result.url == "https://acme.slack.com/archives/C0STAGING/p25"


async def test_an_address_that_slack_does_not_tell_keeps_nothing_back(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: Posted) -> str:
        raise ChatError("chat.getPermalink", "message_not_found")

    monkeypatch.setattr(chat, "permalink", refused)
    assert (await follow_ups.linked(desk.services, await desk.operations.get(1))).url == ""


async def test_only_the_button_for_a_new_plan_goes() -> None:
    both = replace(ENDED, blocks=(views.unlock_button(HEAD, "#1"), *ENDED.blocks))
    newer = LinkedOperation(replace(HEAD, number=2), "https://acme.slack.com/archives/C/p1")
    message = common.replace_button(both, PLAN_AGAIN, "new plan", newer)
    assert message is not None
    assert buttons(message) == ["unlock"]
    assert common.replace_button(message, PLAN_AGAIN, "new plan", newer) is None


async def test_a_message_that_is_slow_to_come_keeps_nobody_waiting(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_ups, "MESSAGE_CHECKS", 1)
    await new_plan.plan_again(desk.services, press())
    assert chat.says[OLD] is ENDED


def build_message() -> Message:
    return kit.message(
        "built", [kit.section("*Images*"), *image_views.environment_rows(1, [ready("dev"), ready("staging")])]
    )


def ready(name: str) -> image_views.EnvironmentImages:
    return image_views.EnvironmentImages(name, 1, ("a1b2c3d4" * 5,), (), (), plannable=True)


async def test_the_plan_that_a_board_s_button_began_is_named_in_its_place_and_the_others_stay(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.says[OLD] = build_message()

    async def begin(request: Request) -> None:
        await created(desk, request.key, Posted("C0STAGING", "2.5"), request.requester)

    monkeypatch.setattr(desk.engine, "begin", begin)
    click = Click("U0LEE", OLD.channel, OLD.ts, "plan-images", "1:staging", "1.2", "")
    await image_plans.plan_images(desk.services, click)
    message = read(chat.says[OLD])
    assert "planned: #2 Plan for staging" in message
    assert "requested by @lee" in message
    assert "*staging*: all 1 images are there" in message, "the text beside the button stays"
    assert "[Plan dev]" in message
    assert "[Plan staging]" not in message
    with pytest.raises(UserError, match="already: it is #2"):
        await image_plans.plan_images(desk.services, click)
    begun = await image_plans.plans_begun(desk.services, 1, [ready("dev"), ready("staging")])
    rendered_again = kit.message(
        "built", [kit.section("*Images*"), *image_views.environment_rows(1, [ready("dev"), ready("staging")], begun)]
    )
    assert read(rendered_again) == message, "rendered again, the message is the same"


async def test_a_plan_from_a_board_takes_the_button_over_after_a_restart(desk: Desk, chat: Chat) -> None:
    chat.says[OLD] = build_message()
    number = await created(desk, "plan-images-1-dev", Posted("C0DEV", "2.5"))
    await follow_ups.link_from_older(await operation_of(desk, number), find_handlers().follow_ups)
    assert f"planned: #{number} " in read(chat.says[OLD])
    assert "[Plan staging]" in read(chat.says[OLD])
    assert "[Plan dev]" not in read(chat.says[OLD])


async def operation_of(desk: Desk, number: int) -> Operation:
    async def step(_: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await work()

    record = await desk.operations.get(number)
    return cast("Operation", SimpleNamespace(services=desk.services, number=number, record=record, step=step))


async def test_what_a_dead_bot_left_undone_the_new_plan_does_itself(desk: Desk, chat: Chat) -> None:
    number = await created(desk, "again-1", Posted("C0STAGING", "2.5"), "U0LEE")
    for _ in range(2):
        await follow_ups.link_from_older(await operation_of(desk, number), find_handlers().follow_ups)
        assert "new plan: #2 Plan for staging" in read(chat.says[OLD])


async def test_a_plan_that_nobody_began_by_a_button_changes_no_message(desk: Desk, chat: Chat) -> None:
    number = await created(desk, "typed", Posted("C0STAGING", "2.5"))
    await follow_ups.link_from_older(await operation_of(desk, number), find_handlers().follow_ups)
    assert chat.says == {OLD: ENDED}


@pytest.mark.parametrize("how", ["message", "channel"])
async def test_an_older_message_that_is_gone_keeps_no_plan_from_going_on(desk: Desk, chat: Chat, how: str) -> None:
    chat.deleted = how == "channel"
    chat.says.clear()
    number = await created(desk, "again-1", Posted("C0STAGING", "2.5"))
    await follow_ups.link_from_older(await operation_of(desk, number), find_handlers().follow_ups)
    assert not chat.says
