"""Operations on the real engine, over SQLite: numbered, announced, ended in any case."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from typing import TYPE_CHECKING

import pytest

from bot.engine.ended_workflows import delete_ended, list_ended
from bot.engine.workflow_names import EndedWorkflow, begin_id, ended_workflow, operation_id
from bot.errors import UserError
from bot.slack.blocks import common
from bot.store.operations import Status
from runners.errors import RunnerError, UncertainError
from tests.unit.bot.operations.lifecycle_world import ATTEMPTS, SECRET, World, succeed

if TYPE_CHECKING:
    from bot.operations.operation import Operation


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_operation_is_numbered_announced_run_and_ended(world: World, caplog: pytest.LogCaptureFixture) -> None:
    observed: list[str] = []

    async def body(operation: Operation) -> None:
        operation.scratch.mkdir(parents=True)
        observed.append(world.said_of(operation.record))
        await succeed(operation)

    with caplog.at_level(logging.INFO):
        record = await world.until(await world.begin(body), Status.SUCCEEDED)
    assert f"operation {record.number}: test in dev, for U0ANA" in caplog.text
    assert f"#{record.number} Test key" in observed[0]
    assert "starting" in observed[0]
    assert record.ended_at is not None
    message = await world.until_said(record, ":white_check_mark:")
    assert re.search(r"ended .+ after \d+ s", message)
    for _ in range(ATTEMPTS):  # it is removed right after its end is shown
        if not (world.services.workplace / "operations" / str(record.number)).exists():
            return
        await asyncio.sleep(0.02)
    pytest.fail("its files are still there")


async def test_a_request_that_comes_twice_is_begun_once(world: World) -> None:
    runs: list[int] = []

    async def body(operation: Operation) -> None:
        runs.append(operation.number)
        await succeed(operation)

    request = await world.begin(body)
    await asyncio.gather(*(world.services.engine.begin(request) for _ in range(5)))
    record = await world.until(request, Status.SUCCEEDED)
    await asyncio.sleep(0.3)
    assert runs == [record.number]


async def test_a_request_that_comes_again_after_the_retention_begins_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []

    async def body(operation: Operation) -> None:
        runs.append(operation.number)
        await succeed(operation)

    request = await world.begin(body)
    record = await world.until(request, Status.SUCCEEDED)
    workflows = ended_workflow(begin_id(request.key)), ended_workflow(operation_id(record.number))

    async def over() -> set[EndedWorkflow]:
        return set(await list_ended(time.time() + 60, limit=1_000))

    async with asyncio.timeout(60):
        while not set(workflows) <= await over():  # noqa: ASYNC110  -- the last steps follow the status
            await asyncio.sleep(0.02)
    await delete_ended(workflows)
    messages = dict(world.chat.says)
    await world.services.engine.begin(request)
    async with asyncio.timeout(60):
        while "begins nothing" not in caplog.text:  # noqa: ASYNC110  -- another process logs it as well
            await asyncio.sleep(0.02)
    assert (runs, world.chat.says) == ([record.number], messages)
    assert await world.services.operations.get(record.number) == record


async def test_what_fails_after_an_answer_was_lost_is_not_said_to_have_left_all_as_it_was(world: World) -> None:
    async def body(operation: Operation) -> None:
        operation.failure_context = common.FailureContext("nothing was deployed", next_command="/deploy dev")
        raise UncertainError("starting it", "no answer came", remedy="Look.")

    record = await world.until(await world.begin(body), Status.FAILED)
    message = await world.until_said(record, "failed. No answer came")
    assert "nothing was deployed" not in message
    assert "/deploy dev" not in message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("dev takes <no> deploys today."), "dev takes <no> deploys today."),
        (
            RunnerError("planning x", f"no such {SECRET}", remedy="Look.", log_tail=f"Error: {SECRET}"),
            "failed. No such [redacted]",
        ),
        (RunnerError("planning x", f"no such {SECRET}"), "while planning x"),
    ],
)
async def test_what_fails_is_said_and_frees_the_environment(world: World, error: Exception, words: str) -> None:
    async def body(operation: Operation) -> None:
        async def fail() -> None:
            raise error

        await operation.step("fail", fail)

    record = await world.until(await world.begin(body), Status.FAILED)
    assert SECRET not in await world.until_said(record, words)
    await world.until(await world.begin(succeed), Status.SUCCEEDED)


async def test_a_fault_of_our_own_is_an_apology_with_the_id_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_: Operation) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        record = await world.until(await world.begin(body), Status.FAILED)
    message = await world.until_said(record, "a fault in Signalbox itself")
    error_id = message.split("under `")[1][:8]
    assert f"error {error_id}" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_an_effect_that_was_begun_before_is_looked_for_not_repeated(world: World) -> None:
    did: list[str] = []

    async def body(operation: Operation) -> None:
        async def do() -> str:
            did.append("done")
            return "done"

        async def recover() -> str:
            did.append("found")
            return "found"

        await operation.once("dispatch", do, recover)
        await world.services.operations.begin_side_effect(
            operation.number, "apply"
        )  # as an interrupted attempt leaves it
        await operation.once("apply", do, recover)
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
    assert did == ["done", "found"]


async def test_a_channel_that_takes_no_message_starts_nothing_and_keeps_the_line_free(world: World) -> None:
    world.chat.refuses.add("C0CLOSED")
    record = await world.until(await world.begin(succeed, channel="C0CLOSED"), Status.FAILED)
    assert "not_in_channel" in record.activity
    await world.until(await world.begin(succeed), Status.SUCCEEDED)


async def test_an_environment_that_left_the_configuration_ends_what_waited_for_it(world: World) -> None:
    record = await world.until(await world.begin(succeed, "gone"), Status.FAILED)
    await world.until_said(record, "gone is no longer in the configuration")


async def test_a_file_that_slack_does_not_take_is_reported_in_the_thread(world: World) -> None:
    async def content() -> str:
        return "the whole log"

    async def body(operation: Operation) -> None:
        await operation.attach("attach log", filename="log.txt", title="The log", read=content)
        await succeed(operation)

    await world.until(await world.begin(body), Status.SUCCEEDED)
    assert any(
        "The log could not be attached: Slack answered `storage_limit_reached`" in text
        for text in world.chat.says.values()
    )
