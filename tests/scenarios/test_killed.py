"""The bot is killed at the worst moments: nothing runs twice, nothing is lost, and the one message is true."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from bot.operations.approval import CHECK_INTERVAL
from sandbox.fleet import MACHINES
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios import moments, staged
from tests.scenarios.acting import rejects
from tests.scenarios.moments import NOT_TAKEN, dies_at_github, dies_at_slack, killed_at_row, says, stops_at_row
from tests.scenarios.staged import approved, asked, one_message_each, shows

if TYPE_CHECKING:
    from sandbox.github.runs import Run
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld
    from tests.scenarios.moments import Phase

EVERY_STEP = [("/plan staging", "#staging", "applied, 3 replaced"), ("/deploy dev", "#dev", "deployed")]
WRITTEN = "(SELECT count(*) FROM operation_outputs WHERE workflow_uuid = 'operation-1')"
STEP = "operation_outputs"  # where the durable engine keeps what its steps gave
FAST = 200.0  # simulated seconds on GitHub in a real one


def runs_of_the_bot(world: World) -> list[Run]:
    return [run for run in world.github.repository(INFRASTRUCTURE).runs.values() if run.actor == BOT_LOGIN]


async def nothing_is_left_to_do(world: World, number: int) -> None:
    """The environment's turn is free, and the operation before did all of its plan."""
    await asked(world, "/plan staging", "#staging", f"#{number} ", "up to date")
    one_message_each(world, "#staging", number)


async def test_a_dispatch_whose_answer_nobody_heard_is_not_repeated(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    death = dies_at_github(world, "POST", "/dispatches", "after")
    await world.person("ana").type("#dev", "/deploy dev")
    await death.wait()
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "deployed")
    assert len(runs_of_the_bot(world)) == 1
    await asked(world, "/deploy dev", "#dev", "#2 ", "deployed")
    assert len(runs_of_the_bot(world)) == 2
    one_message_each(world, "#dev", 2)


async def test_a_dispatch_whose_run_is_known_is_not_repeated(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    stops_at_row(world, STEP, "NEW.function_name = 'dispatch'")
    await world.person("ana").type("#dev", "/deploy dev")
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "deployed")
    assert len(runs_of_the_bot(world)) == 1


async def test_a_dispatch_that_may_have_been_sent_is_never_sent_again(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    death = dies_at_github(world, "POST", "/dispatches", "before")
    await world.person("ana").type("#dev", "/deploy dev")
    await death.wait()
    assert not runs_of_the_bot(world)
    # What somebody else starts meanwhile is not taken for ours.
    world.github.repository(INFRASTRUCTURE).dispatch("deploy-dev.yml", "main", actor="lee-park")
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "no run of it has appeared", "Actions page")
    await shows(world, "#dev", "#2 ", "deployed", "started in GitHub by lee-park")
    assert not runs_of_the_bot(world)
    one_message_each(world, "#dev", 2)


async def test_a_dispatch_that_was_certainly_not_sent_is_sent_after_the_restart(start_world: StartWorld) -> None:
    world = await start_world(speed=FAST)
    stops_at_row(world, "signalbox_dispatches", "1")
    await world.person("ana").type("#dev", "/deploy dev")
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "deployed")
    assert len(runs_of_the_bot(world)) == 1
    one_message_each(world, "#dev", 1)


async def test_a_run_is_followed_on_after_a_kill_and_after_a_polite_stop(start_world: StartWorld) -> None:
    world = await start_world()
    await asked(world, "/deploy dev", "#dev", "#1 ", "jobs done")
    await world.bot.kill()
    await world.bot.start()
    assert await stopped_politely(world) == 0
    await world.bot.start()
    await shows(world, "#dev", "#1 ", "deployed")
    assert len(runs_of_the_bot(world)) == 1
    one_message_each(world, "#dev", 1)


async def test_an_approval_counts_although_nobody_was_woken_by_it(world: World) -> None:
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    stops_at_row(world, "notifications", "NEW.topic = 'wake up'")
    await world.person("lee").click(message, "approve")
    await killed_at_row(world)
    assert moments.rows(world, "SELECT outcome FROM signalbox_approvals") == [("approved",)]
    assert not moments.rows(world, "SELECT 1 FROM notifications")
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee", timeout=CHECK_INTERVAL / 2)
    await nothing_is_left_to_do(world, 2)


