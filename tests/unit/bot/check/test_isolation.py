"""`check` on the wall: built, renounced, impossible, or with a path that cannot be granted."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from bot.config import read
from bot.config.isolation import without_metadata_service
from runners.processes import metadata_service, wall
from tests.unit.bot.check.world import CONFIG, WITH_ANSIBLE, World, single

if TYPE_CHECKING:
    from pathlib import Path

WALLED = CONFIG.replace("operations: {isolation: none}\n", "")


@pytest.mark.needs_bwrap
async def test_the_wall_is_built_and_what_reaches_further_is_named(world: World) -> None:
    world.config = read(
        WALLED.replace("machines: [backend]", "machines: [backend]\n    isolation: {metadata_service: true}")
    )
    line = next(line for line in await world.lines() if "isolation" in line)
    assert line.startswith("ok    isolation")
    assert "behind a wall (bubblewrap), " in line
    assert line.endswith("the metadata service is for dev")


@pytest.mark.needs_bwrap
async def test_children_that_reach_the_metadata_service_unasked_are_a_fault(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform = "    terraform: {directory: instances/dev}\n"
    with socket.create_server(("127.0.0.1", 0)) as service:
        monkeypatch.setattr(metadata_service, "ADDRESSES", ("127.0.0.1",))
        monkeypatch.setattr(metadata_service, "PORT", service.getsockname()[1])
        world.config = read(f"{WALLED}{terraform}")
        fault = next(line for line in await world.faults() if "isolation" in line)
        assert "children reach the instance metadata service (127.0.0.1)" in fault
        assert "dev must not have it" in fault
        asked = "    isolation: {metadata_service: true}\n"
        for text in (WALLED, f"{WALLED}{terraform}{asked}", f"{CONFIG}{terraform}"):
            world.config = read(text)
            line = next(line for line in await world.lines() if "isolation" in line)
            assert line.startswith("ok    isolation")
            assert "children reach the instance metadata service (127.0.0.1)" in line


def test_environments_that_run_no_children_need_no_decision() -> None:
    hcp = "    terraform: {hcp: {organization: acme, workspace: dev}}\n"
    asked = "    isolation: {metadata_service: true}\n"
    assert without_metadata_service(read(f"{CONFIG}{WITH_ANSIBLE}")) == ("staging",)
    assert without_metadata_service(read(f"{CONFIG}    terraform: {{directory: instances/dev}}\n")) == ("dev",)
    assert without_metadata_service(read(f"{CONFIG}{hcp}")) == ()
    assert without_metadata_service(read(f"{CONFIG}{WITH_ANSIBLE}{asked}")) == ()


async def test_a_machine_without_bubblewrap_is_a_fault_with_its_remedy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.config = read(WALLED)
    monkeypatch.setattr(wall, "PROGRAM", "no-such-bwrap")
    fault = single(await world.faults())
    assert fault.startswith("FAIL  isolation")
    assert "Install bubblewrap, or decide for operations.isolation: none" in fault


@pytest.mark.parametrize("path", ["/", "/proc", "/var", "states", "{var}", "{var}/operations", "/no/such/path"])
async def test_a_path_that_cannot_be_granted_is_a_fault(world: World, path: str, tmp_path: Path) -> None:
    named = path.replace("{var}", str(world.workplace))
    world.config = read(CONFIG.replace("isolation: none", f"isolation: none, readable: [{named}]"))
    fault = single(await world.faults())
    assert fault.startswith("FAIL  isolation")
    assert "operations.readable" in fault
