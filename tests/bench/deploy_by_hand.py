"""A deploy to twelve hosts over SSH through the runner, beside the same ansible-playbook typed by hand."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from runners.ansible import PlaybookJob, run_playbook
from runners.ansible.files import inventory_text
from runners.results import Host, Inventory, State
from runners.ssh import host_keys
from sandbox.ports import free_port
from tests.bench.figures import Figure
from tests.real.ssh_support import Server, running_servers

if TYPE_CHECKING:
    from runners.results import PlaybookResult

HOSTS = 12
FACTOR, OVERHEAD = 1.1, 1.0  # limits: times the time by hand, and seconds
TIMEOUT = 300.0
PLAYBOOK = """- hosts: all
  gather_facts: false
  tasks:
    - {name: Release, ansible.builtin.file: {path: "%(directory)s/{{ inventory_hostname }}", state: directory, mode: "0700"}}
    - name: Configuration
      ansible.builtin.copy: {content: "release", dest: "%(directory)s/{{ inventory_hostname }}/env", mode: "0600"}
    - {name: Restart, ansible.builtin.command: "true"}
"""


async def measure(*, quick: bool) -> list[Figure]:
    """Measure both in turn, each on files of its own."""
    tasks = 1 if quick else 3
    with tempfile.TemporaryDirectory(prefix="deploy-") as place:
        directory = Path(place)
        addresses = [f"127.0.0.{number}" for number in range(1, HOSTS + 1)]
        async with running_servers(directory, free_port(), addresses) as servers:
            pairs = [
                (
                    await _by_hand(directory / f"hand-{number}", servers),
                    await _by_runner(directory / f"run-{number}", servers),
                )
                for number in range(tasks)
            ]
    overheads = [runner - FACTOR * hand for hand, runner in pairs]
    hand, runner = (median(seconds) for seconds in zip(*pairs, strict=True))
    detail = f"median of {tasks} rounds; {runner:.2f} s beside {hand:.2f} s by hand, {HOSTS} hosts"
    what = f"a deploy over SSH beyond {FACTOR:g} times its time by hand"
    return [Figure(what, median(overheads), " s", OVERHEAD, detail=detail)]


def _inventory(servers: list[Server]) -> Inventory:
    hosts = tuple(
        Host(f"web-{number}", "web", f"i-{number}", server.address, "ami-1", "us-west-2a")
        for number, server in enumerate(servers, 1)
    )
    return Inventory("staging", hosts, getpass.getuser(), servers[0].port, "ssh")


def _project(directory: Path) -> Path:
    directory.mkdir()
    (directory / "deploy.yml").write_text(PLAYBOOK % {"directory": directory})
    return directory


async def _by_runner(directory: Path, servers: list[Server]) -> float:
    """Deploy by the runner, with the preparation of a deploy: reading the keys of every host."""
    project, there = _project(directory), _inventory(servers)
    began = time.perf_counter()
    existing = await host_keys.scan(there, directory)
    job = PlaybookJob(
        project=project,
        playbook="deploy.yml",
        inventory=there,
        limit=None,
        extra_vars={"ansible_python_interpreter": sys.executable},
        secret_vars={"database_url": "mysql://bench"},
        private_key=servers[0].user_key,
        scratch=directory / "scratch",
        known_hosts=host_keys.known_hosts(there, existing),
    )

    async def ignore(_: PlaybookResult) -> None:
        """Ignore the progress."""

    result = await run_playbook(job, on_progress=ignore, timeout=TIMEOUT)
    if result.state is not State.SUCCEEDED:
        raise RuntimeError(f"the deploy failed: {result.log_tail}")
    return time.perf_counter() - began


async def _by_hand(directory: Path, servers: list[Server]) -> float:
    project = _project(directory)
    (directory / "hosts.json").write_text(inventory_text(_inventory(servers), directory))
    key = directory / "key"
    key.write_text(servers[0].user_key)
    key.chmod(0o600)
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_FORKS": "10",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_PRIVATE_KEY_FILE": str(key),
    }
    argv = ["ansible-playbook", "-i", str(directory / "hosts.json"), "deploy.yml"]
    argv += ["-e", f"ansible_python_interpreter={sys.executable}", "-e", "database_url=mysql://bench"]
    began = time.perf_counter()
    quiet = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*argv, cwd=project, env=env, stdin=quiet, stdout=quiet, stderr=quiet)
    if await child.wait():
        raise RuntimeError(f"ansible-playbook by hand ended with {child.returncode}")
    return time.perf_counter() - began