async def test_a_decision_is_in_the_trail_or_was_not_made(world: World) -> None:
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    stops_at_row(world, "signalbox_audit", "NEW.action = 'approved'")
    await world.person("lee").click(message, "approve")
    await killed_at_row(world)
    await world.bot.start()
    if moments.rows(world, "SELECT outcome FROM signalbox_approvals") == [("pending",)]:
        await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced", "approved by @lee")
    text = moments.rows(world, "SELECT actor, operation FROM signalbox_audit WHERE action = 'approved'")
    assert text == [("U0LEE", 1)]


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("piece", ["applying", "applied, 3 replaced"], ids=["before the apply", "after it"])
async def test_the_message_tells_the_truth_when_it_was_cut_off(
    start_world: StartWorld, piece: str, phase: Phase
) -> None:
    world = await start_world(tolerates=(NOT_TAKEN,))
    machines = staged.machines_wait(world)
    if piece.startswith("applied"):
        machines.open()  # otherwise the apply lasts until its message is displayed
    death = dies_at_slack(world, "chat.update", phase, says(piece))
    await approved(world, "/plan staging")
    await death.wait()
    machines.open()
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "applied, 3 replaced, 1 changed, 0 destroyed", "approved by @lee")
    await nothing_is_left_to_do(world, 2)
    assert machines.times_run == 3


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_an_operation_is_announced_once(start_world: StartWorld, phase: Phase) -> None:
    world = await start_world(tolerates=(NOT_TAKEN,))
    announced, detailed = (
        dies_at_slack(world, "chat.postMessage", phase, lambda call: "thread_ts" not in call.arguments),
        dies_at_slack(world, "chat.postMessage", phase, lambda call: "thread_ts" in call.arguments),
    )
    await world.person("ana").type("#staging", "/plan staging")
    await announced.wait()
    await world.bot.start()
    await detailed.wait()
    await world.bot.start()
    message = await shows(world, "#staging", "#1 ", "Waiting for approval")
    await rejects(world, "lee", message)
    await shows(world, "#staging", "#1 ", "rejected")
    one_message_each(world, "#staging", 1)
    in_thread = world.channel("#staging").replies(message.ts)
    mentioning = [item for item in in_thread if any(each.why == "mention" for each in item.notifications)]
    assert len([item for item in in_thread if not item.files and item not in mentioning]) == 1
    assert len({item.rendered for item in mentioning}) == len(mentioning)


async def test_a_plan_file_is_uploaded_once(world: World) -> None:
    death = dies_at_slack(world, "files.completeUploadExternal", "after")
    await world.person("ana").type("#staging", "/plan staging")
    await death.wait()
    await world.bot.start()
    message = await shows(world, "#staging", "#1 ", "Waiting for approval")
    assert len([reply for reply in world.channel("#staging").replies(message.ts) if reply.files]) == 1


@pytest.mark.parametrize("exit_code", [0, 1])
async def test_an_apply_that_went_on_alone_is_told_as_it_ended(world: World, exit_code: int) -> None:
    machines = staged.machines_wait(world)
    await approved(world, "/plan staging")
    await machines.reached()
    await world.bot.kill()
    machines.open(exit_code)
    await moments.until(lambda: not moments.processes_of(world))
    await world.bot.start()
    if exit_code:
        await shows(world, "#staging", "#1 ", ":x:", "apply failed")
        await asked(world, "/plan staging", "#staging", "#2 ", "3 to replace", "Waiting for approval")
    else:
        await shows(world, "#staging", "#1 ", "applied, 3 replaced")
        await nothing_is_left_to_do(world, 2)
    assert machines.times_run == 3


async def test_an_apply_is_followed_on_through_kills_and_a_polite_stop(world: World) -> None:
    machines = staged.machines_wait(world)
    await approved(world, "/plan staging")
    await machines.reached(3)
    await world.bot.kill()
    await world.bot.start()
    await world.bot.kill()
    await world.bot.start()
    assert await stopped_politely(world) == 0
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "applying, 1 of 4 done")
    machines.open()
    await shows(world, "#staging", "#1 ", "applied, 3 replaced")
    await nothing_is_left_to_do(world, 2)
    assert machines.times_run == 3


