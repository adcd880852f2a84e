"""/rollback: which of the recorded deploys it goes back to, and what approvers read of what stays."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from bot.config import read
from bot.errors import UserError
from bot.store.operations import Request
from handlers.deploy import rollback
from handlers.deploy.rollback import BACK
from runners.git_refs import path_matches
from runners.results import Commit
from tests.unit.handlers.conftest import FILE, Desk, refusal_of, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPLOY = "    deploy: {github_actions: {workflow: d.yml, ref: trunk}}\n"
SERVICES = """    deploy:
      services:
        api: {github_actions: {workflow: api.yml}}
        web: {github_actions: {workflow: web.yml}}
"""
KEYS = count()
A, B, C = ("a" * 40, "b" * 40, "1234567" + "c" * 33)


def commit(sha: str) -> Commit:
    return Commit("o/r", sha, "main", "Change", "lee", f"https://github.com/o/r/commit/{sha}")


async def deployed(desk: Desk, *shas: str, environment: str = "dev", back: int = 0) -> list[int]:
    """Deploys of these commits, one after the other, as the record has them; the last one is a rollback to `back`."""
    numbers = []
    for sha in shas:
        arguments = {"ref": sha, **({BACK: str(back)} if back and sha == shas[-1] else {})}
        request = Request(f"key {next(KEYS)}", "deploy", environment, "U0ANA", "Deploy", "C0DEV", arguments)
        numbers.append(await desk.operations.create(request))
        await desk.services.deployments.add(await desk.operations.get(numbers[-1]), commit(sha))
    return numbers


async def begun(desk: Desk, text: str) -> list[tuple[str, dict[str, str]]]:
    await rollback.handle(desk.services, typed(text))
    return [(item.title, dict(item.arguments)) for item in desk.engine.begun[-1:]]


async def test_it_goes_back_to_what_ran_before(desk: Desk) -> None:
    first, *_ = await deployed(desk, A, B, B)
    assert await begun(desk, "dev") == [("Roll back dev to aaaaaaa", {"ref": A, BACK: str(first)})]


async def test_after_a_rollback_the_next_one_goes_further_back(desk: Desk) -> None:
    oldest, middle, _ = await deployed(desk, A, B, C)
    await deployed(desk, B, back=middle)
    assert await begun(desk, "dev") == [("Roll back dev to aaaaaaa", {"ref": A, BACK: str(oldest)})]


@pytest.mark.parametrize("words", ["dev to 1", "dev 1", "dev to #1", "dev #1", "dev aaaaaaa", f"dev to {A}"])
async def test_a_deploy_or_a_commit_is_named(desk: Desk, words: str) -> None:
    assert await deployed(desk, A, B, C) == [1, 2, 3]
    assert await begun(desk, words) == [("Roll back dev to aaaaaaa", {"ref": A, BACK: "1"})]


async def test_a_commit_of_digits_is_named_unless_a_deploy_has_that_number(desk: Desk) -> None:
    await deployed(desk, C, B)
    assert await begun(desk, "dev 1234567") == [("Roll back dev to 1234567", {"ref": C, BACK: "1"})]


async def test_a_service_goes_back_by_itself(desk: Desk) -> None:
    desk.config = read(FILE.replace(DEPLOY, SERVICES))
    await deployed(desk, A, B, environment="dev/api")
    assert "dev has several services: dev/api, dev/web" in await refusal_of(
        desk, rollback.handle(desk.services, typed("dev"))
    )
    assert (await begun(desk, "dev api"))[0][0] == "Roll back dev/api to aaaaaaa"
    assert "has not deployed to dev/web yet" in await refusal_of(desk, rollback.handle(desk.services, typed("dev web")))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ["Name the environment", "/rollback <environment>"]),
        ("dve", ["did you mean “dev”?"]),
        ("dev to", ["Name one deploy (#12) or one commit"]),
        ("dev 1 2", ["Name one deploy (#12) or one commit"]),
        ("dev to 77", ["“77” is no deploy to dev that Signalbox recorded", "#2 (bbbbbbb), #1 (aaaaaaa)"]),
        ("dev abc", ["“abc” is no deploy to dev"]),
        ("dev to main", ["“main” is no deploy to dev"]),
    ],
)
async def test_what_it_does_not_take_begins_nothing(desk: Desk, text: str, pieces: Sequence[str]) -> None:
    await deployed(desk, A, B)
    refusal = await refusal_of(desk, rollback.handle(desk.services, typed(text)))
    assert [piece for piece in pieces if piece not in refusal] == []
    assert desk.engine.begun == []


@pytest.mark.parametrize(
    ("shas", "words"), [((), "has not deployed to dev yet"), ((A, A), "nothing to dev before aaaaaaa")]
)
async def test_without_an_earlier_commit_there_is_nothing_to_go_back_to(
    desk: Desk, shas: Sequence[str], words: str
) -> None:
    await deployed(desk, *shas)
    assert words in await refusal_of(desk, rollback.handle(desk.services, typed("dev")))
    assert desk.engine.begun == []


class Compared:
    """GitHub's comparison of two commits."""

    def __init__(self, *paths: str) -> None:
        self.paths = paths
        self.asked: list[str] = []

    async def get(self, _: str, path: str, **__: object) -> Any:
        self.asked.append(path)
        files = [{"filename": each} for each in self.paths]
        data = {"files": files, "ahead_by": 1, "behind_by": 0, "html_url": "https://github.com/o/r/compare"}
        return type("Answer", (), {"data": data, "etag": None, "unchanged": False})()


