"""/run: what it lists, asks and refuses; what an approval of it is for; each state of its message."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.operations.registry import Click
from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.run import command, views, workflow
from handlers.run.settings import command_text
from handlers.run.views import Run
from runners.results import Commit, Job, RefStanding, State, WorkflowRun
from sandbox.slack.block_kit import check_message, check_view
from tests.unit.bot.drawn import hostile, read, urls
from tests.unit.handlers.conftest import FILE, SUNDAY, Desk, filled, sent_off, typed

if TYPE_CHECKING:
    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message

OWN = """
operations:
  restart-web:
    workflow: restart.yml
    environment: staging
    inputs: {service: , size: [s, l]}
    fixed_inputs: {where: staging}
    description: Restart <a> service
  flush: {workflow: flush.yml, environment: prod}
"""
CONFIG = read_config(FILE + OWN)
TEXT = (
    "on: {workflow_dispatch: {inputs: {where: {}, service: {required: true}, size: {type: choice, options: [s, l]}}}}"
)
COMMIT = Commit("o/r", "a" * 40, "main", "Subject", "Lee", "https://github.com/o/r/commit/1")


class Hub:
    """GitHub with one workflow file."""

    text = TEXT

    async def get(self, *_: object, **__: object) -> Any:
        return SimpleNamespace(data={"content": base64.b64encode(self.text.encode()).decode()})


@pytest.fixture
def own(desk: Desk) -> Desk:
    desk.config, desk.github = CONFIG, Hub()
    return desk


async def test_without_words_it_lists_all_with_a_button_for_each(own: Desk) -> None:
    listed = await command.handle(own.services, typed(""))
    assert listed
    check_message(list(listed.blocks))
    assert "Restart <a> service" in read(listed)
    assert "restart-web for staging · takes service, size" in read(listed).replace("*", "")
    buttons = [block["accessory"]["value"] for block in listed.blocks if "accessory" in block]
    assert buttons == ["restart-web", "flush"]
    with pytest.raises(Denied):
        await command.handle(own.services, replace(typed(""), user="U0GUS"))


async def test_a_list_of_hundreds_is_taken_by_slack() -> None:
    settings = CONFIG.operations.custom["flush"]
    listed = views.listing({f"name-{number}": settings for number in range(300)})
    check_message(list(listed.blocks))
    assert "and 260 more: type /run and the name" in read(listed)
    assert "There are no operations to run" in read(views.listing({}))


async def test_a_name_with_inputs_begins(own: Desk) -> None:
    await command.handle(own.services, typed('restart-web v1 service="a b" size=l'))
    (begun,) = own.engine.begun
    assert (begun.kind, begun.environment, begun.channel) == ("run", "staging", "C0STAGING")
    assert begun.title == 'Run restart-web at v1 with service="a b", size=l'
    assert begun.arguments == {"name": "restart-web", "ref": "v1", "input:service": "a b", "input:size": "l"}
    assert command_text(begun.arguments) == '/run restart-web v1 service="a b" size=l'


async def test_a_missing_input_and_a_click_in_the_list_open_the_window(own: Desk) -> None:
    await command.handle(own.services, typed("restart-web v1"))
    await filled()
    click = Click("U0ANA", "C0OPS", "1.0", views.OPEN, "restart-web", "trigger", "")
    await command.open_window(own.services, click)
    assert not own.engine.begun
    for view, ref in zip(own.chat.views, ["v1", "main"], strict=True):
        check_view(view, "modal")
        values = {"input:service": "web", "input:size": ""}
        sent = replace(sent_off(**values), private_metadata=view["private_metadata"])
        assert await command.submitted(own.services, sent) == {}
        assert own.engine.begun[-1].arguments == {"name": "restart-web", "ref": ref, "input:service": "web"}
    await command.open_window(own.services, replace(click, user="U0GUS"))
    assert "You may not run" in own.chat.notices[0]


async def test_a_refused_input_is_reported_under_its_field(own: Desk) -> None:
    metadata = json.dumps(["restart-web", "", "", ""])
    sent = replace(sent_off(**{"input:service": "a\nb", "input:size": "xl"}), private_metadata=metadata)
    refused = await command.submitted(own.services, sent)
    assert "has a line break" in refused["input:service"]
    assert "size cannot be “xl”" in refused["input:size"]
    assert not own.engine.begun


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("restart-wbe", "There is no operation “restart-wbe”; did you mean “restart-web”? Usage: /run"),
        ("restart-web servce=x", "Runs of restart-web take no input “servce”; did you mean “service”?"),
        ("restart-web where=prod", "take no input “where”"),
        ("restart-web size=xxx", "size cannot be “xxx”; it is one of s, l."),
        ("flush x=1", "operations.flush.inputs in signalbox.yaml lists none"),
        ("restart-web a..b service=x", "cannot be a branch"),
        ("restart-web a b", "3 words"),
    ],
)
async def test_what_is_not_understood_begins_nothing(own: Desk, text: str, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        await command.handle(own.services, typed(text))
    assert problem in str(refused.value)
    assert not own.engine.begun


async def test_who_may_not_and_when_nobody_may(own: Desk) -> None:
    with pytest.raises(Denied):
        await command.handle(own.services, replace(typed("flush"), user="U0GUS"))
    own.now = SUNDAY
    with pytest.raises(Denied, match="prod is only changed during"):
        await command.handle(own.services, typed("flush"))
    assert not own.engine.begun


def operation(config: Any = CONFIG, name: str = "restart-web", **arguments: str) -> Operation:
    services = SimpleNamespace(config=config, github=Hub())
    record = SimpleNamespace(kind="run", requester="U0ANA", arguments={"name": name, "ref": "main", **arguments})
    made = SimpleNamespace(
        number=7,
        repository="o/r",
        environment=CONFIG.environments["staging"],
        target=CONFIG.environments["staging"],
        record=record,
        services=services,
    )
    return cast("Operation", made)


async def prepared(monkeypatch: pytest.MonkeyPatch, **arguments: str) -> Run:
    async def resolve(*_: object) -> Commit:
        return COMMIT

    monkeypatch.setattr(workflow, "commit_of", resolve)
    return await workflow._prepared(operation(**arguments))


async def test_all_inputs_are_checked_before_anybody_approves(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await prepared(monkeypatch, **{"input:service": "web"})
    assert dict(run.inputs) == {"where": "staging", "service": "web"}
    assert dict(run.given) == {"service": "web"}
    with pytest.raises(UserError, match=r"restart\.yml at main needs service: add service=…"):
        await prepared(monkeypatch)
    with pytest.raises(UserError, match="size cannot be"):
        await prepared(monkeypatch, **{"input:service": "web", "input:size": "m"})
    with pytest.raises(UserError, match="branch or tag only"):
        await prepared(monkeypatch, **{"input:service": "web", "ref": "a" * 40})
    monkeypatch.setattr(Hub, "text", "on: push")
    with pytest.raises(UserError, match="has no workflow_dispatch trigger"):
        await prepared(monkeypatch, **{"input:service": "web"})
    monkeypatch.setattr(Hub, "text", TEXT.replace("where: {}", "where: {}, other: {required: true}"))
    with pytest.raises(UserError, match=r"requires the input other. Allow it under operations\.restart-web\.inputs"):
        await prepared(monkeypatch, **{"input:service": "web"})


RUN = Run(
    "restart-web", "restart.yml", "", COMMIT, "main", "", {"where": "staging", "service": "web"}, {"service": "web"}
)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("x", "x", ""),
        ("workflow: restart.yml", "workflow: other.yml", "has changed since this was requested"),
        ("{where: staging}", "{where: prod}", "has changed since this was requested"),
        ("fixed_inputs", "ref: other\n    fixed_inputs", "has changed since this was requested"),
        ("{service: , size: [s, l]}", "{service: [api]}", "service cannot be"),
        ("environment: staging", "environment: prod", "restart-web is for prod by now"),
        ("restart-web:", "restart-all:", "There is no operation “restart-web”"),
    ],
)
async def test_what_the_configuration_changed_is_not_started(old: str, new: str, problem: str) -> None:
    asked = operation(read_config(FILE + OWN.replace(old, new)), **{"input:service": "web"})
    if not problem:
        await workflow._check_unchanged(asked, RUN)
        return
    with pytest.raises(UserError, match=problem):
        await workflow._check_unchanged(asked, RUN)


async def binding_of(run: Run) -> str:
    bound: list[str] = []

    async def approved(binding: str, *_: object) -> None:
        bound.append(binding)

    asking = cast("Any", operation())
    asking.approved = approved
    await workflow._approval(asking, run, cast("RefStanding", SimpleNamespace(allowed=True)))
    return bound[0]


async def test_an_approval_is_for_exactly_this_run() -> None:
    others = [
        replace(RUN, name="x"), replace(RUN, workflow="x.yml"), replace(RUN, inputs={}),
        replace(RUN, inputs={"where": "prod", "service": "web"}), replace(RUN, commit=replace(COMMIT, sha="b" * 40)),
    ]  # fmt: skip
    assert len({await binding_of(run) for run in (RUN, *others)}) == 6


AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HEAD = Head(3, "Run restart-web with service=web", "staging", "U0ANA")
OPEN = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, "<@U0LEE>")


@given(st.lists(hostile, min_size=1, max_size=5).map(cycle), st.sampled_from(State), urls)
def test_slack_takes_every_state_whatever_is_in_it(text: Any, state: State, url: str) -> None:
    commit = Commit("r", "a" * 40, next(text), next(text), next(text), url)
    run = Run(
        next(text), next(text), next(text), commit, "main", "", {}, {next(text): next(text)}, (kit.escape(next(text)),)
    )
    head = Head(3, next(text), next(text), "U0ANA")
    jobs = (Job(1, next(text), state, url),)
    started = WorkflowRun("r", 1, 1, 1, next(text), "a" * 40, state, url, AT, jobs)
    decided = replace(OPEN, outcome="rejected", votes=(("U0LEE", "rejected", 1.0),))
    messages: list[Message] = [
        views.working(head, "x"),
        views.awaiting_approval(head, run, OPEN),
        views.not_approved(head, run, decided),
        views.message(head, "running", "x", run, None),
        views.progress(head, run, None, started, now=1.0, pending=()),
        views.ended(head, run, decided, started),
        views.other_commit(head, run, None, started),
    ]
    for message in messages:
        read(message)
