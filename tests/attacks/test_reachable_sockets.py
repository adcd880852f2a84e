"""What a child behind the wall reaches by sockets: loopback, as docs/isolation.md says, and no socket of a name."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from runners.processes import child
from runners.processes.wall import WALL

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_bwrap
SCOPES_SOCKETS = 6  # the version of Landlock that does, of Linux 6.12
CONNECT = """
import socket, sys
name = chr(0) + sys.argv[1]
try:
    socket.socket(socket.AF_UNIX, socket.{kind}).connect(name)
    print("connected")
except OSError as error:
    print(type(error).__name__)
own = socket.socket(socket.AF_UNIX, socket.{kind})
own.bind(name + "-own")
if "{kind}" == "SOCK_STREAM":
    own.listen()
socket.socket(socket.AF_UNIX, socket.{kind}).connect(name + "-own")
print("own")
"""


def landlock() -> int:
    """The version of Landlock that the kernel has; 0 or less: none."""
    ask_version = ctypes.c_long(1)
    return int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ask_version)) if sys.platform == "linux" else 0


async def printed(tmp_path: Path, *argv: str) -> list[str]:
    home = tmp_path / "home"
    env, room = child.child_environment(home), WALL.room(writable=[home])
    command = [sys.executable, "-I", "-c", *argv]
    answer = await child.run(command, cwd=home, env=env, timeout=60, doing="attacking", room=room)
    assert not answer.stderr
    return answer.stdout.split()


@pytest.mark.skipif(landlock() < SCOPES_SOCKETS, reason="the kernel is older than Linux 6.12, or has no Landlock")
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
async def test_a_child_reaches_no_abstract_socket_of_the_machine_and_may_have_its_own(
    tmp_path: Path, kind: str
) -> None:
    name = f"signalbox-{os.getpid()}-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, getattr(socket, kind)) as server:
        server.bind(f"\0{name}")
        if kind == "SOCK_STREAM":
            server.listen()
        assert await printed(tmp_path, CONNECT.format(kind=kind), name) == ["PermissionError", "own"]


async def test_a_child_reaches_loopback(tmp_path: Path) -> None:
    """A known limit, which the documentation names: Terraform and Ansible need the machine's network."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1]))); print('connected')"
        assert await printed(tmp_path, code, str(server.getsockname()[1])) == ["connected"]