async def noticed(desk: Desk, compared: Compared, patterns: str, back: int, sha: str) -> tuple[str, ...]:
    desk.config = read(FILE.replace(DEPLOY, DEPLOY.replace("ref: trunk", f"ref: trunk, irreversible: [{patterns}]")))
    record = replace(await desk.operations.get(back), arguments={"ref": sha, BACK: str(back)})
    environment = desk.config.environments["dev"]
    desk.github = compared
    services = desk.services
    operation: Any = type(
        "Operation", (), {"services": services, "environment": environment, "record": record, "number": 9}
    )
    return await rollback.notices(operation, commit(sha))


async def test_approvers_read_what_does_not_go_back_with_the_code(desk: Desk) -> None:
    first, _ = await deployed(desk, A, B)
    compared = Compared("db/migrations/7.sql", "app/x.py", "db/seed.sql")
    ran, stays = await noticed(desk, compared, '"db/migrations/**"', first, A)
    assert "deployed here by #1" in ran
    assert "`db/migrations/7.sql`" in stays
    assert "app/x.py" not in stays
    assert "db/seed.sql" not in stays
    assert [f"/repos/o/r/compare/{A}...{B}" in path for path in compared.asked] == [True]
    assert len(await noticed(desk, Compared("app/x.py"), '"db/migrations/**"', first, A)) == 1


async def test_where_github_lists_only_some_files_that_is_said(desk: Desk) -> None:
    first, _ = await deployed(desk, A, B)
    _, stays = await noticed(desk, Compared(*(f"app/{n}.py" for n in range(300))), '"db/**"', first, A)
    assert "only the first 300 changed files" in stays


async def test_the_record_has_to_have_the_deploy_that_it_goes_back_to(desk: Desk) -> None:
    first, _ = await deployed(desk, A, B)
    with pytest.raises(UserError, match=r"#1 is no deploy of bbbbbbb to dev. Nothing was deployed"):
        await noticed(desk, Compared(), "", first, B)


SEGMENT = st.text("ab.-", min_size=1, max_size=4)


@given(st.lists(SEGMENT, min_size=1, max_size=4))
def test_patterns_match_whole_paths(segments: list[str]) -> None:
    path = "/".join(segments)
    assert path_matches(path, path)
    assert path_matches(path, "**")
    assert path_matches(path, "*") is (len(segments) == 1)
    assert path_matches(path, f"{segments[0]}/**") is (len(segments) > 1)
    assert not path_matches(f"{path}/more", path)
