"""Symbolic links of an archive that lead through each other: judged as the system judges them, in bounded time."""

from __future__ import annotations

import os
import tarfile
import time
from gzip import compress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from runners.errors import RunnerError
from runners.github.archive import Limits
from runners.github.links import Links, OutsideError
from tests.attacks.archive_support import TOP, member, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHAIN, LINKS = 90, 400
TIME = 5.0  # seconds of processor time; `os.path.realpath` for each link takes some minutes
PARTS = st.sampled_from(["..", ".", "a", "b", "c", "dir", "dir/a", "dir/b", "none"])
GRAPHS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "dir/a", "dir/b"]),
    st.lists(PARTS, min_size=1, max_size=6).map("/".join),
    max_size=5,
)


def test_links_through_links_take_bounded_time(tmp_path: Path) -> None:
    members, before = [member(f"{TOP}/d", tarfile.DIRTYPE)], "d"
    for number in range(CHAIN + LINKS):
        name = f"l{number:04d}"
        members.append(
            member(f"{TOP}/{name}", tarfile.SYMTYPE, f"{before}/../" * (1_400 // len(f"{before}/../")) + before)
        )
        before = name if number < CHAIN else before
    begun = time.process_time()
    unpacked(compress(packed(*members)), tmp_path / "x")
    assert time.process_time() - begun < TIME


def test_folders_that_only_the_names_of_files_have_count(tmp_path: Path) -> None:
    deep = "/".join("d" * 90)
    members = [member(f"{TOP}/{number}/{deep}/file") for number in range(50)]
    with pytest.raises(RunnerError, match="larger than"):
        unpacked(compress(packed(*members)), tmp_path / "x", Limits(entries=1_000))


@settings(max_examples=300)
@given(graph=GRAPHS)
def test_what_leads_outside_is_refused_as_the_system_resolves_it(
    tmp_path_factory: pytest.TempPathFactory, graph: Mapping[str, str]
) -> None:
    root = tmp_path_factory.mktemp("graph") / "top"
    (root / "dir").mkdir(parents=True)
    for path, target in graph.items():
        (root / path).symlink_to(target)
    links = Links(graph)
    for path in graph:
        try:
            links.check(path)
        except OutsideError:
            continue
        try:
            real = os.path.realpath(root / path, strict=True)
        except OSError:
            continue  # it leads nowhere
        assert real == str(root) or real.startswith(f"{root}/")
