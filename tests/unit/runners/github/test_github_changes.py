"""Each change on GitHub is sent once: in the code, and when GitHub's answer is lost."""

from __future__ import annotations

import ast
import asyncio
import functools
from pathlib import Path
from typing import TYPE_CHECKING

import github as pygithub
import pytest

from runners.errors import UncertainError
from runners.github import GitHub, deployments, pulls, secrets
from runners.github.runs import dispatch as actions, poller, reruns
from runners.results import PullRequest, PullState
from sandbox.github import DropConnectionError, Exchange, GitHubError, GitHubStandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Change = Callable[[GitHub, GitHubStandIn], Coroutine[object, object, object]]

ROOT = Path(__file__).parents[4]
REPOSITORY = "PermanentOrg/infrastructure"
VERBS = {"POST", "PUT", "PATCH", "DELETE"}
# Makes a token and changes nothing in any repository.
MAY_POST = {"runners/github/api/identity.py"}


@functools.cache
def changing_methods() -> frozenset[str]:
    """The names of PyGithub's methods that send anything but a GET, read from its source."""
    names = set()
    for file in Path(pygithub.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and verbs_in(node):
                names.add(node.name)
    return frozenset(names)


def verbs_in(node: ast.AST) -> set[str]:
    """The HTTP verbs that appear as a text of their own."""
    return {item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and item.value in VERBS}


def changes_in(node: ast.AST) -> set[str]:
    """What within this code changes something, by name."""
    called = {
        item.func.attr for item in ast.walk(node) if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)
    }
    return (called & changing_methods()) | verbs_in(node)


def files() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("runners/github", "runners/http", "bot", "handlers"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text())


def functions(module: ast.Module) -> Iterator[ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.AsyncFunctionDef))


def calls_of_github(function: ast.AsyncFunctionDef) -> Iterator[tuple[ast.AST, bool]]:
    """Each piece of code that is handed to `call`, and whether it is said to change something."""
    local = {node.name: node for node in function.body if isinstance(node, ast.FunctionDef)}
    for call in ast.walk(function):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "call"):
            continue
        for argument in call.args:
            given = local.get(argument.id) if isinstance(argument, ast.Name) else argument
            if isinstance(given, ast.FunctionDef | ast.Lambda):
                text = [keyword.value for keyword in call.keywords if keyword.arg == "changes"]
                yield given, bool(text) and isinstance(text[0], ast.Constant) and text[0].value is True


def test_what_pygithub_changes_is_known() -> None:
    assert {"create_dispatch", "create_deployment", "create_pull", "merge", "cancel", "delete"} <= changing_methods()
    assert not {"get_repo", "get_commit", "get_workflow", "compare"} & changing_methods()


def test_a_change_is_said_to_be_one_wherever_it_is_made() -> None:
    for file, module in files():
        for function in functions(module):
            for code, text in calls_of_github(function):
                assert text or not changes_in(code), f"{file}: {function.name} changes something without changes=True"


def test_nothing_is_changed_but_through_call() -> None:
    for file, module in files():
        if not file.startswith(("runners/github/", "runners/http/")) or file in MAY_POST:
            continue
        handed_over = {code for function in functions(module) for code, _ in calls_of_github(function)}
        inside = {node for code in handed_over for node in ast.walk(code)}
        orphaned = [node for node in ast.walk(module) if isinstance(node, ast.Constant) and node.value in VERBS]
        assert {node.lineno for node in orphaned if node not in inside} == set(), f"{file} changes something by itself"


def test_pygithub_is_made_in_one_place_which_repeats_nothing() -> None:
    made = [
        (file, node)
        for file, module in files()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Github"
    ]
    ((file, call),) = made
    assert file == "runners/github/api/pygithub.py"
    (retry,) = (keyword.value for keyword in call.keywords if keyword.arg == "retry")
    assert isinstance(retry, ast.Constant)
    assert retry.value is None


async def rerun_failed(github: GitHub, stand_in: GitHubStandIn) -> object:
    repository = stand_in.repository(REPOSITORY)
    repository.fail_next("deploy-staging.yml", job="cron")
    run_id = repository.dispatch("deploy-staging.yml", "staging").run_id
    async with asyncio.timeout(60):
        last = [run async for run in poller.watch_run(github, REPOSITORY, run_id, interval=0.05)][-1]
    assert last.failed_jobs
    return await reruns.rerun_failed(github, REPOSITORY, run_id, attempt=1, timeout=0.1)


async def cancel(github: GitHub, stand_in: GitHubStandIn) -> object:
    repository = stand_in.repository(REPOSITORY)
    repository.hang_next("deploy-staging.yml", job="cron")
    return await reruns.cancel(github, REPOSITORY, repository.dispatch("deploy-staging.yml", "staging").run_id)


async def dispatch(github: GitHub, _: GitHubStandIn) -> object:
    return await actions.dispatch(github, REPOSITORY, "deploy-staging.yml", "staging")


async def record(github: GitHub, stand_in: GitHubStandIn) -> object:
    sha = stand_in.repository(REPOSITORY).graph.resolve("main").sha
    wanted = deployments.DeploymentRequest(REPOSITORY, sha, "dev", "#1", production=False, marker={"operation": 1})
    return await deployments.create(github, wanted)


async def say(github: GitHub, _: GitHubStandIn) -> object:
    await deployments.set_state(github, REPOSITORY, 7, "success")
    return None


async def open_pull(github: GitHub, _: GitHubStandIn) -> object:
    return await pulls.open_or_find(github, REPOSITORY, "dev", "staging", title="Promote", body="All of it")


async def merge(github: GitHub, _: GitHubStandIn) -> object:
    pull = PullRequest(REPOSITORY, 3, "https://github.example/3", PullState.OPEN, "a" * 40, None, "", "")
    return await pulls.merge(github, pull, title="Promote")


async def set_secret(github: GitHub, _: GitHubStandIn) -> object:
    await secrets.set_value(github, REPOSITORY, "NAME", "a value")
    return None


# Every function that changes something, by file and name: a new one belongs here.
CHANGES: dict[str, Change] = {
    "dispatch.dispatch": dispatch,
    "deployments.create": record,
    "deployments.set_state": say,
    "pulls.merge": merge,
    "pulls.open_or_find": open_pull,
    "reruns.cancel": cancel,
    "reruns.rerun_failed": rerun_failed,
    "secrets.set_value": set_secret,
}


def test_every_change_is_tried_below() -> None:
    result = {
        f"{Path(file).stem}.{function.name}"
        for file, module in files()
        for function in functions(module)
        for _, text in calls_of_github(function)
        if text and file.startswith("runners/github/")
    }
    assert result == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    "error",
    [GitHubError(502, "Bad Gateway"), GitHubError(503, "Busy"), DropConnectionError()],
    ids=["502", "503", "dropped"],
)
async def test_a_change_whose_answer_is_lost_is_asked_for_once(
    github: GitHub, stand_in: GitHubStandIn, name: str, phase: str, error: Exception
) -> None:
    sent = 0

    async def lose(exchange: Exchange) -> None:
        nonlocal sent
        if exchange.method in VERBS and exchange.phase == phase:
            sent += 1
            raise error

    stand_in.on_request.append(lose)
    (outcome,) = await asyncio.gather(CHANGES[name](github, stand_in), return_exceptions=True)
    # Some look by themselves what became of it; an error says that it is open.
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, UncertainError)
        assert "may have happened" in outcome.problem
        assert outcome.remedy
    posts = [request for request in stand_in.requests if request.method in VERBS]
    assert (sent, len(posts)) == (1, 1)
