"""Effects counted outside of the program: applies and playbooks write lines to a file, runs are read at the stand-in."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sandbox import fleet
from sandbox.github.seed import INFRASTRUCTURE
from sandbox.github.stand_in import BOT_LOGIN
from tests.scenarios.staged import change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.world import World

LASTS = 0.7  # seconds that an apply and a playbook take at least
_SCRIPT = """\
id=$$.$(date +%s%N)
echo "begin $1 $2 $id $(date +%s.%N) $PWD" >> "$(dirname "$0")/effects"
sleep {lasts}
echo "end $1 $2 $id $(date +%s.%N) $PWD" >> "$(dirname "$0")/effects"
"""
_BACKEND = 'terraform {\n  backend "local" {}\n}\n'
_OPERATION = re.compile(r"/([^/]+)/var/operations/(\d+)(?:/|$)")
_TERRAFORM = """\
resource "terraform_data" "soak" {{
  triggers_replace = "{generation}"

  provisioner "local-exec" {{
    command = "sh {script} apply {generation}"
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happened outside, by which operation, on which machine. `end` is None where it was killed."""

    kind: str
    key: str
    environment: str
    operation: int | None
    machine: str
    begin: float
    end: float | None


# The code of what is planned: an environment, or a stack of one.
PLANNED = {
    "dev/core": fleet.DIRECTORIES["dev"],
    "dev/dns": "instances/dev-dns",
    "staging": fleet.DIRECTORIES["staging"],
}


class Counters:
    """Lets applies and playbooks of the world say when they begin and end."""

    def __init__(self, world: World, services: Mapping[str, str]) -> None:
        self._world = world
        self._services = services  # of staging, by the role of machines that each is deployed to
        self._generation = 0

    def install(self) -> None:
        """Commit code that counts. Each apply, and each playbook on its one host, is one effect."""
        for planned in PLANNED:
            directory = self._directory(planned)
            directory.mkdir()
            (directory / "effect.sh").write_text(_SCRIPT.format(lasts=LASTS))
        script = self._directory("staging") / "effect.sh"
        for role in self._services:
            task = f"    - name: Count\n      ansible.builtin.command: sh {script} playbook {role}\n\n"
            change(self._world, f"provisioners/deploy-{role}.yml", "  tasks:\n", f"  tasks:\n{task}")
        repository = self._world.github.repository(INFRASTRUCTURE)
        repository.commit("main", {f"{PLANNED['dev/dns']}/main.tf": _BACKEND.encode()}, "Begin with a stack of names")
        repository.graph.branch("dev", "main")

    def next_generation(self, environment: str) -> None:
        """Commit code of which one apply is needed, by each stack of the environment."""
        self._generation += 1
        for planned, directory in PLANNED.items():
            if planned.startswith(environment):
                text = _TERRAFORM.format(generation=self._generation, script=self._directory(planned) / "effect.sh")
                repository = self._world.github.repository(INFRASTRUCTURE)
                path = f"{directory}/soak.tf"
                repository.commit("main", {path: text.encode()}, f"Generation {self._generation} of {planned}")

    def next_promotion(self) -> None:
        """Commit to dev what main does not have yet."""
        self._generation += 1
        repository = self._world.github.repository(INFRASTRUCTURE)
        name = f"promotions/{self._generation}.txt"
        repository.commit("dev", {name: b"soak\n"}, f"Generation {self._generation} for a promotion")

    def pulls(self) -> tuple[bool, ...]:
        """The pull requests that the bot opened: whether each was merged."""
        pulls = self._world.github.repository(INFRASTRUCTURE).pulls.by_number.values()
        return tuple(pull.merged for pull in pulls if pull.user == BOT_LOGIN)

    def effects(self) -> tuple[Effect, ...]:
        """All of them, in the order in which they began."""
        files = [(name, self._directory(name) / "effects") for name in PLANNED]
        listed = [self._of_service(each) for name, path in files if path.exists() for each in _read(name, path)]
        return tuple(sorted(listed, key=lambda each: each.begin))

    def _of_service(self, effect: Effect) -> Effect:
        service = self._services.get(effect.key)
        return replace(effect, environment=f"{effect.environment}/{service}") if service else effect

    def runs(self) -> dict[str, int]:
        """How many runs the bot started, by workflow file."""
        counted: dict[str, int] = {}
        for run in self._world.github.repository(INFRASTRUCTURE).runs.values():
            if run.actor == BOT_LOGIN:
                path = str(run.workflow.path).rpartition("/")[2]
                counted[path] = counted.get(path, 0) + 1
        return counted

    def _directory(self, planned: str) -> Path:
        environment, _, stack = planned.partition("/")
        return self._world.machines_of(environment) / f"soak{stack}"


def _read(environment: str, path: Path) -> list[Effect]:
    lines = [line.split(" ", 5) for line in path.read_text().splitlines()]
    ends = {parts[3]: float(parts[4]) for parts in lines if parts[0] == "end"}
    listed = []
    for word, kind, key, name, at, directory in lines:
        if word != "begin":
            continue
        place = _OPERATION.search(directory)
        operation, machine = (int(place[2]), place[1]) if place else (None, "")
        listed.append(Effect(kind, key, environment, operation, machine, float(at), ends.get(name)))
    return listed
