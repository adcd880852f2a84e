"""`check` reads the team's own inventory at the ref: hosts, groups, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.check.code import Checkout
from bot.check.code_ansible import Playbooks, check_playbooks, find_hosts
from bot.check.result import Findings
from bot.config import read
from runners.processes.wall import WALL
from tests.unit.handlers.conftest import FILE
from tests.unit.handlers.deploy.ansible.rollouts import COMMIT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_bwrap
CONFIG = FILE.replace("user: deployer,", "user: deployer, inventory: hosts.ini,")
KEY = "environments.staging.deploy.ansible"


async def findings(root: Path, hosts: str, play_hosts: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The facts and problems, where the playbook of backend is for these hosts."""
    config = read(CONFIG, "signalbox.yaml")
    environment = config.environments["staging"]
    assert environment.deploy
    settings = environment.deploy.ansible
    assert settings
    project = root / "code" / settings.directory
    project.mkdir(parents=True)
    (root / "scratch").mkdir()
    (project / "hosts.ini").write_text(hosts)
    playbook = project / settings.playbook.format(machine="backend", environment="staging")
    playbook.write_text(f"- hosts: {play_hosts}\n  tasks: [{{ansible.builtin.debug: {{msg: hi}}}}]\n")
    result = Findings("code")
    checkout = Checkout(environment, COMMIT, root / "code", root / "scratch", WALL)
    running = await find_hosts(config, environment, settings, result)
    key, reached = environment.key_of("deploy", "ansible"), config.host_settings(environment, settings)
    playbooks = Playbooks(settings, environment.machines, key, environment.name, reached, {})
    await check_playbooks({}, checkout, playbooks, running, result)
    return result.facts, result.problems


async def test_the_hosts_that_it_finds_are_counted(tmp_path: Path) -> None:
    facts, problems = await findings(tmp_path, "[backend]\nb1\nb2\n[other]\no1\n", "backend")
    assert not problems
    assert facts == [f"staging: 1 playbook can run on 2 hosts at {COMMIT.short}"]


@pytest.mark.parametrize(
    ("hosts", "play_hosts", "problem", "remedy"),
    [
        ("[backends]\nb1\n", "backends", "has no group `backend`", "It has `backends`, "),
        ("[backend]\nb1\n", "backends", "names `backends`, which is not in the inventory", "Did you mean `backend`?"),
        ("[backend]\nb1 ansible_user=root\n", "backend", "b1 has ansible_user: root", "deploy.ansible.user"),
        ("[backend\nb1\n", "backend", "reading the inventory hosts.ini: ", ""),
    ],
)
async def test_what_is_wrong_is_one_line_with_what_to_do(
    tmp_path: Path, hosts: str, play_hosts: str, problem: str, remedy: str
) -> None:
    _, problems = await findings(tmp_path, hosts, play_hosts)
    ((text, what_to_do),) = problems
    assert text.startswith(KEY)
    assert problem in text
    assert remedy in what_to_do
    assert "\n" not in text
