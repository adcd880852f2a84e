"""A workflow whose start got no answer: nobody may say that it did not start."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from handlers.shared.dispatch import Dispatch, dispatch_once
from runners.errors import UnavailableError, UncertainError
from runners.github.runs import dispatch as github_actions
from runners.results import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from tests.unit.handlers.conftest import Desk

WANTED = Dispatch(
    "o/r", "d.yml", Commit("o/r", "a" * 40, "main", "Fix", "Lee", "https://github.com/o/r/c/1"), "/deploy"
)


def operation(desk: Desk, number: int = 1) -> Operation:
    async def step(_: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await work()

    async def once(_: str, *, do: Callable[[], Coroutine[Any, Any, Any]], recover: object) -> Any:
        assert recover
        return await do()

    async def annotate(*_: str, **__: str) -> None:
        """The audit log is tested elsewhere."""

    made = SimpleNamespace(number=number, step=step, once=once, annotate=annotate, services=desk.services)
    return cast("Operation", made)


@pytest.fixture(autouse=True)
def newest_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def newest(*_: object) -> int:
        return 4

    monkeypatch.setattr(github_actions, "newest_run_id", newest)


@pytest.mark.parametrize(
    ("looking", "problem"),
    [
        (None, "no run of it has appeared"),
        (UnavailableError("finding the run", "GitHub is away"), "its runs cannot be looked at (GitHub is away)"),
    ],
)
async def test_a_start_without_an_answer_is_uncertain(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, looking: UnavailableError | None, problem: str
) -> None:
    async def dispatch(*_: object) -> int:
        raise UncertainError("starting d.yml", "no answer")

    async def find(*_: object, **__: object) -> int | None:
        if looking:
            raise looking
        return None

    monkeypatch.setattr(github_actions, "dispatch", dispatch)
    monkeypatch.setattr(github_actions, "find_dispatched", find)
    with pytest.raises(UncertainError) as caught:
        await dispatch_once(operation(desk), WANTED)
    assert problem in caught.value.problem
    assert "Look at the repository's Actions page before you run /deploy again" in caught.value.remedy


async def test_operations_that_start_the_same_workflow_at_once_have_a_run_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dispatch(*_: object) -> int:
        raise UncertainError("starting d.yml", "no answer")

    lookups: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]

    async def find(*_: object, exclude: frozenset[int], **__: object) -> int:
        if not exclude:  # both find run 5 before either has claimed it
            next(event for event in lookups if not event.is_set()).set()
            await asyncio.gather(*(event.wait() for event in lookups))
        return min({5, 6} - exclude)

    monkeypatch.setattr(github_actions, "dispatch", dispatch)
    monkeypatch.setattr(github_actions, "find_dispatched", find)
    runs = await asyncio.gather(*(dispatch_once(operation(desk, number), WANTED) for number in (1, 2)))
    assert set(runs) == {5, 6}
    assert [await desk.run_claims.run_of(number) for number in (1, 2)] == list(runs)


async def test_a_run_that_github_names_but_another_operation_has_is_not_taken(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dispatch(*_: object) -> int:
        return 5

    async def find(*_: object, exclude: frozenset[int], **__: object) -> int | None:
        assert exclude == {5}
        return None

    monkeypatch.setattr(github_actions, "dispatch", dispatch)
    monkeypatch.setattr(github_actions, "find_dispatched", find)
    await desk.run_claims.claim(9, 5)
    with pytest.raises(UncertainError, match="no run of it has appeared"):
        await dispatch_once(operation(desk), WANTED)
    assert await desk.run_claims.run_of(1) is None
