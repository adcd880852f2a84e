"""The Home tab and /infra status: what waits for a person, what they may see, and nothing asked of AWS before the answer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.store.audit import Entry
from bot.store.closures import Closure, ClosureKind
from bot.store.history import DAEMONS_CHECKED
from bot.store.operations import Request, Status
from handlers.infra import overview, topics
from handlers.operation import approve
from runners.results import Commit
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, pressed, typed
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

HIDING = FILE.replace(
    'access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"]}',
    'access: {operators: ["usergroup:S0INFRA"], approvers: ["usergroup:S0LEADS"], '
    "roles: {dev-people: {people: [U0GUS], may: [run], environments: [dev]}}}",
)
SHA = "ab" * 20


async def operation(desk: Desk, environment: str, status: Status, title: str = "Deploy", kind: str = "deploy") -> int:
    key = f"key {title} {environment} {status}"
    number = await desk.operations.create(Request(key, kind, environment, "U0ANA", title, "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", f"{number}.0")
    await desk.operations.set_status(number, status, "is deploying")
    return number


async def deployed(desk: Desk, environment: str) -> int:
    number = await operation(desk, environment, Status.SUCCEEDED)
    record = await desk.operations.get(number)
    await desk.services.deployments.add(record, Commit("o/r", SHA, "main", "Fix it", "ana", "https://github.test/c"))
    return number


async def home(desk: Desk, user: str = "U0LEE") -> str:
    view = (await overview.homes(desk.services, [user]))[user]
    check_view(view, "home")
    return str(view)


async def status(desk: Desk, *words: str, user: str = "U0ANA") -> str:
    message, _ = await overview.status(desk.services, user, words)
    return read(message)


async def test_what_waits_comes_first_with_its_buttons(desk: Desk) -> None:
    approval = await desk.asked()
    await desk.operations.set_status(1, Status.APPROVAL, "waits for approval")
    view = (await overview.homes(desk.services, ["U0LEE"]))["U0LEE"]
    heads = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    assert heads[:2] == ["Waiting for you", "Environments"]
    (row,) = [block for block in view["blocks"] if block["type"] == "actions"][:1]
    assert [(each["action_id"], each.get("value")) for each in row["elements"]] == [
        ("approve", approval.id),
        ("reject", approval.id),
        ("open-ahead", None),
    ]
    assert "Plan for staging" in str(view["blocks"][1])
    assert str(view).count("Plan for staging") == 1 + str(view["blocks"][2]).count("Plan for staging")  # in its dialogs
    assert "waits for you, see above" in str(view)


async def test_it_waits_for_nobody_who_may_not_approve_or_has_approved(desk: Desk) -> None:
    await desk.asked(required=2)
    await desk.operations.set_status(1, Status.APPROVAL, "waits for approval")
    assert "Waiting for you" in await home(desk)
    assert "Waiting for you" not in await home(desk, "U0ANA")  # an operator, and no approver
    assert "Waiting for you" not in await home(desk, "U0GUS")
    await approve.approve(desk.services, replace(pressed(await desk.approvals.pending_of(1)), channel="", message_ts="", at_home=True))  # type: ignore[arg-type]  # fmt: skip
    assert "Waiting for you" not in await home(desk)
    assert "needs an approval until" in await home(desk, "U0MAX")


async def test_a_click_on_the_home_tab_counts_and_one_without_a_message_does_not(desk: Desk) -> None:
    approval = await desk.asked()
    nowhere = replace(pressed(approval), channel="", message_ts="")
    with pytest.raises(Denied):
        await approve.approve(desk.services, nowhere)
    assert await desk.approvals.pending_of(1) is not None
    with pytest.raises(Denied):
        await approve.approve(desk.services, replace(nowhere, user="U0ANA", at_home=True))
    await approve.approve(desk.services, replace(nowhere, at_home=True))
    assert await desk.approvals.pending_of(1) is None
    assert desk.engine.woken == [1]


async def test_own_locks_are_reminded_of_with_their_buttons(desk: Desk) -> None:
    lock = Closure(ClosureKind.LOCK, "staging", "U0ANA", "a migration", desk.now, None)
    await desk.services.closures.close(lock)
    text = await home(desk, "U0ANA")
    assert "Waiting for you" in text
    assert "open-closure" in text
    others = await home(desk)
    assert "Waiting for you" not in others
    assert "a migration" in others


async def test_an_open_operation_is_listed_once(desk: Desk) -> None:
    await operation(desk, "staging", Status.RUNNING, "Deploy main to staging")
    await operation(desk, "staging", Status.WAITING, "Deploy v2 to staging")
    await operation(desk, "dev", Status.FAILED, "Deploy main to dev")
    for text in (await status(desk), await home(desk)):
        assert text.count("Deploy main to staging") == 1
        assert text.count("Deploy main to dev") == 1
    assert "queue: #2" in await status(desk)


async def test_the_end_has_its_outcome_and_reason(desk: Desk) -> None:
    number = await operation(desk, "dev", Status.FAILED, "Deploy main to dev")
    ended = Entry("signalbox", "ended", "dev", number, {"outcome": "not deployed", "why": "disk full"})
    await desk.audit.record(ended)
    assert "Deploy main to dev: not deployed (disk full), requested by @ana" in await status(desk)


async def test_daemons_have_their_last_check(desk: Desk) -> None:
    desk.config = read_config(FILE.replace("machines: [backend]", "machines: [backend]\n    daemons: {backend: [web]}"))
    number = await operation(desk, "staging", Status.FAILED)
    detail = {"outcome": "1 of 2 as they should be", "why": "web on staging-backend: runs twice"}
    await desk.audit.record(Entry("signalbox", DAEMONS_CHECKED, "staging", number, detail))
    await operation(desk, "staging", Status.RUNNING, "a later deploy")
    text = await status(desk)
    assert "daemons 1 of 2 as they should be, checked" in text
    assert "web on staging-backend: runs twice" in text


async def test_hidden_environments_are_hidden(desk: Desk) -> None:
    desk.config = read_config(HIDING)
    await operation(desk, "prod", Status.RUNNING, "Deploy main to prod")
    await operation(desk, "prod", Status.FAILED, "Deploy v1 to prod")
    await operation(desk, "image builds", Status.RUNNING, "Build all")
    for text in (await status(desk, user="U0GUS"), await home(desk, "U0GUS")):
        assert "dev" in text
        assert not [word for word in ("prod", "staging", "Build all") if word in text]
    assert "Build all" in await home(desk)
    with pytest.raises((Denied, UserError)):
        await status(desk, "prod", user="U0GUS")
    assert "*dev*" in await status(desk, "dev", user="U0GUS")


async def test_windows_and_what_runs(desk: Desk) -> None:
    await deployed(desk, "prod")
    desk.now += 20 * 3_600.0
    text = await status(desk, "prod")
    assert f"*prod*: runs `{SHA[:7]}` Fix it, deployed by @ana" in text
    assert "outside of its windows" in text
    with pytest.raises(UserError, match="did you mean"):
        await status(desk, "prdo")


class SlowGitHub:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.may = list[str](), asyncio.Event()

    async def get(self, _: str, path: str, **__: Any) -> Any:
        self.asked.append(path)
        await self.may.wait()
        commits = [{"sha": "c" * 40, "parents": [{"sha": SHA}]}, {"sha": SHA, "parents": []}]
        return type("Answer", (), {"data": commits, "etag": None, "unchanged": False})()


async def test_the_answer_does_not_wait_for_aws_or_github(desk: Desk, account: Account) -> None:
    await deployed(desk, "prod")
    desk.aws, github = account.clients(HOME), SlowGitHub()
    desk.observations._github = github  # type: ignore[assignment]
    first = await topics.handle(desk.services, typed("status"))
    assert first is not None
    assert "a second answer follows" in read(first)
    assert github.asked == []
    while not github.asked:  # noqa: ASYNC110  -- the task that fills in has just begun
        await asyncio.sleep(0.01)
    assert desk.chat.told == []
    github.may.set()
    await asyncio.gather(*topics._pending_answers)
    (second,) = desk.chat.told
    assert "*1 commit* behind `main`" in read(second)
    assert "no instance of `backend` is running" in read(second)
    assert "a second answer follows" not in read(second)
    third = await topics.handle(desk.services, typed("status"))
    assert third is not None
    assert third.blocks == second.blocks
    await asyncio.gather(*topics._pending_answers)
    assert len(desk.chat.told) == 1


async def test_no_second_answer_follows_where_nothing_has_changed(desk: Desk, account: Account) -> None:
    await deployed(desk, "prod")
    desk.aws, github = account.clients(HOME), SlowGitHub()
    github.may.set()
    desk.observations._github = github  # type: ignore[assignment]
    for words in ("status prod", "status"):
        await topics.handle(desk.services, typed(words))
        await asyncio.gather(*topics._pending_answers)
        assert len(desk.chat.told) == 1
        desk.now += 600
        first = await topics.handle(desk.services, typed(words))
        assert first is not None
        assert "a second answer follows" in read(first)
        await asyncio.gather(*topics._pending_answers)
        assert len(desk.chat.told) == 1
        desk.chat.told.clear()
        desk.now += 600
        desk.observations._branches.clear()
