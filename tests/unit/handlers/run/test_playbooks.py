"""/run with a playbook: its words, what an approval is for, what the configuration may have changed, its messages."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, strategies as st

from bot.config import read as read_config
from bot.errors import UserError
from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from handlers.run import command, playbooks, views, workflow
from handlers.run.settings import command_text
from handlers.run.views import Run
from handlers.shared.ansible import outcome_views, views as host_views
from handlers.shared.ansible.outcome_views import RolloutEnd
from handlers.shared.ansible.views import RolloutState
from runners.results import Commit, HostResult, PlaybookResult, RefStanding, State
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import hostile, read, urls
from tests.unit.handlers.conftest import FILE, Desk, filled, sent_off, typed

if TYPE_CHECKING:
    from bot.operations.operation import Operation

OWN = """
operations:
  rotate: {playbook: "rotate-{machine}.yml", environment: staging, fixed_inputs: {days: "7"}, tags: [logs]}
  clear:
    playbook: clear.yml
    environment: staging
    machines: [backend, cron]
    inputs: {cache: [pages, sessions], reason: }
"""
CONFIG = read_config(FILE.replace("machines: [backend]", "machines: [backend, cron, sftp]") + OWN)
COMMIT = Commit("o/r", "a" * 40, "main", "Subject", "Lee", "https://github.com/o/r/commit/1")
HEAD = Head(3, "Run clear", "staging", "U0ANA")
OPEN = ApprovalView("ID", 1, "pending", (), 1_700_003_600.0, "<@U0LEE>")


@pytest.fixture
def own(desk: Desk) -> Desk:
    desk.config = CONFIG
    return desk


@pytest.mark.parametrize(
    ("text", "title", "arguments"),
    [
        ("rotate", "Run rotate", {"ref": "main"}),
        ("rotate v1 cron,backend", "Run rotate on backend, cron at v1", {"ref": "v1", "machines": "backend,cron"}),
        ('rotate "cron"', "Run rotate at cron", {"ref": "cron"}),
        ("clear cache=pages", "Run clear with cache=pages", {"ref": "main", "input:cache": "pages"}),
    ],
)
async def test_machine_types_and_a_ref_in_any_order(
    own: Desk, text: str, title: str, arguments: dict[str, str]
) -> None:
    await command.handle(own.services, typed(text))
    (begun,) = own.engine.begun
    name = text.partition(" ")[0]
    assert (begun.title, begun.arguments) == (title, {"name": name, **arguments})
    await command.handle(own.services, typed(command_text(begun.arguments).removeprefix("/run ")))
    again = own.engine.begun[-1].arguments
    assert again == begun.arguments or text.endswith('"cron"')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("clear sftp,backend cache=pages", "clear has no machine type “sftp”"),
        ("rotate backend cron", "Machine types are given twice"),
        ("rotate backend, cron", "Put commas between machine types"),
        ("rotate v1 v2", "I can run one branch, tag or commit"),
        ("clear cache=page", "cache cannot be “page”; did you mean “pages”?"),
        ("rotate days=3", "operations.rotate.inputs in signalbox.yaml lists none"),
    ],
)
async def test_what_is_not_understood_begins_nothing(own: Desk, text: str, problem: str) -> None:
    with pytest.raises(UserError) as refused:
        await command.handle(own.services, typed(text))
    assert problem in str(refused.value)
    assert not own.engine.begun


async def test_inputs_are_asked_for_since_a_playbook_declares_none(own: Desk) -> None:
    await command.handle(own.services, typed("clear backend"))
    await filled()
    (view,) = own.chat.views
    check_view(view, "modal")
    values = {"input:cache": "pages", "input:reason": "{{ x }}"}
    sent = replace(sent_off(**values), private_metadata=view["private_metadata"])
    assert await command.submitted(own.services, sent) == {}
    assert own.engine.begun[0].arguments == {"name": "clear", "ref": "main", "machines": "backend", **values}


def operation(config: Any = CONFIG, name: str = "clear", **arguments: str) -> Operation:
    services = SimpleNamespace(config=config, secrets=None)
    record = SimpleNamespace(kind="run", requester="U0ANA", arguments={"name": name, "ref": "main", **arguments})
    environment = config.environments["staging"]
    made = SimpleNamespace(
        number=7, environment=environment, target=environment, record=record, services=services, head=HEAD
    )
    return cast("Operation", made)


async def prepared(monkeypatch: pytest.MonkeyPatch, asked: Operation) -> Run:
    async def resolve(*_: object) -> Commit:
        return COMMIT

    monkeypatch.setattr(playbooks, "commit_of", resolve)
    return await workflow._prepared(asked)


async def test_what_is_displayed_is_what_would_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await prepared(monkeypatch, operation(name="rotate", machines="cron"))
    assert (run.workflow, run.playbooks, run.machines, run.tags) == ("", ("rotate-cron.yml",), ("cron",), ("logs",))
    assert dict(run.inputs) == {"days": "7"}
    text = read(views.awaiting_approval(HEAD, run, OPEN))
    assert "*Playbook:* `rotate-cron.yml` on cron at" in text
    assert "only tasks tagged logs" in text
    work = playbooks._work(operation(name="rotate", machines="cron"), run)
    assert work.variables == {"days": "7", "signalbox_commit": COMMIT.sha}
    assert work.playbook_of("cron") == "rotate-cron.yml"


RUN = Run(
    "clear", "", "", COMMIT, "main", inputs={"cache": "pages"}, given={"cache": "pages"},
    playbooks=("clear.yml", "clear.yml"), machines=("backend", "cron"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("x", "x", ""),
        ("clear.yml", "other.yml", "has changed since this was requested"),
        ("[backend, cron]\n", "[backend]\n", "has changed since this was requested"),
        ("inputs: {cache", "skip_tags: [a]\n    inputs: {cache", "has changed since this was requested"),
        ("playbook: clear.yml", "workflow: clear.yml", "has changed since this was requested"),
    ],
)
async def test_what_the_configuration_changed_is_not_started(old: str, new: str, problem: str) -> None:
    own = OWN.replace(old, new)
    own = own.replace("    machines: [backend, cron]\n", "") if "workflow:" in own else own
    config = read_config(FILE.replace("machines: [backend]", "machines: [backend, cron, sftp]") + own)
    asked = operation(config, **{"input:cache": "pages"})
    if not problem:
        await workflow._check_unchanged(asked, RUN)
        return
    with pytest.raises(UserError, match=problem):
        await workflow._check_unchanged(asked, RUN)


async def test_an_approval_is_for_exactly_these_playbooks() -> None:
    bound: list[str] = []

    async def approved(binding: str, *_: object) -> None:
        bound.append(binding)

    asking = cast("Any", operation())
    asking.approved = approved
    others = [
        replace(RUN, playbooks=("x.yml", "clear.yml")), replace(RUN, machines=("backend",)), replace(RUN, tags=("a",)),
        replace(RUN, skip_tags=("a",)), replace(RUN, inputs={}), replace(RUN, commit=replace(COMMIT, sha="b" * 40)),
    ]  # fmt: skip
    for run in (RUN, *others):
        await workflow._approval(asking, run, cast("RefStanding", SimpleNamespace(allowed=True)))
    assert len(set(bound)) == 7


def test_the_end_names_what_ran_and_what_remains() -> None:
    frame = playbooks._frame(operation(), RUN, None)
    done = PlaybookResult("clear.yml", State.SUCCEEDED, (HostResult("backend-1", State.SUCCEEDED),))
    assert "ran clear on 1 host" in read(outcome_views.ended(frame, RolloutState((done,), 1.0), RolloutEnd()))
    skipped = PlaybookResult("clear.yml", State.SUCCEEDED, (HostResult("backend-1", State.SKIPPED),))
    text = read(outcome_views.ended(frame, RolloutState((skipped,), 1.0), RolloutEnd()))
    assert "names no host of the inventory, so nothing was done" in text
    failed = PlaybookResult("clear.yml", State.FAILED, (HostResult("backend-1", State.FAILED, failed=1),))
    end = RolloutEnd(("cron",), then="/run clear cron")
    text = read(outcome_views.ended(frame, RolloutState((done, failed), 1.0), end))
    assert "failed on backend-1. Not run: cron." in text
    assert "Fix what failed. Then run `/run clear cron`" in text
    assert "deploy" not in text


@given(st.lists(hostile, min_size=1, max_size=5).map(cycle), urls)
def test_slack_takes_every_state_whatever_is_in_it(text: Any, url: str) -> None:
    commit = Commit("r", "a" * 40, next(text), next(text), next(text), url)
    run = replace(RUN, name=next(text), commit=commit, description=next(text), playbooks=(next(text),) * 99)
    run = replace(run, machines=(next(text),) * 99, tags=(next(text),) * 30)
    read(views.awaiting_approval(HEAD, run, OPEN))
    frame = playbooks._frame(operation(), run, OPEN)
    state = RolloutState((PlaybookResult(next(text), State.FAILED, (HostResult(next(text), State.FAILED),)),), 1.0)
    read(host_views.progress(frame, state))
    read(outcome_views.ended(frame, state, RolloutEnd((next(text),), kit.user("U0LEE"))))