async def stopped_politely(world: World) -> int | None:
    child = world.bot._child
    assert child
    await world.bot.stop()
    return child.returncode


async def test_an_apply_that_was_lost_with_its_machine_is_not_started_again(world: World) -> None:
    machines = staged.machines_wait(world)
    message = await approved(world, "/plan staging")
    await machines.reached(3)
    await moments.machine_is_lost(world)
    lost = machines_not_in_state(world)
    await world.bot.start()
    report = await shows(world, "#staging", "#1 ", "interrupted during the apply, and not started again")
    assert report.ts == message.ts
    assert "The state now holds" in report.rendered
    assert report.buttons == ["New plan"]
    assert machines.times_run == 3
    machines.open()
    if lost:
        assert all(f'module.machine["{item}"].terraform_data.server' in report.text for item in lost), report.text
        await approved(world, "/plan staging", 2)
        await shows(world, "#staging", "#2 ", f"applied, {len(lost)} created")
    assert machines.times_run == 3 + len(lost)
    await nothing_is_left_to_do(world, 3 if lost else 2)


def machines_not_in_state(world: World) -> set[str]:
    """Which of staging's machines its state has not.

    Those are usually all that an apply was replacing. Terraform writes down a new machine that is not up yet only
    where something else ends meanwhile: then that one is in the state, and no later plan misses it.
    """
    state = json.loads(world.state_of("staging").read_text())
    held = {item.get("module") for item in state["resources"] if item["name"] == "server" and item["instances"]}
    return {machine for machine in MACHINES if f'module.machine["{machine}"]' not in held}


@pytest.mark.slow("deploys with Ansible, which takes seconds of processor time for each playbook")
@pytest.mark.parametrize("moment", ["bot alone", "everything"])
async def test_a_playbook_runs_once(start_world: StartWorld, moment: str) -> None:
    world = await start_world(config=staged.TWO_ROLES)
    backend = staged.playbook_waits(world, "backend")
    await approved(world, "/deploy staging")
    await backend.reached()
    if moment == "bot alone":
        await world.bot.kill()
        await world.bot.start()
        backend.open()
        await shows(world, "#staging", "#1 ", ":white_check_mark:", "to 2 hosts")
        assert backend.times_run == 1
    else:
        await moments.machine_is_lost(world)
        await world.bot.start()
        await shows(world, "#staging", "#1 ", "interrupted during deploy-backend.yml, and not started again")
        assert backend.times_run == 1
        backend.open()
        await approved(world, "/deploy staging", 2)
        await shows(world, "#staging", "#2 ", ":white_check_mark:", "to 2 hosts")
        assert backend.times_run == 2
    one_message_each(world, "#staging", backend.times_run)


@pytest.mark.slow("deploys with Ansible, which takes seconds of processor time for each playbook")
async def test_a_playbook_that_ended_is_not_run_again(start_world: StartWorld) -> None:
    world = await start_world(config=staged.TWO_ROLES)
    backend, cron = staged.playbook_waits(world, "backend"), staged.playbook_waits(world, "cron")
    backend.open()
    cron.open()
    stops_at_row(world, STEP, "NEW.function_name = 'playbook backend'")
    await approved(world, "/deploy staging")
    await killed_at_row(world)
    stops_at_row(world, "signalbox_side_effects", "NEW.name = 'playbook cron'")
    await world.bot.launch()
    await killed_at_row(world)
    await world.bot.start()
    await shows(world, "#staging", "#1 ", ":white_check_mark:", "to 2 hosts")
    assert (backend.times_run, cron.times_run) == (1, 1)
    one_message_each(world, "#staging", 1)


@pytest.mark.parametrize("orphan", ["goes on", "is lost"])
async def test_a_plan_that_was_cut_off_is_made_again(world: World, orphan: str) -> None:
    await world.person("ana").type("#staging", "/plan staging")
    planning = await moments.suspended(world, "plan")
    if orphan == "is lost":
        await moments.machine_is_lost(world)
    else:
        await world.bot.kill()
    await world.bot.start()
    if orphan == "goes on":
        with suppress(psutil.NoSuchProcess):  # behind a wall a plan ends with the bot
            planning.resume()
    message = await shows(world, "#staging", "#1 ", "3 to replace", "Waiting for approval")
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced")
    await nothing_is_left_to_do(world, 2)


