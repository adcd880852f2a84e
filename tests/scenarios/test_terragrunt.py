"""An environment described by Terragrunt's units, through a stand-in for Terragrunt and the real terraform."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.stories._acting import clicks, gets_notice, shows, types
from sandbox.stories._infrastructure import commit
from tests.real import terragrunt_stand_in
from tests.scenarios.staged import gate

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.scenarios.conftest import StartWorld

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow("five plans and two applies through two programs")]
DIRECTORY = '      directory: instances/dev\n      backend_config: {path: "{files}/state/dev/terraform.tfstate"}\n'


def stand_in(directory: Path) -> Path:
    """The stand-in as a program."""
    path = directory / "terragrunt"
    path.write_text(f"#!{sys.executable} -I\n{Path(terragrunt_stand_in.__file__).read_text()}")
    path.chmod(0o755)
    return path


def unit(world: World, name: str, **more: Any) -> str:
    """A unit whose state is a file, and that is given its name."""
    state = world.machines_of("dev") / f"{name}.tfstate"
    backend = f'terraform {{\n  backend "local" {{\n    path = "{state}"\n  }}\n}}\n'
    generated = {"backend": {"path": "backend.tf", "if_exists": "overwrite", "contents": backend}}
    source = {"source": f"${{get_repo_root()}}/modules/{name}"}
    return json.dumps({"terraform": source, "inputs": {"name": name}, "generate": generated, **more})


def module(command: str) -> str:
    """A module whose resource runs a command when it is created."""
    run = f'  provisioner "local-exec" {{\n    command = {json.dumps(command)}\n  }}\n'
    return f'variable "name" {{}}\n\nresource "terraform_data" "one" {{\n  input = var.name\n{run}}}\n'


async def test_units_are_planned_in_the_order_of_their_dependencies(start_world: StartWorld, tmp_path: Path) -> None:
    program = stand_in(tmp_path)
    settings = f"terraform: {{terragrunt_program: {program}}}\noperations:\n"
    world = await start_world(config={DIRECTORY: "      terragrunt: live/dev\n", "operations:\n": settings})
    slow = gate(world, "dev", "app")
    files = {
        "modules/network/main.tf": module("true"),
        "modules/app/main.tf": module(slow.command),
        "live/dev/network/vpc/terragrunt.hcl.json": unit(world, "network"),
        "live/dev/app/terragrunt.hcl.json": unit(world, "app", dependencies={"paths": ["../network/vpc"]}),
    }
    commit(world, files, "Describe dev in units")
    await types(world, "ana", "#dev", "/plan dev")
    await gets_notice(world.person("ana"), "dev has 2 stacks")
    await types(world, "ana", "#dev", "/plan dev network/vcp")
    await shows(world, "#dev", "#1 ", "no unit network/vcp", "network/vpc")
    await types(world, "ana", "#dev", "/plan dev all")
    ask = await shows(world, "#dev", "#3 ", "Plan for dev network/vpc", "1 to create", "Waiting for approval")
    await shows(world, "#dev", "#2 ", "0 of 2 stacks done", "waits for network/vpc")
    await world.bot.restart()
    await clicks(world, "lee", ask, "approve")
    ask = await shows(world, "#dev", "#4 ", "Plan for dev app", "Waiting for approval")
    await clicks(world, "lee", ask, "approve")
    await slow.reached()
    await world.bot.kill()
    await world.bot.restart()
    slow.open()
    await shows(world, "#dev", "#4 ", "Plan for dev app", "applied")
    await shows(world, "#dev", ":white_check_mark:", "#2 ", "2 of 2 stacks applied or without changes")
    assert slow.times_run == 1, "an apply that was started is never started again"
    await types(world, "ana", "#dev", "/plan dev/app")
    await shows(world, "#dev", "#5 ", "Plan for dev app", "up to date")
