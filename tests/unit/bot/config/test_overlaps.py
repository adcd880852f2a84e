"""Overlaps of directories, compared with a reference that compares each directory with each."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

from hypothesis import given, strategies as st

from bot.config import read
from bot.config.isolation import isolations
from bot.config.overlaps import Directories
from bot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = """\
slack: {channel: "#ops"}
github: {repository: acme/infrastructure}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0ANA]}
"""
NAMES = st.sampled_from("abc")
PATHS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)
TREES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=6)
LINKS = st.dictionaries(st.lists(NAMES, min_size=1, max_size=2).map("/".join), PATHS, max_size=4)


def relation(path: Path, other: Path) -> str | None:
    if is_within(path, other):
        return "is the same directory as" if is_within(other, path) else "lies in"
    return "contains" if is_within(other, path) else None


def is_within(path: Path, directory: Path) -> bool:
    real, root = Path(os.path.realpath(path)), Path(os.path.realpath(directory))
    return real.is_relative_to(root) or any(is_same(each, root) for each in (real, *real.parents))


def is_same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False


def make(where: Path, trees: list[str], links: Mapping[str, str]) -> None:
    for path in trees:
        (where / path).mkdir(parents=True, exist_ok=True)
    for name, target in links.items():
        with suppress(OSError):  # it is there already, or its directory is not
            (where / name).symlink_to(where / target)


@given(TREES, LINKS, st.lists(PATHS, max_size=8), PATHS)
def test_directories_overlap_as_when_each_is_compared(
    trees: list[str], links: dict[str, str], listed: list[str], path: str
) -> None:
    """Directories, links to them, loops of links, and paths to what does not exist."""
    with TemporaryDirectory() as directory:
        where = Path(directory) / "x" / "y"
        where.mkdir(parents=True)
        make(where, trees, links)
        paths = [where / each for each in listed]
        expected = [(number, related) for number, each in enumerate(paths) if (related := relation(each, where / path))]
        assert list(Directories(paths).overlaps(where / path)) == expected


def test_what_a_bind_mount_shares_is_one_directory(tmp_path: Path) -> None:
    """Two paths with one inode: a mount needs root, so the file system's answer is that of the other path."""
    for name in ("a/inside", "mounted"):
        (tmp_path / name).mkdir(parents=True)
    stat = Path.stat

    def mounted(path: Path, **named: bool) -> os.stat_result:
        return stat(tmp_path / "a" if path == tmp_path / "mounted" else path, **named)

    with patch.object(Path, "stat", mounted):
        directories = Directories([tmp_path / "a", tmp_path / "a/inside", tmp_path / "b"])
        assert list(directories.overlaps(tmp_path / "mounted")) == [(0, "is the same directory as"), (1, "lies in")]


def test_each_directory_is_resolved_once(tmp_path: Path) -> None:
    """Two hundred environments with two directories each: the file system is asked some times for each, not for each pair."""
    lines = [HEAD, "environments:\n"]
    for number in range(200):
        (tmp_path / f"writable{number}").mkdir()
        granted = f"isolation: {{writable: [{tmp_path}/writable{number}]}}"
        states = f"terraform: {{directory: i, backend_config: {{path: {tmp_path}/state{number}/a.tfstate}}}}"
        lines.append(f"  e{number}: {{deploy: {{github_actions: {{workflow: d.yml}}}}, {granted}, {states}}}\n")
    config = read("".join(lines))
    with patch.object(os.path, "realpath", wraps=os.path.realpath) as resolved:
        isolations(config, tmp_path / "bot/var", tmp_path / "bot/signalbox.yaml")
    assert resolved.call_count < 400 * 8


ENVIRONMENTS = st.lists(st.lists(PATHS, max_size=3), min_size=1, max_size=4)


@given(ENVIRONMENTS, st.lists(PATHS, max_size=3))
def test_the_same_faults_are_found_in_the_same_order(environments: list[list[str]], readable: list[str]) -> None:
    """Generated configurations: each grant with each later one of another environment, and what all read with each."""
    with TemporaryDirectory() as directory:
        where = Path(directory) / "x/y/z/z"
        make(where, ["a/b/c", "b/c", "c"], {"a/c": "b"})
        text = HEAD + f"operations: {{readable: {[str(where / each) for each in readable]}}}\nenvironments:\n"
        for number, paths in enumerate(environments):
            granted = [str(where / each) for each in paths]
            text += f"  e{number}: {{deploy: {{github_actions: {{workflow: d.yml}}}}, isolation: {{writable: {granted}}}}}\n"
        grants = [(number, where / each) for number, paths in enumerate(environments) for each in paths]
        faults = []
        try:
            isolations(read(text), where / "bot/var", where / "bot/signalbox.yaml")
        except ConfigError as error:
            faults = [
                each.problem.partition(" (environments.")[0] for each in error.faults if "code of" in each.problem
            ]
        expected = [
            f"{second} {related} {first}"
            for position, (owner, first) in enumerate(grants)
            for other, second in grants[position + 1 :]
            if owner != other and (related := relation(second, first))
        ]
        if len(environments) > 1:
            pairs = ((where / each, path) for each in readable for _, path in grants)
            expected += [
                f"{path} {related} {granted}" for path, granted in pairs if (related := relation(path, granted))
            ]
        assert faults == expected