async def test_the_line_survives(world: World) -> None:
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    await asked(world, "/deploy staging", "#staging", "#2 ", "queued behind #1")
    for _ in range(2):
        await world.bot.kill()
        await world.bot.start()
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced")
    message = await shows(world, "#staging", "#2 ", "Waiting for approval")
    await rejects(world, "lee", message)
    await shows(world, "#staging", "#2 ", "rejected")
    one_message_each(world, "#staging", 2)


async def test_a_plan_waits_on_through_a_polite_stop(world: World) -> None:
    message = await asked(world, "/plan staging", "#staging", "#1 ", "Waiting for approval")
    rendered = json.dumps(message.blocks)
    assert await stopped_politely(world) == 0
    assert json.dumps(message.blocks) == rendered
    await world.bot.start()
    await world.person("lee").click(message, "approve")
    await shows(world, "#staging", "#1 ", "applied, 3 replaced")
    one_message_each(world, "#staging", 1)


async def test_a_second_bot_on_the_same_database_does_not_start(world: World) -> None:
    code, text = await moments.second_bot(world)
    assert code == 2
    assert "another Signalbox is running as 'serve' in this directory" in text
    assert "Traceback" not in text
    await asked(world, "/plan dev", "#dev", "#1 ", "up to date")


# Every other step keeps the whole suite within minutes; with 1 it is every step, and twice as long.
STRIDE = 2


@pytest.mark.slow("starts the bot once for every other step")
@pytest.mark.parametrize(("command", "channel", "end"), EVERY_STEP, ids=["plan", "actions"])
async def test_an_operation_killed_at_each_of_its_steps_is_done_once(
    start_world: StartWorld, command: str, channel: str, end: str
) -> None:
    world = await start_world(speed=FAST)
    machines = staged.machines_wait(world)
    machines.open()
    stops_at_row(world, STEP, "NEW.workflow_uuid LIKE 'begin-%' AND NEW.function_id = 3")
    await world.person("ana").type(channel, command)
    await killed_at_row(world)
    approving = asyncio.create_task(approves_when_asked(world))
    steps = 0
    while not has_ended(world):
        # However the rows are numbered, one more than last time is written.
        stops_at_row(world, STEP, f"NEW.workflow_uuid = 'operation-1' AND {WRITTEN} >= {steps}")
        await world.bot.launch()
        await killed_at_row(world, unless=lambda: has_ended(world))
        steps += STRIDE
    approving.cancel()
    assert steps > 10
    await shows(world, channel, "#1 ", end)
    one_message_each(world, channel, 1)
    assert machines.times_run == (3 if channel == "#staging" else 0)
    assert len(runs_of_the_bot(world)) == (0 if channel == "#staging" else 1)


def has_ended(world: World) -> bool:
    ended = "SELECT 1 FROM workflow_status WHERE workflow_uuid = 'operation-1' AND status = 'SUCCESS'"
    return bool(moments.rows(world, ended))


async def approves_when_asked(world: World) -> None:
    message = await shows(world, "#staging", "#1 ", "Waiting for approval")
    while "approve" in str(message.blocks):
        with suppress(LookupError):
            await world.person("lee").click(message, "approve")
        await asyncio.sleep(0.5)


@pytest.mark.parametrize("moment", ["the answer is lost", "the run is claimed"])
async def test_a_custom_operation_is_dispatched_once(start_world: StartWorld, moment: str) -> None:
    """Killed between the dispatch and its record: the run is found again, with its inputs, and never started twice."""
    world = await start_world(speed=FAST)
    if moment == "the answer is lost":
        died = dies_at_github(world, "POST", "/dispatches", "after")
    else:
        stops_at_row(world, STEP, "NEW.function_name = 'dispatch'")
    await world.person("ana").type("#staging", "/run restart-service service=queue-daemon")
    ask = await shows(world, "#staging", "#1 ", "Run restart-service with service=queue-daemon", "needs an approval")
    await world.person("lee").click(ask, "approve")
    await (died.wait() if moment == "the answer is lost" else killed_at_row(world))
    await world.bot.start()
    await shows(world, "#staging", "#1 ", "done in")
    (run,) = runs_of_the_bot(world)
    assert dict(run.inputs) == {"machine": "backend", "service": "queue-daemon"}
    one_message_each(world, "#staging", 1)
