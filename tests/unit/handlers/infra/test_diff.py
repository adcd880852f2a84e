"""What one environment has that another has not, of real repositories (the stand-in for GitHub) and instances (moto)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given, strategies as st

from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.store.operations import Request, Status
from handlers.infra import diff, diff_views as views, topics
from handlers.infra.diff_views import CodeChange, Comparison, VariableChange, Variables
from handlers.infra.state_views import Card, DaemonLine, RoleLine, ServiceLine
from runners.github import GitHub
from runners.results import Commit, Difference, Image
from runners.results.fleet import RUNNING, Instance
from sandbox.github import GitHubStandIn, sandbox_repositories
from tests.unit.bot.drawn import hostile, read
from tests.unit.handlers.conftest import FILE, typed
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from runners.aws.client import Account
    from sandbox.github.repository import Repository
    from tests.unit.handlers.conftest import Desk

REPOSITORY = "PermanentOrg/infrastructure"
NOW = 1_700_000_000.0
DAY = 86_400.0
TOKEN = "ghp_diff0123456789"
CODE = b'variable "size" {}\nvariable "count" { default = 1 }\nvariable "key" {\n  sensitive = true\n}\n'


@pytest.fixture
async def repository(desk: Desk) -> AsyncIterator[Repository]:
    server = GitHubStandIn(token=TOKEN, repositories=sandbox_repositories(), speed=200)
    await server.start()
    desk.github = GitHub(server.url, token=TOKEN, write_pause=0, read_pause=0.01)
    desk.observations._github = desk.github
    desk.config = read_config(FILE.replace("repository: o/r", f"repository: {REPOSITORY}"))
    yield server.repository(REPOSITORY)
    await desk.github.close()
    await server.stop()


async def deployed(desk: Desk, environment: str, sha: str) -> None:
    key = f"deploy {environment} {sha}"
    number = await desk.operations.create(Request(key, "deploy", environment, "U0ANA", "Deploy", "C0DEV", {}))
    await desk.operations.set_message(number, "C0DEV", f"{number}.0")
    await desk.operations.set_status(number, Status.SUCCEEDED)
    record = await desk.operations.get(number)
    await desk.services.deployments.add(record, Commit(REPOSITORY, sha, "main", "Fix it", "ana", "https://x"))


async def answer(desk: Desk, words: str, user: str = "U0ANA") -> str:
    notice = await topics.handle(desk.services, typed(f"diff {words}", user))
    assert notice is not None
    assert ":mag:" in read(notice)
    await asyncio.gather(*topics._pending_answers)
    return read(desk.chat.told.pop())


@pytest.mark.parametrize("method", ["merge", "squash"])
async def test_code_with_authors_and_pull_requests(
    desk: Desk, repository: Repository, account: Account, method: Literal["merge", "squash"]
) -> None:
    desk.aws = account.clients(HOME)
    before = repository.graph.branches["main"]
    repository.graph.branch("feature", "main")
    repository.commit("feature", {"a": "b"}, "Let links expire")
    pull = repository.pulls.open("feature", "main", title="Let links expire")
    repository.pulls.merge(pull, method=method, title="Links", message=None, sha=None, by="lee-park")
    head = repository.commit("main", {"c": "d"}, "Store when a link expires").sha
    await deployed(desk, "staging", head)
    await deployed(desk, "prod", before)
    text = await answer(desk, "staging prod")
    count = 3 if method == "merge" else 2
    assert f"{count} commits of staging are not in prod" in text
    assert re.search(r"Links \(lee-park\) #1$", text, re.MULTILINE)
    assert re.search(r"Store when a link expires \([^)]*\)$", text, re.MULTILINE)
    back = await answer(desk, "prod staging code")
    assert f":warning: {count} commits of staging are not in prod" in back
    assert "*Images*" not in back


async def test_variables_of_the_code_without_the_sensitive_ones(
    desk: Desk, repository: Repository, account: Account
) -> None:
    desk.aws = account.clients(HOME)
    for folder, size in (("staging", "small"), ("prod", "large")):
        values = f'size = "{size}"\nkey = "hunter-{size}"\n'
        repository.commit(
            "main",
            {f"instances/{folder}/v.tf": CODE.decode(), f"instances/{folder}/terraform.tfvars": values},
            "Size it",
        )
    text = await answer(desk, "staging prod variables")
    assert '`size`: staging `"small"`, prod `"large"`' in text
    assert "not displayed: 2 sensitive variables" in text
    assert "hunter" not in text
    assert "`count`" not in text


async def test_mistakes_are_answered_before_anything_is_asked(desk: Desk) -> None:
    for words, problem in (
        ("staging", "Name two environments"),
        ("staging staging", "Both are staging"),
        ("staging prdo", "did you mean “prod”"),
        ("staging prod cod", "did you mean “code”"),
    ):
        with pytest.raises(UserError, match=problem):
            await topics.handle(desk.services, typed(f"diff {words}"))


async def test_a_hidden_environment_is_not_compared(desk: Desk) -> None:
    desk.config = read_config(
        FILE.replace(
            "access: {", "access: {roles: {some: {people: [U0GUS], may: [run], environments: [dev, staging]}}, "
        )
    )
    for words in ("staging prod", "prod staging"):
        with pytest.raises(Denied):
            await topics.handle(desk.services, typed(f"diff {words}", "U0GUS"))
    assert desk.chat.told == []


def image(number: int, commit: str | None = None, base: str | None = None) -> Image:
    made = datetime.fromtimestamp(NOW - number * DAY, UTC)
    return Image(f"ami-{number:017x}", created_at=made, commit=commit, base=base)


def role(name: str, *images: Image, kind: str = "t3.small", count: int = 1) -> RoleLine:
    instances = tuple(Instance(f"i-{n}", name, kind, "", RUNNING) for n in range(count))
    return RoleLine(name, instances, images)


BOTH = Comparison(
    Card("staging", roles=(role("api", image(2, "a" * 40, "ami-0base1")), role("cron", image(4, "c" * 40))), now=NOW),
    Card("prod", roles=(role("api", image(30, "b" * 40), kind="t3.large", count=2), role("cron", image(5, "c" * 40))), now=NOW),
    (), Variables(), ({"api": ("web", "queue")}, {"api": ("web",)}), {"ami-0base1": image(9)},
)  # fmt: skip


def test_images_with_commit_age_and_base() -> None:
    text = read(views.page(BOTH))
    assert f"staging: `ami-{2:017x}` of `aaaaaaa`, 2 d old, base `ami-0base1` (9 d old)" in text
    assert f"prod: `ami-{30:017x}` of `bbbbbbb`, 30 d old" in text
    assert "same image or commit: `cron`" in text


def test_machines_and_daemons() -> None:
    text = read(views.page(BOTH))
    assert "*api*: staging 1 t3.small, prod 2 t3.large" in text
    assert "same types and counts: `cron`" in text
    assert "*api*: `queue` only in staging" in text
    same = replace(BOTH, daemons=({"api": ("web",)}, {"api": ("web",)}))
    assert ":white_check_mark: the same daemons" in read(views.page(same, "daemons"))


def test_many_commits_are_counted_and_all_of_a_section_is_displayed() -> None:
    commits = tuple(Commit("o/r", f"{n:040x}", "main", f"Change {n}", "ana", "https://x") for n in range(40))
    pulls = {commits[0].sha: (12, "https://github.test/12")}
    line = ServiceLine("", deployed=True, sha="a" * 40)
    change = CodeChange("", line, replace(line, sha="b" * 40), Difference(60, 0, commits, (), "https://x"), pulls)
    text = read(views.page(replace(BOTH, code=(change,))))
    assert "60 commits of staging are not in prod" in text
    assert "Change 0 (ana) #12" in text
    assert "and 48 more" in text
    everything = read(views.page(replace(BOTH, code=(change,)), "code"))
    assert "Change 39" in everything
    assert "and 20 more" in everything


@given(st.lists(hostile, min_size=1, max_size=3), st.integers(0, 30), st.sampled_from(["", *views.SECTIONS]))
def test_slack_takes_every_comparison(pool: list[str], count: int, section: str) -> None:
    first, last = pool[0], pool[-1]
    line = ServiceLine(last, deployed=True, sha=first)
    commit = Commit("o/r", "a" * 40, "main", first, last, "https://x")
    change = CodeChange(first, line, line, Difference(count, count, (commit,) * count, (), "https://x"), {}, last)
    card = Card(first, roles=(role(last, Image(first)),), unread=(last,), daemons=DaemonLine(1.0, first, last))
    variables: Any = Variables((VariableChange(first, last, first, None),) * count, count, (last,))
    both = Comparison(card, replace(card, name=last), (change,) * 3, variables, ({first: (last,)}, {}), {})
    read(views.page(both, section))


def test_environments_without_a_common_part_have_no_pairs() -> None:
    config = read_config(FILE)
    staging, dev = config.environments["staging"], config.environments["dev"]
    assert diff._pairs(config, staging, dev, "terraform") == []
    assert diff._pairs(config, staging, dev, "deploy") == [(staging, dev)]
