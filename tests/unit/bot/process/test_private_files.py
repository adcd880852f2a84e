"""Files that decide: private ones are accepted, and others are refused with what to type."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from bot.errors import ConfigError
from bot.process.private_files import make_private_directory, require

if TYPE_CHECKING:
    from pathlib import Path

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
    assert f"{path} belongs to another user (uid 65534); type: chown {os.geteuid()} {path}" in refused(path)


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
