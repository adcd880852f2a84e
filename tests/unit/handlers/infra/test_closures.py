"""/infra lock, freeze and their ends: who may, what is stored and said, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import Denied, UserError
from bot.operations import requests
from bot.operations.registry import Click, DueRun
from bot.store.closures import EVERYTHING
from handlers.infra import closure_views, closures, topics
from handlers.shared.requests import deploy_request, plan_request
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import pressed, typed

if TYPE_CHECKING:
    from tests.unit.handlers.conftest import Desk


async def says(desk: Desk, text: str, user: str = "U0LEE") -> str:
    answer = await topics.handle(desk.services, typed(text, user))
    assert answer
    return read(answer)


async def refused(desk: Desk, text: str, user: str = "U0LEE") -> str:
    with pytest.raises(UserError) as error:
        await topics.handle(desk.services, typed(text, user))
    return str(error.value)


async def deploys(desk: Desk, user: str, name: str = "staging") -> None:
    environment = desk.config.environments[name]
    await requests.start(desk.services, deploy_request(environment, "main", user, f"deploy by {user}"))


async def test_a_lock_refuses_the_changes_of_others_alone(desk: Desk) -> None:
    answer = await says(desk, "lock staging Trying the new kernel, don't deploy!", "U0ANA")
    assert "*staging* is locked by @ana" in answer
    assert ": Trying the new kernel, don't deploy!. Only they change it meanwhile" in answer
    assert [channel for channel, _ in desk.chat.posted] == ["C0STAGING"]
    await deploys(desk, "U0ANA")
    with pytest.raises(Denied, match=r"staging is locked by .*Trying the new kernel.*/infra unlock staging"):
        await deploys(desk, "U0LEE")
    await requests.start(desk.services, plan_request(desk.config.environments["staging"], "U0LEE", "plan"))
    assert ("U0LEE", "refused") in await desk.audit_log()
    assert "*staging* was unlocked by @lee. It was locked by @ana" in await says(desk, "unlock staging", "U0LEE")
    await deploys(desk, "U0LEE")
    assert [entry for entry in await desk.audit_log() if "lock" in entry[1] and "/" not in entry[1]] == [
        ("U0ANA", "lock"),
        ("U0LEE", "unlock"),
    ]


async def test_a_freeze_refuses_everybody_until_its_end(desk: Desk) -> None:
    answer = await says(desk, "freeze all until tomorrow 18:00 Europe/Berlin release week")
    assert "*Everything* is frozen by @lee" in answer
    assert [channel for channel, _ in desk.chat.posted] == ["C0OPS"]
    for user in ("U0ANA", "U0LEE"):
        with pytest.raises(Denied, match=r"frozen.*until.*release week"):
            await deploys(desk, user)
    desk.now += 2 * 86_400
    await deploys(desk, "U0LEE")
    assert "everything is not frozen" in await refused(desk, "unfreeze all")


async def test_an_approval_does_not_count_while_its_environment_is_closed(desk: Desk) -> None:
    approval = await desk.asked()
    await says(desk, "freeze staging incident")
    button = next(each for each in pressed(approval).registry.buttons if each.action_id == "approve")
    with pytest.raises(Denied, match="staging is frozen"):
        await button.handle(desk.services, pressed(approval))
    await says(desk, "unfreeze staging")
    await button.handle(desk.services, pressed(approval))
    assert (await desk.approvals.get(approval.id)).approvers == ("U0LEE",)


async def test_the_same_twice_names_the_first(desk: Desk) -> None:
    await says(desk, "lock staging first", "U0LEE")
    text = await refused(desk, "lock staging second", "U0MAX")
    assert "first" in text
    assert "second" not in text
    assert [each.person for each in await desk.services.closures.active()] == ["U0LEE"]


@pytest.mark.parametrize(
    ("text", "user", "words"),
    [
        ("lock", "U0LEE", "Which environment?"),
        ("lock stagin why", "U0LEE", "did you mean “staging”"),
        ("lock staging", "U0LEE", "Why?"),
        ("lock all why", "U0LEE", "no environment"),
        ("freeze staging until 99:00 why", "U0LEE", "no time of day"),
        ("freeze staging until 2020-01-01 10:00 why", "U0LEE", "is over already"),
        ("freeze staging why", "U0ANA", "You may not freeze staging"),
        ("unlock staging", "U0LEE", "staging is not locked"),
        (f"lock staging {'y' * 201}", "U0LEE", "200 are the most"),
        ("lock staging a\u202eb", "U0LEE", "invisible character"),
    ],
)
async def test_what_is_not_understood_changes_nothing(desk: Desk, text: str, user: str, words: str) -> None:
    assert words in await refused(desk, text, user)
    assert await desk.services.closures.active() == ()
    assert not desk.chat.posted


async def test_only_its_person_and_approvers_end_it(desk: Desk) -> None:
    await says(desk, "lock staging mine", "U0MAX")
    assert "You may not unlock staging" in await refused(desk, "unlock staging", "U0ANA")
    click = Click("U0ANA", "C0STAGING", "1.0", "open-closure", "lock staging", "1.2", "")
    with pytest.raises(Denied, match="You may not unlock staging"):
        await closures.press(desk.services, click)
    assert (await desk.audit_log())[-1] == ("U0ANA", "click refused")
    await closures.press(desk.services, Click("U0MAX", "C0STAGING", "1.0", "open-closure", "lock staging", "1.2", ""))
    assert await desk.services.closures.active() == ()


@pytest.mark.parametrize("value", ["", "lock", "lock gone", "burn staging", "freeze  *", "lock *x"])
async def test_a_button_with_another_value_opens_nothing(desk: Desk, value: str) -> None:
    await says(desk, "freeze all incident")
    with pytest.raises(UserError):
        await closures.press(desk.services, Click("U0LEE", "C0OPS", "1.0", "open-closure", value, "1.2", ""))
    assert [each.target for each in await desk.services.closures.active()] == [EVERYTHING]


async def test_what_is_forgotten_is_reminded_of(desk: Desk) -> None:
    await says(desk, "lock staging mine", "U0ANA")
    await says(desk, "freeze dev until tomorrow 18:00 UTC sale")
    desk.chat.posted.clear()
    for hours, reminders in ((7, 0), (2, 1), (1, 1), (8, 2)):
        desk.now += hours * 3_600
        await closures.remind(desk.services, DueRun("locks", desk.now))
        assert len(desk.chat.posted) == reminders
    assert "*staging* is locked by @ana" in read(desk.chat.posted[0][1])
    assert "/infra unlock staging" in read(desk.chat.posted[0][1])


async def test_the_end_of_a_freeze_is_reported_once_and_mentions_its_person(desk: Desk) -> None:
    await says(desk, "freeze staging until tomorrow 18:00 UTC sale")
    await says(desk, "lock dev mine", "U0ANA")
    desk.chat.posted.clear()
    for hours, posts in ((1, 0), (48, 1), (1, 1)):
        desk.now += hours * 3_600
        await asyncio.gather(*(closures.check(desk.services, DueRun("locks", desk.now)) for _ in range(3)))
        ends = [read(message) for channel, message in desk.chat.posted if channel == "C0STAGING"]
        assert len(ends) == posts
    assert "*staging* is open again: the freeze by @lee since" in ends[0]
    assert "(sale)" in ends[0]
    assert [each.target for each in await desk.services.closures.active()] == ["dev"]
    assert (await desk.audit_log())[-1] == ("signalbox", "unfreeze")
    await deploys(desk, "U0LEE")


@pytest.mark.parametrize("posted", [False, True])
async def test_a_report_of_an_end_that_a_kill_interrupted_is_made_once(desk: Desk, *, posted: bool) -> None:
    await says(desk, "freeze staging until tomorrow 18:00 UTC sale")
    desk.chat.posted.clear()
    desk.now += 3 * 86_400
    (closure,) = await desk.services.closures.over()
    assert await desk.services.closures.claim_reminder(closure)  # and then the process ended, before or after its post
    if posted:
        marker = f"freeze staging {closure.since}"
        await desk.chat.post("C0STAGING", closure_views.over(closure), marker=marker)
    await closures.check(desk.services, DueRun("locks", desk.now))
    assert len(desk.chat.posted) == posted
    desk.now += closures.RECOVERED_AFTER
    await closures.check(desk.services, DueRun("locks", desk.now))
    assert len(desk.chat.posted) == 1
    assert await desk.services.closures.over() == ()


async def test_status_shows_what_is_closed(desk: Desk) -> None:
    await says(desk, "lock staging mine", "U0ANA")
    await says(desk, "freeze all sale")
    text = await says(desk, "status")
    assert text.count("*Everything* is frozen by @lee") == len(desk.config.environments)
    assert text.count("*staging* is locked by @ana") == 1
