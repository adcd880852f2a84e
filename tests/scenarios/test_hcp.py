"""`/plan prod` where HCP Terraform does the work: approved once, decided over there, killed at its worst moments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sandbox.exchanges import DropConnectionError, Exchange
from sandbox.hcp.model import Configuration
from sandbox.hcp.web import ApiError
from sandbox.stories._acting import until
from sandbox.world import HCP_SECRETS
from tests.scenarios import staged
from tests.scenarios.acting import clicks, rejects, shows, thread_of, types
from tests.scenarios.moments import dies_at_hcp

if TYPE_CHECKING:
    from sandbox.hcp.model import Run, Workspace
    from sandbox.slack import Message
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld
    from tests.scenarios.moments import Phase

pytestmark = [pytest.mark.needs_terraform]
PASSWORD = "production-password-of-the-sandbox"


@pytest_asyncio.fixture(loop_scope="module")
async def world(start_world: StartWorld) -> World:
    return await start_world(hcp=True, without_aws=True)


def workspace_of(world: World) -> Workspace:
    return world.hcp.workspaces["production"]


def only_run(world: World) -> Run:
    (run,) = workspace_of(world).runs
    return run


def answers(world: World, method: str, path_end: str, error: ApiError | DropConnectionError, phase: Phase) -> None:
    """The next such request is answered so, instead of (`before`) or although (`after`) it took effect."""
    done: list[bool] = []

    async def hook(exchange: Exchange) -> None:
        if not done and exchange.method == method and exchange.path.endswith(path_end) and exchange.phase == phase:
            done.append(True)
            raise error

    world.hcp.on_request.append(hook)


async def asked(world: World, number: int = 1) -> Message:
    await types(world, "ana", "#prod", "/plan prod")
    return await shows(world, "#prod", f"#{number} ", "Waiting for approval")


async def approved(world: World, message: Message) -> None:
    await clicks(world, "lee", message, "approve")
    await clicks(world, "max", message, "approve")


def confirmations(world: World) -> int:
    return sum(request.path.endswith("/actions/apply") and request.status == 202 for request in world.hcp.requests)


async def test_a_plan_is_shown_masked_and_applied_once_it_is_approved(world: World) -> None:
    message = await asked(world)
    run = only_run(world)
    assert run.message.startswith("Signalbox #1 requested by ana (U0ANA) in Slack")
    assert not run.auto_apply
    assert run.id in str(message.blocks)
    await approved(world, message)
    done = await shows(world, "#prod", "#1 ", "applied, 1 replaced, 0 destroyed", "approved by @max")
    assert run.status == "applied"
    assert confirmations(world) == 1
    [(author, comment)] = run.comments
    # The two press at the same moment: either may be counted first.
    both = ("lee (U0LEE), max (U0MAX)", "max (U0MAX), lee (U0LEE)")
    assert (author, comment) in [("signalbox", f"Approved in Slack by {names} (Signalbox #1).") for names in both]
    texts = done.rendered + thread_of(world, done) + world.bot.log.read_text()
    assert not [secret for secret in (PASSWORD, *HCP_SECRETS.values()) if secret in texts]
    assert "/v1/object/" not in texts, "an address that lets whoever has it in"
    assert PASSWORD in run.plan.json_plan.decode()
    assert world.hcp.archive.refused_tokens == 0
    assert set(world.hcp.notifications.answers) == {200}

    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#2 ", "up to date")
    assert workspace_of(world).runs[1].status == "planned_and_finished"


async def test_rejecting_discards_the_run_with_the_name_of_who_did(world: World) -> None:
    message = await asked(world)
    await rejects(world, "lee", message, "Too large")
    await shows(world, "#prod", "#1 ", "rejected, nothing was applied", "“Too large”")
    assert only_run(world).status == "discarded"
    assert only_run(world).comments == [("signalbox", "Rejected in Slack by lee (U0LEE): Too large (Signalbox #1).")]


async def test_a_newer_plan_discards_the_older_ones_run(world: World) -> None:
    await asked(world)
    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#1 ", "superseded by #2")
    await shows(world, "#prod", "#2 ", "Waiting for approval")
    assert [run.status for run in workspace_of(world).runs] == ["discarded", "planned"]


async def test_the_message_follows_what_is_decided_in_hcp_terraform(world: World) -> None:
    message = await asked(world)
    world.hcp.press(only_run(world), "apply", "max")
    await shows(world, "#prod", "#1 ", "applied, 1 replaced", "confirmed in HCP Terraform by max")
    assert confirmations(world) == 0
    reply = await world.person("lee").click(message, "approve") if message.buttons else None
    assert reply is None or not reply.ok or confirmations(world) == 0


async def test_the_message_follows_without_notifications_too(start_world: StartWorld) -> None:
    world = await start_world(hcp=True, hcp_silent=True, without_aws=True)
    await asked(world)
    world.hcp.press(only_run(world), "discard", "max")
    await shows(world, "#prod", "#1 ", "discarded in HCP Terraform by max, nothing was applied")


async def cancelled_in_line(world: World) -> Run:
    """A plan is queued behind this run, and is cancelled."""
    other = world.hcp.runs.create(workspace_of(world), world_configuration(world), "Queued by hand", "max")
    await until_waiting(other)
    await types(world, "ana", "#prod", "/plan prod")
    message = await shows(world, "#prod", "#1 ", f"waiting in HCP Terraform behind {other.id}")
    await clicks(world, "ana", message, "Cancel")
    await shows(world, "#prod", "#1 ", "cancelled by")
    assert workspace_of(world).runs[1].status == "discarded"
    return other


async def test_cancelling_while_it_waits_for_its_turn_over_there(world: World) -> None:
    other = await cancelled_in_line(world)
    assert other.status == "planned"


def world_configuration(world: World) -> Configuration:
    made = Configuration(auto_queue_runs=False, status="uploaded", fetched=world.fetch_main())
    workspace_of(world).configurations.append(made)
    return made


async def until_waiting(run: Run) -> None:
    async with asyncio.timeout(60):
        while not run.confirmable:  # noqa: ASYNC110 - the stand-in sends no event
            await asyncio.sleep(0.05)


async def test_a_linked_workspace_plans_its_own_branch_and_says_which_commit(world: World) -> None:
    workspace_of(world).link("PermanentOrg/infrastructure", "main", world.fetch_main)
    message = await asked(world)
    assert only_run(world).configuration.archive == b""
    assert world.fetch_main().sha[:7] in message.rendered
    await approved(world, message)
    await shows(world, "#prod", "#1 ", "applied, 1 replaced")


@pytest.mark.parametrize(
    ("setting", "value", "text"),
    [
        ("auto_apply", True, "Switch the workspace to manual apply"),
        ("locked_by", "max", "no plan was made. The workspace is locked by max"),
        ("working_directory", "instances/nowhere", "Working directory instances/nowhere does not exist"),
        ("organization", "SomebodyElse", "hides it from TFE_TOKEN"),
    ],
)
async def test_a_workspace_that_cannot_be_used_is_refused_in_words(
    world: World, setting: str, value: object, text: str
) -> None:
    setattr(workspace_of(world), setting, value)
    await types(world, "ana", "#prod", "/plan prod")
    await shows(world, "#prod", "#1 ", ":x:", text)
    assert all(run.ended for run in workspace_of(world).runs)


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_run_is_created_once_though_the_bot_dies_over_it(world: World, phase: Phase) -> None:
    death = dies_at_hcp(world, "POST", "/runs", phase)
    await types(world, "ana", "#prod", "/plan prod")
    await death.wait()
    await world.bot.start()
    await shows(world, "#prod", "#1 ", "Waiting for approval")
    assert len(workspace_of(world).runs) == 1


async def test_a_run_whose_creation_was_never_answered_is_found(world: World) -> None:
    answers(world, "POST", "/runs", ApiError(502, "bad gateway"), "after")
    await asked(world)
    assert len(workspace_of(world).runs) == 1


@pytest.mark.parametrize("phase", ["before", "after"])
async def test_a_run_is_confirmed_once_though_the_bot_dies_over_it(world: World, phase: Phase) -> None:
    message = await asked(world)
    death = dies_at_hcp(world, "POST", "/actions/apply", phase)
    await approved(world, message)
    await death.wait()
    await world.bot.start()
    await shows(world, "#prod", "#1 ", "applied, 1 replaced, 0 destroyed")
    assert [event.action for event in only_run(world).events].count("confirmed") == 1


async def test_a_confirmation_whose_answer_was_lost_is_not_repeated(world: World) -> None:
    message = await asked(world)
    answers(world, "POST", "/actions/apply", DropConnectionError(), "after")
    await approved(world, message)
    await shows(world, "#prod", "#1 ", "applied, 1 replaced")
    assert [event.action for event in only_run(world).events].count("confirmed") == 1


async def test_approved_here_but_discarded_there_a_moment_before(world: World) -> None:
    message = await asked(world)
    run = only_run(world)

    async def hook(exchange: Exchange) -> None:
        if exchange.path.endswith("/actions/apply") and exchange.phase == "before" and not run.ended:
            world.hcp.press(run, "discard", "max")

    world.hcp.on_request.append(hook)
    await approved(world, message)
    await shows(world, "#prod", "#1 ", "not applied", "The run no longer waits for confirmation: it is discarded")
    assert run.apply.log is None


async def test_a_bot_that_comes_back_finds_what_was_decided_while_it_was_away(world: World) -> None:
    await asked(world)
    await world.bot.kill()
    world.hcp.press(only_run(world), "discard", "max")
    await world.bot.start()
    await shows(world, "#prod", "#1 ", "discarded in HCP Terraform by max")


async def test_hcp_terraform_that_answers_every_other_time_does_no_harm(world: World) -> None:
    asked_before: set[str] = set()

    async def hook(exchange: Exchange) -> None:
        if exchange.method == "GET" and exchange.phase == "before" and exchange.path not in asked_before:
            asked_before.add(exchange.path)
            raise ApiError(502, "bad gateway")
        asked_before.discard(exchange.path)

    world.hcp.on_request.append(hook)
    message = await asked(world)
    await approved(world, message)
    await shows(world, "#prod", "#1 ", "applied, 1 replaced, 0 destroyed")
    assert confirmations(world) == 1


async def test_a_linked_workspace_is_waited_for_and_can_be_cancelled(world: World) -> None:
    workspace_of(world).link("PermanentOrg/infrastructure", "main", world.fetch_main)
    await cancelled_in_line(world)


def machine_waits(world: World) -> staged.Gate:
    made = staged.gate(world, "prod", "new")
    staged.change(world, "instances/production/main.tf", 'default     = "true"', f'default     = "{made.command}"')
    return made


async def test_cancelling_the_apply_interrupts_it_over_there(world: World) -> None:
    machine = machine_waits(world)
    message = await asked(world)
    await approved(world, message)
    await machine.reached()
    message = await shows(world, "#prod", "#1 ", "applying, 0 of 1 done", "module.machine")
    await clicks(world, "lee", message, "Cancel")
    done = await shows(world, "#prod", "#1 ", "cancelled the apply")
    assert "New plan" in done.buttons
    assert only_run(world).status == "canceled"


async def test_a_bot_that_dies_during_the_apply_follows_it_to_its_end(world: World) -> None:
    machine = machine_waits(world)
    message = await asked(world)
    await approved(world, message)
    await machine.reached()
    await world.bot.kill()
    await world.bot.start()
    machine.open()
    await shows(world, "#prod", "#1 ", "applied, 1 replaced, 0 destroyed")
    assert machine.times_run == 1
    assert confirmations(world) == 1


async def test_an_apply_that_fails_says_why(world: World) -> None:
    machine = machine_waits(world)
    machine.open(3)
    await approved(world, await asked(world))
    done = await shows(world, "#prod", "#1 ", ":x:", "apply failed")
    assert "exit status 3" in done.rendered
    assert only_run(world).status == "errored"


async def test_a_plan_is_limited_to_addresses_there_too(world: World) -> None:
    await types(
        world, "ana", "#prod", "/plan prod -target=terraform_data.session_key -replace=terraform_data.session_key"
    )
    ask = await shows(world, "#prod", "#1 Plan for prod", "1 to replace", "Waiting for approval")
    run = only_run(world)
    assert (run.targets, run.replaces) == (("terraform_data.session_key",), ("terraform_data.session_key",))
    assert "*Replace* `terraform_data.session_key`" in ask.rendered
    assert "machine" not in ask.rendered
    await rejects(world, "lee", ask)
    await shows(world, "#prod", "#1 ", "rejected by @lee")
    await types(world, "ana", "#prod", "/plan prod -target=terraform_data.nowhere")
    failed = await shows(world, "#prod", "#2 ", ":x:", "while reading the plan of the run")
    assert "*: no plan was made. There is no terraform_data.nowhere in the code or in the state" in failed.rendered
    assert not failed.buttons


_OTHER_WORKSPACE = """    terraform:
      directory: instances/dev
      backend_config: {path: "{files}/state/dev/terraform.tfstate"}
