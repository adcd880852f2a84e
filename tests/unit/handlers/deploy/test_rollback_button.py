"""Roll back…: its window says what goes back, and one submission begins the rollback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import UserError
from bot.operations import notices
from bot.operations.registry import Click, Submission
from bot.slack.blocks import common, kit
from bot.slack.client import Posted
from bot.store.operations import Record, Request, Status
from handlers.deploy import rollback, rollback_button as button
from handlers.deploy.rollback import BACK
from handlers.deploy.views import Release, deploy_message
from tests.unit.handlers.conftest import Desk, refusal_of, sent_off, typed
from tests.unit.handlers.deploy.test_rollback import A, B, C, commit, deployed

if TYPE_CHECKING:
    from runners.results import Commit

HEAD = common.Head(7, "Deploy main to dev", "dev", "U0ANA")
RELEASE = Release(commit(B), "`aaaaaaa`", "GitHub Actions", goes_back=True)
AT = Posted("C0DEV", "1.0")


@pytest.fixture(autouse=True)
def _github(monkeypatch: pytest.MonkeyPatch) -> None:
    async def commit_of(_: Any, sha: str) -> Commit:
        return commit(sha)

    async def difference_to(*_: object) -> tuple[None, str]:
        return None, ""

    monkeypatch.setattr(button, "commit_of", commit_of)
    monkeypatch.setattr(button, "difference_to", difference_to)


def actions(message: kit.Message) -> list[str]:
    return [each["action_id"] for block in message.blocks for each in block.get("elements", ()) if "action_id" in each]


async def with_message(desk: Desk, number: int, status: Status = Status.SUCCEEDED) -> Record:
    await desk.operations.set_message(number, AT.channel, AT.ts)
    await desk.operations.set_status(number, status)
    return await desk.operations.get(number)


async def failed_deploy(desk: Desk, sha: str = C) -> Record:
    """A deploy of this commit that is on no record of deploys; it changed the role backend."""
    number = await desk.operations.create(Request(f"f {sha}", "deploy", "dev", "U0ANA", "Deploy", AT.channel, {}))
    record = await with_message(desk, number, Status.FAILED)
    await desk.services.machine_commits.set_roles(record, commit(sha), ["backend"])
    return record


def press(record: Record, at: Posted = AT) -> Click:
    return Click("U0LEE", at.channel, at.ts, common.ROLL_BACK, str(record.number), "1.2", "")


async def window(desk: Desk, click: Click) -> tuple[str, Submission]:
    """What the window says, and its submission."""
    await button.press(desk.services, click)
    view = desk.chat.views[-1]
    words = "\n".join(block["text"]["text"] for block in view["blocks"])
    return words, sent_off("U0LEE", view["private_metadata"])


@pytest.mark.parametrize(
    ("status", "changes", "offered"),
    [
        ("succeeded", {}, True),
        ("attention", {}, True),
        ("failed", {}, True),
        ("interrupted", {}, True),
        ("cancelled", {}, True),
        ("running", {}, False),
        ("rejected", {}, False),
        ("expired", {}, False),
        ("succeeded", {"goes_back": False}, False),
        ("succeeded", {"check": True}, False),
    ],
)
def test_a_deploy_that_began_and_ended_has_the_button(status: str, changes: dict[str, Any], offered: bool) -> None:
    message = deploy_message(HEAD, status, "news", replace(RELEASE, **changes), None)
    assert (common.ROLL_BACK in actions(message)) is offered
    assert common.ROLL_BACK not in actions(deploy_message(HEAD, status, "news", RELEASE, None, began=False))


async def test_the_window_says_what_goes_back_and_begins_it_once(desk: Desk) -> None:
    first, second = await deployed(desk, A, B)
    record = await with_message(desk, second)
    words, submission = await window(desk, press(record))
    assert f"*dev* gets `aaaaaaa` Change again, which #{first} deployed" in words
    assert "All checks and approvals of a deploy apply" in words
    assert await button.confirmed(desk.services, submission) == {}
    (begun,) = desk.engine.begun
    assert (begun.title, dict(begun.arguments)) == ("Roll back dev to aaaaaaa", {"ref": A, BACK: str(first)})
    assert (begun.key, begun.requester, begun.typed) == (f"back-{second}", "U0LEE", False)
    await desk.operations.create(begun)
    with pytest.raises(UserError, match="The rollback was begun from this message already: it is #3"):
        await button.confirmed(desk.services, submission)
    await button.press(desk.services, press(record))
    assert "it is #3" in desk.chat.notices[-1]


async def test_a_deploy_that_failed_goes_back_to_the_last_good_one(desk: Desk) -> None:
    _, second = await deployed(desk, A, B)
    record = await failed_deploy(desk)
    words, submission = await window(desk, press(record))
    assert f"gets `bbbbbbb` Change again, which #{second} deployed" in words
    await button.confirmed(desk.services, submission)
    assert dict(desk.engine.begun[0].arguments) == {"ref": B, BACK: str(second)}


async def test_typed_after_a_failure_that_changed_machines_it_goes_back_to_the_last_good_one(desk: Desk) -> None:
    desk.config = desk.config.model_copy(update={"environments": {
        **desk.config.environments,
        "dev": desk.config.environments["dev"].model_copy(update={"machines": ("backend",)}),
    }})  # fmt: skip
    _, second = await deployed(desk, A, B)
    await failed_deploy(desk)
    await rollback.handle(desk.services, typed("dev"))
    assert dict(desk.engine.begun[0].arguments) == {"ref": B, BACK: str(second)}


async def test_what_was_deployed_since_is_not_taken_back(desk: Desk) -> None:
    _, second, third = await deployed(desk, A, B, C)
    await button.press(desk.services, press(await with_message(desk, second)))
    assert f"#{third} was deployed to dev after #{second}. Nothing was started" in desk.chat.notices[-1]


async def test_what_changed_while_the_window_was_open_is_not_begun(desk: Desk) -> None:
    _, second = await deployed(desk, A, B)
    record = await with_message(desk, second)
    forged = sent_off("U0LEE", f"{second} 99")
    with pytest.raises(UserError, match="dev changed since this window opened"):
        await button.confirmed(desk.services, forged)
    assert not desk.engine.begun
    _, submission = await window(desk, press(record))
    await deployed(desk, C)
    with pytest.raises(UserError, match="was deployed to dev after"):
        await button.confirmed(desk.services, submission)
    assert not desk.engine.begun


async def test_the_button_works_in_the_notice_and_in_no_other_message(desk: Desk) -> None:
    _, second = await deployed(desk, A, B)
    record, notice = await with_message(desk, second), Posted("C0DEV", "9.0")
    desk.chat.marked[notices.end_marker(second)] = (notice, kit.message("ended", [kit.section("ended")]))
    words, _ = await window(desk, press(record, notice))
    assert "gets `aaaaaaa`" in words
    await button.press(desk.services, press(record, Posted("C0OPS", "9.0")))
    assert "does not belong to this message" in desk.chat.notices[-1]


async def test_somebody_without_the_right_reads_why(desk: Desk) -> None:
    _, second = await deployed(desk, A, B)
    record = await with_message(desk, second)
    refusal = await refusal_of(desk, button.confirmed(desk.services, sent_off("U0EVE", f"{second} {second - 1}")))
    assert "may not" in refusal
    await button.press(desk.services, replace(press(record), user="U0EVE"))
    assert "may not" in desk.chat.notices[-1]
    assert not desk.engine.begun
