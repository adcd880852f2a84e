"""A deploy by Ansible that stops early or only checks: preparations, Cancel, a check, a lacking setting."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bot.errors import UserError
from bot.store.operations import Status
from handlers.shared.ansible import rollout
from runners.errors import UnavailableError
from runners.results import State
from tests.unit.bot.drawn import read as as_read
from tests.unit.handlers.deploy.ansible.rollouts import (
    MACHINES,
    Fake,
    Outcome,
    deployed,
    ended,
    refuses,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from handlers.shared.ansible.playbooks import Play


async def test_what_cannot_be_prepared_ends_it_before_any_playbook(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    away = UnavailableError("installing what requirements.yml names", "a server does not answer")
    with pytest.raises(UnavailableError):
        await deployed(monkeypatch, operation, prepared=away)
    assert operation.message is None
    assert operation.failure_context.not_done, "what ends it may still say that nothing was deployed"


async def test_cancel_while_it_is_prepared_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake()
    operation.cancelled = "U0LEE"
    assert await deployed(monkeypatch, operation) == []
    assert operation.status is Status.CANCELLED
    assert "cancelled it. Not deployed: backend, cron, sftp. To continue, run `/deploy staging`" in operation.rendered


async def test_cancelled_in_the_middle_the_types_that_are_not_done_are_to_be_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = Fake()

    def stops(play: Play) -> Outcome:
        operation.cancelled = "U0LEE"
        return ended(play, State.SUCCEEDED, State.CANCELLED)

    assert await deployed(monkeypatch, operation, cron=stops) == ["backend", "cron"]
    assert "To continue, run `/deploy staging cron,sftp`" in operation.rendered


async def test_a_check_that_was_cancelled_says_how_to_check_again(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(check="check", machines="cron,sftp")
    operation.cancelled = "U0LEE"
    await deployed(monkeypatch, operation)
    assert "To continue, run `/deploy staging cron,sftp check`" in operation.rendered


async def test_a_check_goes_on_behind_a_playbook_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    operation = Fake(check="check")
    assert await deployed(monkeypatch, operation, backend=refuses) == list(MACHINES)
    assert operation.status is Status.FAILED
    assert "backend-1, backend-2 could not be checked to the end (d-backend.yml could not be run" in operation.rendered


async def test_slow_preparations_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    operation, displayed = Fake(), []

    @asynccontextmanager
    async def live() -> AsyncIterator[Any]:
        yield SimpleNamespace(show=lambda render: displayed.append(as_read(render())))

    async def slowly(work: Coroutine[Any, Any, Any], stop: object = None) -> Any:
        if stop is None:
            await asyncio.sleep(0.05)
        return await work

    monkeypatch.setattr(operation, "live", live)
    monkeypatch.setattr(operation, "unless_cancelled", slowly)
    monkeypatch.setattr(rollout, "DISPLAYED_AFTER", 0.0)
    await deployed(monkeypatch, operation)
    assert "getting the code, and the collections and roles that it requires" in displayed[0]


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_the_configuration_lacks_is_told_to_whoever_asked(
    monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    def lacks(_: Play) -> Outcome:
        raise UserError("The bot was started without A_WORD.")

    with pytest.raises(UserError, match=r"without A_WORD\."):
        await deployed(monkeypatch, Fake(at_once=at_once), backend=lacks)