"""
_STAGING = """    terraform:
      directory: instances/staging
      backend_config: {path: "{files}/state/staging/terraform.tfstate"}
      variables: [backend_ami, ready_when]
"""
WATCHED = {"operations:\n": "watch:\n  drift: {every: 4s}\noperations:\n", _OTHER_WORKSPACE: "", _STAGING: ""}


async def test_drift_is_looked_for_there_by_runs_that_only_plan(start_world: StartWorld) -> None:
    world = await start_world(hcp=True, without_aws=True, config=WATCHED)
    workspace = workspace_of(world)
    workspace.lock("max", "maintenance")
    report = await shows(world, "#prod", "drifted from the code: 1 to replace")
    assert report.buttons == ["New plan"]
    looks = len(workspace.runs)
    await until(lambda: len([run for run in workspace.runs if run.ended]) >= looks + 2, "nobody looked again")
    assert len(world.channel("#prod").messages) == 1, "the same drift was told twice"
    for run in workspace.runs:
        assert run.plan_only
        assert "looks for drift" in run.message
        assert run.status in ("pending", "plan_queued", "planning", "planned_and_finished")
    workspace.unlock()
    await clicks(world, "ana", report, "New plan")
    await shows(world, "#prod", "Plan for prod", "1 to replace", "Waiting for approval")
    await shows(world, "#prod", "drifted from the code", "new plan: #")
