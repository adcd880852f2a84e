"""A daemon of staging's backend: a real process with a PID file, which ends with the sandbox."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.github.seed import INFRASTRUCTURE
from sandbox.stories._infrastructure import commit

if TYPE_CHECKING:
    from sandbox.world import World

NAME = "queue-daemon"
_STAGING = "    terraform:\n      directory: instances/staging\n"
_DIRECTORY = '  directory: "{files}/var"\n'
# What is added to the sandbox's configuration; its machines are processes here, which systemd knows nothing of.
CONFIG = {
    _STAGING: f"""    daemons: {{backend: [{NAME}]}}
    daemon_checks:
      settle: 1s
      stop_within: 10s
      without_systemd:
        "*":
          command: "{{files}}/daemons/{{daemon}}"
          pid_file: "{{files}}/daemons/{{daemon}}.pid"
          start: "{{files}}/daemons/start {{daemon}}"
          stop: "kill $(cat {{files}}/daemons/{{daemon}}.pid)"
{_STAGING}""",
    # A playbook of this story starts the daemon here: behind the wall it would end with the playbook.
    _DIRECTORY: f"{_DIRECTORY}  isolation: none\n",
}
_START = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
setsid "$PWD/$1" >/dev/null 2>&1 </dev/null &
echo $! > "$1.pid"
sleep 0.2 # until it has a session of its own, it ends with whoever started it
"""
# It takes its time to stop, as daemons do that finish their work first.
_DAEMON = """#!/bin/sh
trap 'sleep 1; exit 0' TERM
while [ -e "$0" ]; do sleep 0.2; done
"""
PLAYBOOK = "provisioners/deploy-backend.yml"


@dataclass(frozen=True)
class Backend:
    """The daemon on the backend."""

    directory: Path

    @property
    def running(self) -> int:
        """How many of it run."""
        count = 0
        for process in os.scandir("/proc"):
            with suppress(OSError):
                if process.name.isdigit():
                    words = Path(process.path, "cmdline").read_bytes().split(b"\0")
                    count += str(self.directory / NAME).encode() in words
        return count

    @property
    def start(self) -> str:
        """The command that starts it."""
        return f"{self.directory}/start {NAME}"


def daemon_of(world: World) -> Backend:
    """Put the daemon's programs there; it does not run yet."""
    directory = world.files / "daemons"
    directory.mkdir()
    for name, text in {"start": _START, NAME: _DAEMON}.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    return Backend(directory)


def playbook_runs(world: World, command: str, message: str) -> None:
    """Commit that a deploy of the backend ends with this command."""
    text = world.github.repository(INFRASTRUCTURE).graph.resolve("main").files[PLAYBOOK].decode()
    task = f"\n    - name: Restart the daemons\n      ansible.builtin.shell: {command}\n      changed_when: true\n"
    commit(world, {PLAYBOOK: text.rstrip() + "\n" + task}, message)
