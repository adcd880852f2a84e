"""Runs of deploy workflows that nobody requested here: which of them are followed, and that each is followed once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.config import read as read_config
from bot.operations.registry import WorkflowOf
from bot.slack.blocks.common import CANCEL, Head
from handlers.deploy.github_actions import followed_runs, views
from handlers.deploy.github_actions.under_way import deploys
from handlers.deploy.views import Release
from runners.results import Commit, State, WorkflowRun
from tests.unit.bot.drawn import buttons, read
from tests.unit.handlers.conftest import FILE

if TYPE_CHECKING:
    from bot.config import GitHubActions
    from bot.services import Services
    from tests.unit.handlers.conftest import Desk

OWN = FILE.replace("workflow: d.yml, ref: trunk", "workflow: dev.yml, ref: trunk")
NIGHTLY = WorkflowRun(
    "o/r", 4711, 12, 1, "Deploy", "a" * 40, State.RUNNING, "https://github.com/o/r/actions/runs/4711",
    datetime(2026, 3, 2, 10, 0, tzinfo=UTC), actor="max-weber", event="schedule", branch="main", file="dev.yml",
)  # fmt: skip


class Account:
    """GitHub, where our own account is signalbox[bot]; and the claims, where so many operations wait for their run."""

    waiting = 0

    async def login(self, _: str) -> str:
        return "signalbox[bot]"

    async def rivals(self, *_: object) -> int:
        return self.waiting


def services_of(desk: Desk, account: Account, file: str = OWN) -> Services:
    changes = {"config": read_config(file), "github": account, "run_claims": account}
    return cast("Services", SimpleNamespace(**vars(desk.services) | changes))


def test_a_workflow_that_deploys_to_several_environments_is_not_followed() -> None:
    assert followed_runs.workflows(read_config(FILE)) == ()
    dev, prod = WorkflowOf("o/r", "dev.yml"), WorkflowOf("o/r", "d.yml")
    assert followed_runs.workflows(read_config(OWN)) == (dev, prod)
    off = OWN.replace("ref: trunk}", "ref: trunk, follow_runs_by_hand: false}")
    assert followed_runs.workflows(read_config(off)) == (prod,)
    assert followed_runs.workflows(read_config(OWN.replace("dev.yml", "build.yml"))) == (prod,)


async def test_the_workflow_of_a_service_is_that_of_its_own_repository(desk: Desk) -> None:
    deploy = "{github_actions: {ref: trunk}, services: {api: {repository: o/api, github_actions: {workflow: dev.yml}}, "
    services = f"{deploy}web: {{github_actions: {{workflow: dev.yml}}}}}}}}"
    file = FILE.replace("{github_actions: {workflow: d.yml, ref: trunk}}", services)
    dev = [WorkflowOf("o/api", "dev.yml"), WorkflowOf("o/r", "dev.yml")]
    assert followed_runs.workflows(read_config(file)) == (*dev, WorkflowOf("o/r", "d.yml"))
    account = Account()
    for run, repository in ((1, "O/API"), (2, "o/r")):
        run_there = replace(NIGHTLY, run_id=run, repository=repository)
        await followed_runs.follow_started(services_of(desk, account, file), run_there)
    assert [begun.environment for begun in desk.engine.begun] == ["dev/api/run 1", "dev/web/run 2"]


@pytest.mark.parametrize(
    ("event", "branch", "is_deploy"),
    [
        ("schedule", "main", True),
        ("workflow_dispatch", "any", True),
        ("repository_dispatch", "main", True),
        ("push", "trunk", True),
        ("push", "feature", False),
        ("pull_request", "trunk", False),
        ("merge_group", "trunk", False),
        ("", "trunk", False),
    ],
)
def test_the_event_says_whether_a_run_deploys(event: str, branch: str, is_deploy: bool) -> None:
    settings = cast("GitHubActions", SimpleNamespace(ref="refs/heads/trunk"))
    assert deploys(replace(NIGHTLY, event=event, branch=branch), settings) is is_deploy


async def test_a_run_is_followed_once_in_its_environment_and_holds_up_nobody(desk: Desk) -> None:
    services = services_of(desk, Account())
    await followed_runs.follow_started(services, replace(NIGHTLY, event="pull_request"))
    assert not desk.engine.begun
    await followed_runs.follow_started(services, NIGHTLY)
    (begun,) = desk.engine.begun
    assert (begun.key, begun.kind, begun.environment) == ("run-4711", "follow-deploy", "dev/run 4711")
    assert (begun.requester, begun.channel, begun.title) == ("signalbox", "C0DEV", "Deploy to dev, run 12")
    assert begun.arguments["by"] == "started in GitHub by its schedule"
    await desk.operations.create(begun)
    await followed_runs.follow_started(services, NIGHTLY)
    assert len(desk.engine.begun) == 1


@pytest.mark.parametrize(
    ("actor", "waiting", "begun"), [("signalbox[bot]", 1, 0), ("signalbox[bot]", 0, 1), ("max", 1, 1)]
)
async def test_what_an_operation_may_still_claim_is_left_to_it(
    desk: Desk, actor: str, waiting: int, begun: int
) -> None:
    account = Account()
    account.waiting = waiting
    await followed_runs.follow_started(services_of(desk, account), replace(NIGHTLY, actor=actor))
    assert len(desk.engine.begun) == begun


def test_a_deploy_that_waits_names_the_run_and_can_be_cancelled() -> None:
    commit = Commit("o/r", "b" * 40, "main", "Change", "lee", "https://github.com/o/r/commit/b")
    waits = views.waits_for_run(Head(7, "Deploy main to dev", "dev", "U0ANA"), Release(commit, "x", "y"), None, NIGHTLY)
    assert "waiting for Deploy, run 12, which was started by its schedule" in read(waits)
    assert buttons(waits) == [CANCEL]
