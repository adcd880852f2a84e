"""The second try of `make test`: what passes only then is named, what fails twice fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
from pathlib import Path

def test_passes():
    pass

def test_fails_once(tmp_path_factory):
    flag = Path("failed-once")
    tried = flag.exists()
    flag.touch()
    assert tried

def test_fails_if_asked():
    assert not Path("broken").exists()
"""


def run(folder: Path, module: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(("broken", "status"), [(False, 0), (True, 1)], ids=["one flaky", "one flaky, one broken"])
def test_what_passes_only_the_second_time_is_named(tmp_path: Path, broken: bool, status: int) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    if broken:
        (tmp_path / "broken").touch()
    assert run(tmp_path, "pytest")[0] == 1
    code, output = run(tmp_path, "tests.second_try")
    assert code == status, output
    assert "FLAKY: 1 " in output
    named = output.partition("These passed only in a second try:\n")[2]
    assert named.split() == ["test_some.py::test_fails_once"]


def test_a_second_try_without_a_failure_to_repeat_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    code, output = run(tmp_path, "tests.second_try")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED, output
    assert "FLAKY" not in output
