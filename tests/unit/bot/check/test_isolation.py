"""`check` on the wall: built, renounced, impossible, or with a path that cannot be granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read
from runners.processes import wall
from tests.unit.bot.check.world import CONFIG, World, single

if TYPE_CHECKING:
    from pathlib import Path

WALLED = CONFIG.replace("operations: {isolation: none}\n", "")


@pytest.mark.needs_bwrap
async def test_the_wall_is_built_and_what_reaches_further_is_named(world: World) -> None:
    world.config = read(
        WALLED.replace("machines: [backend]", "machines: [backend]\n    isolation: {metadata_service: true}")
    )
    line = (await world.lines())[4]
    assert line.startswith("ok    isolation")
    assert "behind a wall (bubblewrap), the metadata service is for dev" in line


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
