"""Files that decide: private ones are accepted, and others are refused with what to type."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st

from bot.errors import ConfigError
from bot.process.private_files import left_as_found, make_private_directory, require

ROOTS = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def refused(*paths: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        require(*paths)
    return str(raised.value)


def test_a_new_directory_is_private_whatever_the_umask_is(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_private_directory(tmp_path / "var")
    finally:
        os.umask(before)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    require(tmp_path / "var", tmp_path / "missing")


@given(st.integers(0, 0o777), st.booleans())
def test_exactly_what_group_and_others_may_not_use_is_accepted(
    tmp_path_factory: pytest.TempPathFactory, mode: int, directory: bool
) -> None:
    path = tmp_path_factory.mktemp("files") / "it"
    path.mkdir() if directory else path.touch()
    path.chmod(mode)
    listed = subprocess.run(["ls", "-ld", str(path)], capture_output=True, text=True, check=True).stdout
    if listed[4:10] == "------":  # what ls displays of the group and the others
        require(path)
        return
    command = refused(path).rpartition("type: ")[2]
    assert command == f"chmod {700 if directory else 600} {path}"
    subprocess.run(shlex.split(command), check=True)
    require(path)


@ROOTS
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "var"
    path.mkdir(mode=0o700)
    os.chown(path, 65534, 65534)
    assert refused(path) == (
        f"files: {path} belongs to nobody (uid 65534). Signalbox runs as root (uid 0): run it as nobody, "
        f"or type as root: chown -R 0 {path}"
    )


@ROOTS
def test_what_another_users_start_left_in_the_directory_is_refused_with_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "var"
    make_private_directory(path)
    for name in ("serve.lock", "signalbox.sqlite"):
        (path / name).touch()
        os.chown(path / name, 65534, 65534)
    with pytest.raises(ConfigError, match=r"and 1 more there: belongs to nobody \(uid 65534\)") as raised:
        make_private_directory(path)
    subprocess.run(shlex.split(str(raised.value).rpartition("type as root: ")[2]), check=True)
    make_private_directory(path)


AS_NOBODY = """
import os, sys
from pathlib import Path
from bot.errors import ConfigError
from bot.process.private_files import make_private_directory
os.setuid(65534)
try:
    make_private_directory(Path(sys.argv[1]))
except ConfigError as error:
    print(error)
"""


@ROOTS
@pytest.mark.parametrize("below", ["var", "var/deep"])
def test_a_directory_that_this_user_may_not_make_is_refused_with_what_to_type(tmp_path: Path, below: str) -> None:
    with TemporaryDirectory(prefix="signalbox-", dir="/tmp") as name:  # pytest's own is closed to other users
        Path(name).chmod(0o755)
        path = Path(name) / below

        def try_it() -> str:
            made = subprocess.run([sys.executable, "-c", AS_NOBODY, path], capture_output=True, text=True, check=True)
            return made.stdout.strip()

        problem = try_it()
        assert problem.startswith(
            f"files: {path} cannot be made: {name} belongs to root (uid 0), and Signalbox runs as nobody (uid 65534)."
        )
        subprocess.run(shlex.split(problem.rpartition("Type as root: ")[2]), check=True)
        assert try_it() == ""


@ROOTS
def test_a_read_only_file_system_is_named(tmp_path: Path) -> None:
    script = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && exec {sys.executable} -c"
    command = f"{script} '{AS_NOBODY.replace('os.setuid(65534)', '')}' {tmp_path}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no mount namespace here: {done.stderr[:200]}")
    assert "its file system is read-only; set operations.directory to a place that can be written to" in done.stdout


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    for path in (tmp_path / "var", tmp_path / "var/operations"):
        with pytest.raises(ConfigError, match=r"is a file; set operations\.directory to a directory"):
            make_private_directory(path)


def test_a_directory_that_was_not_there_is_removed_unless_somebody_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "deep/var"
    with left_as_found(path):
        make_private_directory(path)
    assert list(tmp_path.iterdir()) == []
    with left_as_found(path):
        make_private_directory(path)
        (path / "serve.lock").touch()
    assert (path / "serve.lock").exists()
    with left_as_found(path):
        (path / "serve.lock").unlink()
    assert path.exists()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "var").symlink_to("real")
    assert f"var is a symbolic link; name the place that it leads to, {tmp_path}/real" in refused(tmp_path / "var")
    (tmp_path / "nowhere").symlink_to("missing")
    assert "nowhere is a symbolic link" in refused(tmp_path / "nowhere")


def test_a_directory_above_that_everybody_may_write_to_is_refused_unless_it_is_sticky(tmp_path: Path) -> None:
    above = tmp_path / "above"
    (above / "between").mkdir(parents=True)
    make_private_directory(above / "between/var")
    above.chmod(0o777)
    assert f"other users may replace what is in {above}; type: chmod o-w {above}" in refused(above / "between/var")
    above.chmod(0o1777)
    require(above / "between/var")
