"""What a child leaves in place of a file: links, pipes, sockets, devices, too much."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from runners.ansible.files import Places
from runners.caches import Cache
from runners.processes.detached import Detached
from runners.processes.foreign_files import read_regular
from runners.terraform import Program, Workspace
from runners.terraform.plugin_cache import key_of

if TYPE_CHECKING:
    from pathlib import Path

MOST = 1000


def hostile(path: Path, kind: str) -> None:
    """Put something in place of a file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        target = path.with_name("target")
        target.write_text("secret")
        path.symlink_to(target)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "directory":
        path.mkdir()
    else:
        path.write_bytes(b"x" * (MOST + 1))


@pytest.mark.parametrize("kind", ["pipe", "link", "socket", "directory", "large"])
def test_nothing_but_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "f"
    hostile(path, kind)
    with pytest.raises(OSError, match=r"."):
        read_regular(path, most=MOST)


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * MOST)
    assert read_regular(tmp_path / "f", most=MOST) == b"x" * MOST


@pytest.mark.parametrize("kind", ["pipe", "link", "socket", "directory"])
async def test_the_outcomes_of_a_hostile_playbook_count_for_nothing(tmp_path: Path, kind: str) -> None:
    places = Places(tmp_path)
    places.data.mkdir()
    hostile(places.outcomes, kind)
    with pytest.raises(OSError, match=r"regular file|symbolic links|directory|device or address"):
        await Detached(places.run).written_file(places.outcomes, most=MOST)


@pytest.mark.parametrize("kind", ["pipe", "link", "socket", "directory"])
def test_a_hostile_lock_file_pins_nothing(tmp_path: Path, kind: str) -> None:
    program = Program("/usr/bin/terraform", "terraform", "1.11.4")
    workspace = Workspace(program, tmp_path, tmp_path / "scratch", {}, plugin_cache=Cache(tmp_path / "cache"))
    hostile(workspace.lock_file, kind)
    assert key_of(workspace) is None
