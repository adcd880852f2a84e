"""What a child leaves for the bot: trees that are hard to remove, and other things in place of the files that it reads."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runners.ansible.files import Places
from runners.ansible.galaxy import search_paths
from runners.ansible.requirements import find
from runners.errors import RunnerError
from runners.processes import child
from runners.processes.scratch import wipe
from runners.processes.wall import WALL
from tests.attacks.other_user import ROOT, as_plain_user, give_to_plain_user

TREES = {
    "deep": "i=0; while [ $i -lt 1500 ]; do mkdir d; cd d; i=$((i+1)); done; touch secret",
    "closed": "mkdir -p a/b/c; touch a/b/c/secret; chmod 0 a/b/c a/b a",
    "named like an option": "mkdir -- -rf; touch -- -rf/--help; chmod 0 -- -rf",
}
KINDS = ("pipe", "endless", "large", "outside")


@pytest.mark.needs_bwrap
@pytest.mark.slow("starts bubblewrap, and a shell that makes 1,500 directories")
@pytest.mark.parametrize("tree", TREES)
async def test_every_tree_is_removed(tmp_path: Path, tree: str) -> None:
    operation = tmp_path / "7"
    places = Places(operation / "playbook-web" / "ansible")
    places.base.mkdir(mode=0o700, parents=True)
    operation.chmod(0o700)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    for directory in (operation / "code", places.data):
        directory.mkdir()
        (directory / "link").symlink_to(outside)
        env, room = child.child_environment(places.home), WALL.room(writable=[directory, places.home])
        argv = ["sh", "-ec", TREES[tree]]
        answer = await child.run(argv, cwd=directory, env=env, timeout=60, doing="attacking", room=room)
        assert answer.exit_code == 0, answer.stderr
    await asyncio.to_thread(places.remove_secrets)
    assert not places.data.exists()
    await wipe(operation)
    assert not operation.exists()
    assert outside.stat().st_mode & 0o777 == 0o500


def put(path: Path, kind: str) -> None:
    """Put something in place of a file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "large":
        path.write_bytes(b"")
        os.truncate(path, 4 << 40)
    else:
        outside = path.parent.parent / "outside"
        outside.write_text("[defaults]\nroles_path = /of-the-bot\n")
        path.symlink_to(outside)


# In a process of its own: a thread that waits for a pipe would keep the tests from ending.
READ_SETTINGS = "import sys; from pathlib import Path; from runners.ansible.galaxy import search_paths as s; p = Path(sys.argv[1]); print(s(p, p / 'installed', p))"


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_a_playbook_replaced_count_for_nothing(tmp_path: Path, kind: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    put(project / "ansible.cfg", kind)
    argv = ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh", sys.executable, "-c", READ_SETTINGS, str(project)]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=9)
    assert str(project / "installed") in answer.stdout
    assert "of-the-bot" not in answer.stdout


@pytest.mark.parametrize("kind", ["large", "outside"])
@pytest.mark.parametrize("name", ["requirements.yml", "ansible.cfg"])
def test_requirements_that_a_playbook_replaced_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "requirements.yml").write_text("collections: [a.b]")
    (project / name).unlink(missing_ok=True)
    put(project / name, kind)
    with pytest.raises(RunnerError, match=r"cannot be read|larger than"):
        find(project, project)


def test_settings_that_a_link_of_the_repository_names_are_read(tmp_path: Path) -> None:
    project = tmp_path / "repository" / "ansible"
    project.mkdir(parents=True)
    (project.parent / "shared.cfg").write_text("[defaults]\nroles_path = more\n")
    (project / "ansible.cfg").symlink_to("../shared.cfg")
    assert str(project / "more") in search_paths(project, tmp_path, project.parent)["ANSIBLE_ROLES_PATH"]


@pytest.mark.needs_bwrap
@pytest.mark.slow("starts bubblewrap as another user")
@pytest.mark.skipif(os.geteuid() != 0, reason="a plain user runs all the other tests")
def test_a_bot_of_a_plain_user_removes_every_tree_as_well() -> None:
    home = tempfile.mkdtemp(prefix="plain-")  # pytest's own directory is closed for others
    try:
        give_to_plain_user(Path(home))
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        argv += [f"--basetemp={home}/tests", "-k", "tree_is_removed", __file__]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment |= {"HOME": home, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": home}
        command = as_plain_user(argv)
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
        assert "passed" in result.stdout
    finally:
        shutil.rmtree(home, ignore_errors=True)
