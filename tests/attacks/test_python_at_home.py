"""A Python environment in somebody's home: children see of that home the environment alone, and a home that is one is refused.

Each test makes a real environment and runs the wall by its Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from runners.processes import interpreter
from tests.attacks.other_user import ROOT

SECRETS = (".env", ".ssh/id_ed25519", ".aws/credentials", "project/notes.txt", ".venvs/other/pyvenv.cfg")
_LIST = """
import asyncio, json, sys
from pathlib import Path
from runners.processes import child, interpreter
from runners.processes.wall import WALL
work, home = map(Path, sys.argv[1:])
work.mkdir()
script = "import json, os, sys; print(json.dumps([path for top in sys.argv[1:] for path, _, _ in os.walk(top)]))"
files = "import json, os, sys; print(json.dumps([f'{path}/{name}' for path, _, names in os.walk(sys.argv[1]) for name in names]))"
visible = []
for code, of in ((files, [home]), (script, [each for each in interpreter._homes() if each != Path("/")])):
    argv, env = [sys.executable, "-I", "-S", "-c", code, *map(str, of)], child.child_environment(work)
    room = WALL.room(writable=[work])
    answer = asyncio.run(child.run(argv, cwd=work, env=env, timeout=60, doing="attacking", room=room))
    assert answer.exit_code == 0, answer.stderr
    visible.append(json.loads(answer.stdout))
print(json.dumps({"files": visible[0], "directories": visible[1], "python": list(map(str, interpreter.directories()))}))
"""
_PROVE = """
import asyncio, sys
from pathlib import Path
from runners.errors import RunnerError
from runners.processes import probe
from runners.processes.wall import WALL
try:
    print(asyncio.run(probe.prove(WALL, Path(sys.argv[1]))))
except RunnerError as error:
    print(error, "|", error.remedy)
"""


def run(prefix: Path, home: Path, code: str, *arguments: Path) -> str:
    """What this code prints, run by the environment's Python for somebody with this home."""
    libraries = ":".join((str(ROOT), sysconfig.get_path("purelib")))
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": libraries, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [str(prefix / "bin" / "python"), "-c", code, *map(str, arguments)]
    done = subprocess.run(argv, env=env, cwd=home, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home" / "ana"
    for name in SECRETS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("a secret")
    return home


@pytest.mark.needs_bwrap
@pytest.mark.slow("starts bubblewrap")
@pytest.mark.parametrize("prefix", ["project/.venv", ".pyenv/versions/3.11", ".local/share/uv/tools/signalbox"])
def test_of_a_home_the_environment_alone_is_seen(home: Path, tmp_path: Path, prefix: str) -> None:
    made = home / prefix
    venv.create(made, symlinks=True)
    visible = json.loads(run(made, home, _LIST, tmp_path / "work", home))
    assert str(made / "pyvenv.cfg") in visible["files"]
    assert [path for path in visible["files"] if not Path(path).is_relative_to(made)] == []
    # The same for the real Python, where it is in a real home: directories that lead to it, and it.
    trees = [Path(path) for path in visible["python"]]
    usual = ("/usr", "/bin", "/sbin", "/dev", "/lib", "/tmp", "/var/tmp")
    for path in map(Path, visible["directories"]):
        allowed = any(path.is_relative_to(tree) or tree.is_relative_to(path) for tree in trees)
        assert allowed or str(path).startswith(usual), f"{path} is seen"


@pytest.mark.parametrize("prefix", [".", ".."])
def test_a_home_that_is_an_environment_is_refused_in_words(home: Path, tmp_path: Path, prefix: str) -> None:
    made = (home / prefix).resolve()
    venv.create(made, symlinks=True)
    answer = run(made, home, _PROVE, tmp_path / "var")
    assert f"the bot's Python is installed in {made}, which has all files of the home directory {home}" in answer
    assert "children would see them | Install Python in a directory of its own" in answer


def test_this_python_is_in_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert interpreter.fault() is None
    assert interpreter.directories() or sys.base_prefix.startswith("/usr")
