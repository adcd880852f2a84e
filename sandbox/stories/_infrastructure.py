"""What stories do to the infrastructure repository, to the state, and to machines that take their time to come up."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._acting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sandbox.github.commits import Commit
    from sandbox.world import World


def commit(world: World, files: Mapping[str, str | None], message: str) -> Commit:
    """Commit to main; None deletes a file."""
    return world.github.repository(INFRASTRUCTURE).commit("main", files, message)


def commit_images(world: World, environment: str, images: dict[str, str], message: str) -> Commit:
    """Commit which images the environment's machines shall have."""
    path = f"{fleet.DIRECTORIES[environment]}/images.auto.tfvars.json"
    return commit(world, {path: json.dumps({"images": images}, indent=2) + "\n"}, message)


def images_of(environment: str, generation: int) -> dict[str, str]:
    """The images of one generation, by machine; `fleet.NEWEST` is the newest."""
    return {machine: fleet.Image(environment, machine, generation).image_id for machine in fleet.MACHINES}


def change_state(world: World, environment: str) -> None:
    """Change the state as somebody else's apply would: the output `images` is gone."""
    path = world.state_of(environment)
    state = json.loads(path.read_text())
    state["serial"] += 1
    state["outputs"].pop("images", None)
    path.write_text(json.dumps(state))


@contextmanager
def locked(path: Path, who: str) -> Iterator[None]:
    """Hold the state's lock, as another terraform does: a lock on the file, and beside it whose it is."""
    info = {"ID": "5d1ad0a8-2f5c-9f0e-1d0b-7c3a1e5b9f42", "Operation": "OperationTypeApply", "Who": who, "Info": ""}
    beside = path.with_name(f".{path.name}.lock.info")
    with path.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        times = {"Created": "2026-11-23T09:00:00Z", "Version": "1.11.4", "Path": str(path)}
        beside.write_text(json.dumps({**info, **times}))
        try:
            yield
        finally:
            beside.unlink()


@dataclass(frozen=True)
class SlowMachines:
    """New machines of staging: the first is up at once, all others wait until they are let up."""

    directory: Path

    @property
    def started(self) -> int:
        """How many machines were started so far, from the first plan on."""
        marker = self.directory / "started"
        return len(marker.read_text().splitlines()) if marker.exists() else 0

    async def under_way(self, machines: int) -> None:
        """Wait until so many were started."""
        await until(lambda: self.started >= machines, f"{self.started} machines were started, not {machines}")

    def let_up(self) -> None:
        """From now on none waits."""
        (self.directory / "up").touch()


@dataclass(frozen=True)
class SlowNetwork:
    """A network that staging's new machines wait for, while the old ones are gone already; it takes its time."""

    directory: Path
    state: Path

    @property
    def machines(self) -> int:
        """How many machines were started so far, from the first plan on."""
        marker = self.directory / "started"
        return len(marker.read_text().splitlines()) if marker.exists() else 0

    async def under_way(self) -> None:
        """Wait until all old machines are gone, as the state says, and the network is being made."""
        await until(self._is_under_way, "the apply did not come as far as the network")

    def _is_under_way(self) -> bool:
        missing = not any(name in self.state.read_text() for name in ("staging-backend", "staging-cron"))
        return missing and (self.directory / "begun").exists()

    def let_up(self) -> None:
        """From now on it does not wait."""
        (self.directory / "up").touch()


_NETWORK = """resource "terraform_data" "network" {
  provisioner "local-exec" {
    command = "touch DIRECTORY/begun; until [ -e DIRECTORY/up ]; do sleep 0.05; done"
  }
}

module "machine" {
  depends_on = [terraform_data.network]
"""


def slow_network(world: World) -> SlowNetwork:
    """Commit that staging's machines need a network, which takes its time."""
    directory = world.machines_of("staging") / "network"
    directory.mkdir()
    folder = fleet.DIRECTORIES["staging"]
    code = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[f"{folder}/main.tf"].decode()
    with_network = code.replace('module "machine" {\n', _NETWORK.replace("DIRECTORY", str(directory)))
    variables = json.dumps({"ready_when": f"echo one >> {directory}/started"})
    files = {f"{folder}/main.tf": with_network, f"{folder}/ready.auto.tfvars.json": variables}
    commit(world, files, "Give the machines a network")
    return SlowNetwork(directory, world.state_of("staging"))


def slow_machines(world: World, environment: str = "staging") -> SlowMachines:
    """Commit that the environment's new machines take their time."""
    directory = world.machines_of(environment) / "new"
    directory.mkdir()
    waits = f"until [ -e {directory}/up ]; do sleep 0.05; done"
    command = f"echo one >> {directory}/started; mkdir {directory}/first 2>/dev/null || {waits}"
    path = f"{fleet.DIRECTORIES[environment]}/ready.auto.tfvars.json"
    commit(world, {path: json.dumps({"ready_when": command})}, "Wait until a machine is up")
    return SlowMachines(directory)
