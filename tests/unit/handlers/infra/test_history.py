"""/infra history and /infra show, as a person reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import UserError
from bot.operations.registry import Click
from bot.store.audit import Entry
from bot.store.operations import Request, Status
from handlers.infra import history, topics, visibility
from tests.unit.bot.drawn import buttons, read
from tests.unit.bot.store.audit_tampering import drop_triggers
from tests.unit.handlers.conftest import MONDAY_NOON, typed

if TYPE_CHECKING:
    from bot.slack.blocks.kit import Message
    from tests.unit.handlers.conftest import Desk

HOUR = 3_600.0


async def begun(desk: Desk, kind: str, place: str, user: str = "U0ANA", title: str = "") -> int:
    """An operation with a message, begun now."""
    number = len(await desk.operations.recent(99)) + 1
    request = Request(
        f"key {number}", kind, place, user, title or f"{kind.title()} to {place}", "C0DEV", {"ref": "main"}
    )
    assert await desk.operations.create(request) == number
    await desk.audit.record(Entry(user, kind, place, number, {"ref": "main"}))
    await desk.operations.set_message(number, "C0DEV", f"{number}.1")
    return number


async def ended(desk: Desk, number: int, status: Status, **detail: str) -> None:
    place = (await desk.operations.get(number)).environment
    await desk.audit.record(Entry("signalbox", "ended", place, number, {"status": status.value, **detail}))
    await desk.operations.set_status(number, status)


async def asked(desk: Desk, text: str, user: str = "U0ANA") -> str:
    return read(await answer(desk, text, user))


async def answer(desk: Desk, text: str, user: str = "U0ANA") -> Message:
    result = await topics.handle(desk.services, typed(text, user))
    assert result
    return result


@pytest.fixture
async def past(desk: Desk) -> Desk:
    """A deploy to staging three hours ago, a failed plan two hours ago, and a deploy to dev that waits."""
    desk.now = MONDAY_NOON - 3 * HOUR
    deploy = await begun(desk, "deploy", "staging")
    await desk.audit.record(Entry("U0LEE", "approved", "staging", deploy, {"binding": "b" * 64, "outcome": "approved"}))
    detail = {"workflow": "d.yml", "run": "4711", "url": "https://github.com/o/r/actions/runs/4711", "commit": "a" * 40}
    desk.now += 60
    await desk.audit.record(Entry("signalbox", "dispatched", "staging", deploy, detail))
    desk.now += 120
    await ended(desk, deploy, Status.SUCCEEDED, outcome="deployed")
    desk.now = MONDAY_NOON - 2 * HOUR
    plan = await begun(desk, "plan", "prod", "U0LEE", "Plan for prod")
    await ended(desk, plan, Status.FAILED, outcome="failed", why="not planned. Terraform is away")
    desk.now = MONDAY_NOON - HOUR
    await desk.audit.record(Entry("U0GUS", "refused", detail={"what": "/deploy prod", "why": "You may not"}))
    desk.now += 1
    await begun(desk, "deploy", "dev", "U0LEE")
    desk.now = MONDAY_NOON
    return desk


async def test_the_history_has_operations_decisions_and_refusals_newest_first(past: Desk) -> None:
    text = await asked(past, "history")
    lines = [line for line in text.splitlines() if re.search(r"#\d|refused", line)]
    assert [
        next(
            word
            for word in ("#3 Deploy to dev", "refused", "#2 Plan for prod", "approved #1", "#1 Deploy to staging")
            if word in line
        )
        for line in lines[:5]
    ] == ["#3 Deploy to dev", "refused", "#2 Plan for prod", "approved #1", "#1 Deploy to staging"]
    assert "#1 Deploy to staging: deployed, by @ana" in text
    assert "#2 Plan for prod: failed (not planned. Terraform is away), by @lee" in text
    assert "dispatched" not in text
    assert "/infra" not in "".join(lines)


@pytest.mark.parametrize(
    ("words", "expected", "others"),
    [
        ("staging", ["#1 Deploy to staging", "approved #1"], ["#2", "#3", "refused"]),
        ("<@U0LEE|lee>", ["#2 Plan", "#3 Deploy to dev", "approved #1"], ["Deploy to staging", "refused"]),
        ("me", ["#1 Deploy to staging"], ["#2", "#3"]),
        ("plan", ["#2 Plan"], ["#1", "#3", "refused"]),
        ("refusals", ["@gus was refused"], ["#1", "#2", "#3"]),
        ("approvals", ["@lee approved #1"], ["#2", "#3", "Deploy"]),
        ("90m", ["#3", "refused"], ["#1", "#2"]),
        ("deploy <@U0LEE> today", ["#3"], ["#1", "#2"]),
        ("prod 2026-03-01 plan", ["#2"], ["#1", "#3"]),
    ],
)
async def test_it_is_narrowed_by_words_in_any_order(
    past: Desk, words: str, expected: list[str], others: list[str]
) -> None:
    text = await asked(past, f"history {words}")
    assert not [word for word in expected if word not in text], text
    assert not [word for word in others if word in text], text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("stagin", "did you mean “staging”"),
        ("deplo", "did you mean “deploy”"),
        ("staging dev", "“dev” is a second environment"),
        ("2d yesterday", "“yesterday” is a second time"),
        ("2999-01-01", "in the future"),
        ("2026-02-30", "no date"),
        ("me <@U0LEE>", "second person"),
        ("a b c d e", "Usage: "),
        ("zzzzqqqq", "Kinds are "),
    ],
)
async def test_a_word_that_is_not_understood_is_answered_with_the_usage(past: Desk, words: str, why: str) -> None:
    with pytest.raises(UserError) as refused:
        await topics.handle(past.services, typed(f"history {words}"))
    assert why in str(refused.value)


async def test_older_pages_follow_by_a_button_and_repeat_nothing(desk: Desk) -> None:
    for _ in range(2 * history.MOST + 3):
        desk.now += 60
        await begun(desk, "deploy", "dev")
    message, numbers = await answer(desk, "history dev <@U0ANA> deploy"), list[int]()
    for _ in range(3):
        numbers += [int(number) for number in re.findall(r"#(\d+) Deploy", read(message))]
        if buttons(message):
            message = await history.older(desk.services, pressed(value_of(message)))
    assert numbers == list(range(2 * history.MOST + 3, 0, -1))
    assert not buttons(message)


def value_of(message: Message) -> str:
    [row] = [block for block in message.blocks if block["type"] == "actions"]
    return str(row["elements"][0]["value"])


def pressed(value: str, user: str = "U0ANA") -> Click:
    return Click(user, "C0DEV", "1.1", "history-older", value, "1.2", "", typed("").registry)


@pytest.mark.parametrize("value", ["", "x", "1 2 DROP TABLE", "99999999999 1", "1 -1"])
async def test_a_value_that_no_button_has_is_refused(past: Desk, value: str) -> None:
    with pytest.raises(UserError):
        await history.older(past.services, pressed(value))


async def test_who_may_not_use_signalbox_sees_no_older_page(past: Desk) -> None:
    with pytest.raises(UserError, match="You may not"):
        await history.older(past.services, pressed("9 9", "U0GUS"))


async def test_the_story_of_an_operation_has_each_step_with_its_details_and_link(past: Desk) -> None:
    text = await asked(past, "show 1")
    assert "#1 Deploy to staging*: deployed" in text
    assert "requested by @ana" in text
    assert "after 3 min 0 s" in text
    assert re.findall(r"\*(\w+)\*", text) == ["requested", "approved", "dispatched", "ended"]
    assert "run 4711, commit aaaaaaaaaaaa" in text
    assert "by @lee" in text
    assert "bbbbbb" not in text
    assert await asked(past, "show #1") == text


async def test_the_story_of_a_failure_says_why(past: Desk) -> None:
    assert "#2 Plan for prod*: failed (not planned. Terraform is away)" in await asked(past, "show 2")


async def test_a_changed_entry_is_marked(past: Desk) -> None:
    def tamper(connection: Any) -> None:
        drop_triggers(connection)
        connection.exec_driver_sql("UPDATE signalbox_audit SET actor = 'U0MAX' WHERE action = 'approved'")

    assert ":rotating_light:" not in await asked(past, "show 1")
    await past.store.run(tamper)
    text = await asked(past, "show 1")
    assert "Run `python -m bot audit verify`" in text
    [line] = [line for line in text.splitlines() if "approved" in line]
    assert ":rotating_light:" in line


@pytest.mark.parametrize("word", ["", "x", "0x1", "99", "-1", "1234567890123", "²"])
async def test_what_is_no_operation_is_answered_in_words(past: Desk, word: str) -> None:
    with pytest.raises(UserError, match=r"Usage: /infra|There is no operation #99|must begin|do not take"):
        await topics.handle(past.services, typed(f"show {word}"))


async def test_a_story_of_many_steps_has_the_first_and_the_last(desk: Desk) -> None:
    number = await begun(desk, "deploy", "dev")
    for step in range(99):
        await desk.audit.record(Entry("signalbox", f"step {step}", "dev", number))
    text = await asked(desk, f"show {number}")
    assert "step 0" in text
    assert "step 98" in text
    assert "70 more steps" in text


async def test_nobody_sees_a_target_that_they_may_not_see(past: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def only_dev(*_: object) -> frozenset[str]:
        return frozenset({"dev"})

    monkeypatch.setattr(visibility, "targets_for", only_dev)
    text = await asked(past, "history")
    assert "#3" in text
    assert not [word for word in ("#1", "#2", "refused") if word in text]
    assert "Nothing" in await asked(past, "history staging")
    assert "Nothing" in await asked(past, "history approvals")
    for number in (1, 2):
        with pytest.raises(UserError, match="no operation"):
            await topics.handle(past.services, typed(f"show {number}"))
    assert "#3" in await asked(past, "show 3")


async def test_who_is_named_in_details_is_mentioned_and_internal_arguments_are_left_out(desk: Desk) -> None:
    detail = {"zones": "{a = 1}", "-hcl": "zones", "-for": "{}", "why": "locked by U0LEE since Monday", "by": "U0MAX"}
    await desk.audit.record(Entry("U0ANA", "refused", "dev", None, detail))
    await desk.audit.record(Entry("U0ANA", "refused", "dev", None, {"why": "a" * 151 + " by U0LEE"}))
    for topic in ("history", "audit 9"):
        text = await asked(desk, topic)
        assert "(zones {a = 1}, locked by @lee since Monday, by @max)" in text
    assert " by U0L…" in await asked(desk, "history")


async def test_foreign_text_stays_text(desk: Desk) -> None:
    number = await begun(desk, "deploy", "dev", title="<!channel> *x* <https://evil.test|y>")
    await desk.audit.record(Entry("U0ANA", "refused", "dev", number, {"why": "<!here> `"}))
    await ended(desk, number, Status.FAILED, outcome="<!channel>", why="<@U0EVIL>")
    await asked(desk, "history")
    await asked(desk, f"show {number}")


async def test_an_operation_of_a_lane_belongs_to_its_target(desk: Desk) -> None:
    await begun(desk, "follow-build", "image builds/run 4711", title="Follow run 4711")
    assert "#1 Follow run 4711" in await asked(desk, "history image-builds")
    assert "#1 Follow run 4711" in await asked(desk, "history build")
    assert (await desk.operations.get(1)).environment == "image builds/run 4711"


async def test_an_operator_sees_all_and_a_stranger_nothing(past: Desk) -> None:
    assert await visibility.targets_for(past.services, "U0ANA") is None
    assert await visibility.targets_for(past.services, "U0GUS") == frozenset()
