"""Runs that nobody asked for here, and the button that runs what failed again: begun once, by people who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read
from bot.errors import Denied, UserError
from bot.operations.queue import head_of
from bot.operations.registry import Click, WorkflowOf
from bot.store.operations import Request, Status
from handlers.build import begin, existing_runs
from runners.results import State, WorkflowRun
from tests.unit.handlers.conftest import FILE, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from tests.unit.handlers.conftest import Desk

RUN = WorkflowRun(
    "o/r", 4711, 12, 1, "Build", "a" * 40, State.RUNNING, "https://github.com/o/r/actions/runs/4711",
    datetime(2026, 3, 2, 10, 0, tzinfo=UTC), actor="max-weber",
)  # fmt: skip


def test_runs_are_followed_unless_the_configuration_says_otherwise(desk: Desk) -> None:
    assert existing_runs.workflows(desk.config) == (WorkflowOf("o/r", "build.yml"),)
    assert existing_runs.workflows(read(FILE.replace("build.yml}", "build.yml, follow_runs_by_hand: false}"))) == ()
    assert existing_runs.workflows(read(FILE.replace("images: {workflow: build.yml}", ""))) == ()


async def test_a_run_that_is_found_is_followed_once_and_holds_up_nobody(desk: Desk) -> None:
    await existing_runs.follow_started(desk.services, RUN)
    (begun,) = desk.engine.begun
    assert (begun.key, begun.kind, begun.environment) == ("run-4711", "follow-build", "image builds/run 4711")
    assert (begun.requester, begun.channel, begun.title) == ("signalbox", "C0OPS", "Build images, run 12")
    assert begun.arguments == {"run": "4711", "sha": "a" * 40, "by": "started in GitHub by max-weber"}
    await desk.operations.create(begun)
    await existing_runs.follow_started(desk.services, replace(RUN, state=State.SUCCEEDED))
    assert len(desk.engine.begun) == 1


async def test_a_run_that_another_operation_has_claimed_is_not_followed(desk: Desk) -> None:
    await existing_runs.follow_started(desk.services, RUN)
    (begun,) = desk.engine.begun
    number = await desk.operations.create(begun)
    ended: list[tuple[Status, str]] = []

    async def step(_: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await work()

    async def end(status: Status, message: Message, **_: object) -> None:
        ended.append((status, message.text))

    record = await desk.operations.get(number)
    made = SimpleNamespace(number=number, record=record, services=desk.services, step=step, end=end)
    made.head = head_of(record)
    await desk.run_claims.claim(number + 1, RUN.run_id)
    await existing_runs.follow_existing(cast("Operation", made))
    assert [status for status, _ in ended] == [Status.SUPERSEDED]
    assert "another operation follows this run" in ended[0][1]
    assert await desk.run_claims.run_of(number) is None


async def test_the_failed_jobs_of_a_followed_run_can_run_again(desk: Desk) -> None:
    arguments = {"run": "4711", "sha": "a" * 40, "by": "started in GitHub"}
    request = Request("f", "follow-build", "image builds/run 4711", "signalbox", "Build images", "C0OPS", arguments)
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "1.0")
    await desk.operations.set_status(number, Status.FAILED)
    await existing_runs.rerun_failed(desk.services, press(f"{number}:1"))
    assert [begun.arguments["run"] for begun in desk.engine.begun] == ["4711"]


async def test_a_build_that_is_asked_for_is_in_the_shared_line(desk: Desk) -> None:
    await begin.handle(desk.services, typed("backend staging"))
    (begun,) = desk.engine.begun
    assert (begun.kind, begun.environment, begun.channel) == ("build", "image builds", "C0OPS")
    assert begun.title == "Build backend images for staging at main"
    assert begun.arguments == {"machines": "backend", "environments": "staging", "ref": "main"}


async def test_without_images_in_the_configuration_there_is_no_build(desk: Desk) -> None:
    desk.config = read(FILE.replace("images: {workflow: build.yml}", ""))
    with pytest.raises(UserError, match="not configured here"):
        await begin.handle(desk.services, typed(""))


async def ended_build(desk: Desk, *, run: int | None = 4711, status: Status = Status.FAILED) -> int:
    request = Request("k", "build", "image builds", "U0ANA", "Build all images", "C0OPS", {})
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0OPS", "1.0")
    await desk.operations.set_status(number, status)
    if run:
        await desk.run_claims.claim(number, run)
    return number


def press(value: str, user: str = "U0LEE", ts: str = "1.0") -> Click:
    return Click(user, "C0OPS", ts, "rerun-failed", value, "1.2", "")


async def test_what_failed_is_run_again_once_for_each_attempt(desk: Desk) -> None:
    number = await ended_build(desk)
    await existing_runs.rerun_failed(desk.services, press(f"{number}:1"))
    (begun,) = desk.engine.begun
    assert (begun.key, begun.kind, begun.requester) == ("rerun-4711-1", "rerun-build", "U0LEE")
    assert begun.title == f"Rerun the failed jobs of #{number}"
    assert begun.arguments == {"run": "4711", "attempt": "1", "of": str(number)}
    await desk.operations.create(begun)
    with pytest.raises(UserError, match="were run again already"):
        await existing_runs.rerun_failed(desk.services, press(f"{number}:1", "U0MAX"))
    await existing_runs.rerun_failed(desk.services, press(f"{number}:2", "U0MAX"))
    assert [item.key for item in desk.engine.begun] == ["rerun-4711-1", "rerun-4711-2"]


@pytest.mark.parametrize("value", ["1:x", "1:", "1", "1:-1", "99:1", "x:1", ":1"])
async def test_a_forged_button_begins_nothing(desk: Desk, value: str) -> None:
    await ended_build(desk)
    with pytest.raises(UserError):
        await existing_runs.rerun_failed(desk.services, press(value))
    assert not desk.engine.begun


async def test_a_button_of_another_message_or_of_a_build_under_way_begins_nothing(desk: Desk) -> None:
    number = await ended_build(desk, status=Status.RUNNING)
    with pytest.raises(UserError, match="nothing to run again"):
        await existing_runs.rerun_failed(desk.services, press(f"{number}:1"))
    with pytest.raises(UserError, match="does not belong to this message"):
        await existing_runs.rerun_failed(desk.services, press(f"{number}:1", ts="2.0"))
    assert not desk.engine.begun


async def test_a_build_that_never_had_a_run_has_nothing_to_run_again(desk: Desk) -> None:
    number = await ended_build(desk, run=None)
    with pytest.raises(UserError, match="nothing to run again"):
        await existing_runs.rerun_failed(desk.services, press(f"{number}:1"))


async def test_a_guest_runs_nothing_again(desk: Desk) -> None:
    number = await ended_build(desk)
    with pytest.raises(Denied):
        await existing_runs.rerun_failed(desk.services, press(f"{number}:1", "U0GUS"))
    assert not desk.engine.begun
    assert await desk.audit_log() == [("U0GUS", "click refused")]


async def test_a_run_of_a_further_image_workflow_is_followed_in_its_own_channel(desk: Desk) -> None:
    further = "images: {workflow: build.yml, workflows: {base: {workflow: base.yml, channel: '#staging'}}}"
    desk.config = read(FILE.replace("images: {workflow: build.yml}", further))
    await existing_runs.follow_started(desk.services, replace(RUN, file="base.yml"))
    (begun,) = desk.engine.begun
    wanted = ("image builds of base/run 4711", "Build base, run 12", "C0STAGING")
    assert (begun.environment, begun.title, begun.channel) == wanted
