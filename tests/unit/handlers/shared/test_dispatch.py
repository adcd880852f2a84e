"""A workflow whose start got no answer: nobody may say that it did not start."""

from __future__ import annotations

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

WANTED = Dispatch(
    "o/r", "d.yml", Commit("o/r", "a" * 40, "main", "Fix", "Lee", "https://github.com/o/r/c/1"), "/deploy"
)


def operation() -> Operation:
    async def step(_: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await work()

    async def once(_: str, *, do: Callable[[], Coroutine[Any, Any, Any]], recover: object) -> Any:
        assert recover
        return await do()

    async def claimed_runs() -> frozenset[int]:
        return frozenset()

    run_claims = SimpleNamespace(claimed_runs=claimed_runs)
    return cast(
        "Operation",
        SimpleNamespace(number=1, step=step, once=once, services=SimpleNamespace(github=None, run_claims=run_claims)),
    )


@pytest.mark.parametrize(
    ("looking", "said"),
    [
        (None, "no run of it has appeared"),
        (UnavailableError("finding the run", "GitHub is away"), "its runs cannot be looked at (GitHub is away)"),
    ],
)
async def test_a_start_without_an_answer_is_uncertain(
    monkeypatch: pytest.MonkeyPatch, looking: UnavailableError | None, said: str
) -> None:
    async def newest(*_: object) -> int:
        return 4

    async def dispatch(*_: object) -> int:
        raise UncertainError("starting d.yml", "no answer")

    async def find(*_: object, **__: object) -> int | None:
        if looking:
            raise looking
        return None

    monkeypatch.setattr(github_actions, "newest_run_id", newest)
    monkeypatch.setattr(github_actions, "dispatch", dispatch)
    monkeypatch.setattr(github_actions, "find_dispatched", find)
    with pytest.raises(UncertainError) as caught:
        await dispatch_once(operation(), WANTED)
    assert said in caught.value.problem
    assert "Look at the repository's Actions page before you run /deploy again" in caught.value.remedy
