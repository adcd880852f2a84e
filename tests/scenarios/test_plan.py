"""/plan: nothing to do, variables, and what may fail before and after the approval."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.scenarios.acting import clicks, decisions, infrastructure, operations_in, rejects, shows, thread_of, types

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

BROKEN = "instances/staging/broken.tf"


async def test_up_to_date_is_said_and_that_is_all(shared_world: World) -> None:
    await types(shared_world, "ana", "#dev", "/plan dev")
    done = await shows(shared_world, "#dev", ":white_check_mark:", "up to date, nothing to do (5 resources in place)")
    assert not decisions(done)
    assert not thread_of(shared_world, done)


async def test_who_may_plan_and_not_apply_gets_a_plan_that_nobody_is_asked_about(start_world: StartWorld) -> None:
    operators = '  operators: ["usergroup:S0INFRA"]\n'
    planners = (
        "  operators: [U0LEE, U0MAX]\n  roles:\n    planners: {people: [U0ANA], may: [plan], environments: [staging]}\n"
    )
    world = await start_world(config={operators: planners})
    await types(world, "ana", "#staging", "/plan staging")
    done = await shows(world, "#staging", "#1 ", "3 to replace", "Only planned: its requester may not apply it")
    assert "@ana may plan staging, and not apply. To apply it, anyone of @lee, @max may plan it anew." in done.rendered
    assert not done.buttons
    assert "Waiting for approval" not in thread_of(world, done)
    await types(world, "lee", "#staging", "/plan staging")
    await shows(world, "#staging", "#2 ", "Waiting for approval")


async def test_a_variable_that_is_allowed_goes_into_the_plan(shared_world: World) -> None:
    await types(shared_world, "ana", "#staging", "/plan staging backend_ami=ami-0123456789abcdef0")
    ask = await shows(shared_world, "#staging", "Plan for staging backend_ami=ami-0123456789abcdef0", "Waiting for")
    await shows(shared_world, "#staging", "→ `ami-0123456789abcdef0`")  # in the thread
    await rejects(shared_world, "ana", ask)
    await shows(shared_world, "#staging", "backend_ami=ami-0123456789abcdef0", "rejected")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("staging backend_amy=ami-1", "Plans of staging take no variable “backend_amy”; did you mean “backend_ami”?"),
        ("staging region=mars", "Plans of staging take no variable “region”, only backend_ami, ready_when."),
        ("staging backend_ami", "“backend_ami” is no variable=value"),
        ("staging backend_ami=", "“backend_ami=” is no variable=value"),
        ("staging backend_ami=a backend_ami=b", "backend_ami is given twice"),
        ("staging backend_ami=ami-1;rm", "“backend_ami=ami-1;rm” has characters that I do not take"),
        ("staging backend_ami=$(id)", "has characters that I do not take"),
        ("staging -var=backend_ami=x", "takes no option “-var=backend_ami=x”, only -target, -replace and -ref"),
    ],
)
async def test_a_variable_that_is_not_allowed_is_refused(shared_world: World, text: str, answer: str) -> None:
    before = operations_in(shared_world)
    reply = await types(shared_world, "ana", "#staging", f"/plan {text}")
    assert answer in reply.ephemerals[0].rendered
    assert "Usage: /plan" in reply.ephemerals[0].rendered
    assert operations_in(shared_world) == before


async def test_a_variable_where_plans_take_none_is_refused_with_what_to_do(shared_world: World) -> None:
    reply = await types(shared_world, "ana", "#dev", "/plan dev backend_ami=ami-1")
    assert reply.ephemerals[0].rendered == (
        ":no_entry_sign: Plans of dev take no variables, for its terraform.variables in signalbox.yaml lists none. "
        "Nothing was started; run /plan dev without “backend_ami”."
    )


async def test_code_that_terraform_does_not_take_is_shown_with_its_place(shared_world: World) -> None:
    before = len(operations_in(shared_world))
    infrastructure(shared_world).commit("main", {BROKEN: 'resource "terraform_data" {\n}\n'}, "Break it")
    await types(shared_world, "ana", "#staging", "/plan staging")
    failed = await shows(shared_world, "#staging", f"#{before + 1} ", ":x:", "broken.tf")
    infrastructure(shared_world).commit("main", {BROKEN: None}, "Mend it")
    assert not decisions(failed)
    assert "broken.tf:1" in failed.rendered
    assert "no plan was made. " in failed.rendered.splitlines()[0]
    assert failed.buttons == ["New plan"]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As another terraform would hold the state: its lock, and the file that says whose it is."""
    info = {"ID": "5d1ad0a8", "Operation": "OperationTypeApply", "Who": "max@laptop", "Version": "1.11.4"}
    beside = path.with_name(f".{path.name}.lock.info")
    with path.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        beside.write_text(json.dumps({**info, "Created": "2026-11-23T09:00:00Z", "Path": str(path), "Info": ""}))
        try:
            yield
        finally:
            beside.unlink()


async def test_a_state_that_somebody_holds_is_said_with_who_holds_it(shared_world: World) -> None:
    before = len(operations_in(shared_world))
    with held(shared_world.state_of("staging")):
        await types(shared_world, "ana", "#staging", "/plan staging")
        failed = await shows(shared_world, "#staging", f"#{before + 1} ", ":x:", "max@laptop")
    assert not decisions(failed)


async def test_a_plan_gone_stale_is_not_applied(shared_world: World) -> None:
    before = len(operations_in(shared_world))
    path = shared_world.state_of("staging")
    await types(shared_world, "ana", "#staging", "/plan staging")
    ask = await shows(shared_world, "#staging", f"#{before + 1} ", "Waiting for approval")
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "serial": state["serial"] + 1}))
    changed = path.read_bytes()
    await clicks(shared_world, "lee", ask, "approve")
    refused = await shows(shared_world, "#staging", f"#{before + 1} ", ":x:", "not applied")
    assert "not applied. The infrastructure's state has changed since this plan was made" in refused.rendered
    assert "New plan" in refused.buttons
    assert "Plan again" not in refused.rendered
    assert "approved by @lee" in refused.rendered
    assert not decisions(refused)
    assert path.read_bytes() == changed
