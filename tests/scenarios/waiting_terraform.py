"""A terraform program whose plans wait at a gate, and a count of how many of them run together."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners import terraform
from tests.scenarios.moments import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.world import World

ENVIRONMENTS = ("dev", "staging", "prod")
# Behind the wall a plan reads and writes what its environment is granted, and no other's, nor the rest of /tmp: so it looks
# for its own directory, and the gate is there.
_PROGRAM = """#!/bin/sh
[ "$1" = plan ] || exec {command} "$@"
for here in {directories}; do touch "$here/mine" 2>/dev/null && break; done
echo begins >> "$here/plans"
until [ -e "$here/open" ]; do sleep 0.05; done
{command} "$@"
code=$?
echo ends >> "$here/plans"
exit $code
"""


@dataclass(frozen=True)
class WaitingTerraform:
    """Plans by a program that waits until `open` is called. `config` names it."""

    directory: Path

    @property
    def config(self) -> dict[str, str]:
        """What it changes in a world's configuration."""
        return {"environments:\n": f"terraform: {{program: {self._program}}}\nenvironments:\n"}

    @property
    def _program(self) -> Path:
        return self.directory / "terraform"

    async def attach(self, world: World) -> None:
        """Write the program, for this world. Before the first plan."""
        real = await terraform.find_program(None, os.environ.get("PATH", os.defpath))
        directories = shlex.join(str(world.machines_of(name)) for name in ENVIRONMENTS)
        text = _PROGRAM.format(command=shlex.join(real.command), directories=directories)
        self._program.write_text(text)
        self._program.chmod(0o755)

    def running(self, world: World) -> list[str]:
        """The environments whose plans run."""
        return [name for name in ENVIRONMENTS if _lines(world, name)[-1:] == ["begins"]]

    async def runs(self, world: World, count: int) -> None:
        """Wait until so many plans run."""
        await until(lambda: len(self.running(world)) >= count)

    def open(self, world: World) -> None:
        """Let all plans end, now and from now on."""
        for name in ENVIRONMENTS:
            (world.machines_of(name) / "open").touch()


def _lines(world: World, environment: str) -> list[str]:
    path = world.machines_of(environment) / "plans"
    return path.read_text().split() if path.exists() else []


@asynccontextmanager
async def waiting_terraform() -> AsyncIterator[WaitingTerraform]:
    """A new one, which users behind the wall can read."""
    with tempfile.TemporaryDirectory(prefix="waiting-terraform-") as directory:
        Path(directory).chmod(0o755)
        yield WaitingTerraform(Path(directory))
