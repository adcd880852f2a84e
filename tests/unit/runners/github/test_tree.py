"""An archive against GitHub's own list of the commit's files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners.errors import UnavailableError
from runners.github import commits
from runners.github.archive import fetch_code
from sandbox.github import GitHubStandIn, archives
from sandbox.github.shapes import trees

if TYPE_CHECKING:
    from pathlib import Path

    from runners.github import GitHub
    from sandbox.github.commits import Commit as GitCommit
    from sandbox.github.repository import Repository

REPOSITORY = "PermanentOrg/infrastructure"


def pack_otherwise(
    monkeypatch: pytest.MonkeyPatch, *, without: tuple[str, ...] = (), more: tuple[str, ...] = ()
) -> None:
    """Let GitHub pack archives that lack these files, or have more."""
    whole = archives.tarball

    def tarball(repository: Repository, commit: GitCommit) -> bytes:
        packed = {path: content for path, content in commit.files.items() if path not in without}
        return whole(repository, replace(commit, files={**packed, **dict.fromkeys(more, b"more")}))

    monkeypatch.setattr(archives, "tarball", tarball)


async def fetched(github: GitHub, tmp_path: Path) -> Path:
    return await fetch_code(github, await commits.resolve(github, REPOSITORY, "main"), tmp_path / "code")


async def test_an_archive_that_lacks_a_file_is_refused(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_otherwise(monkeypatch, without=("README.md",))
    with pytest.raises(UnavailableError, match=r"not all files of the commit \(1: 'README.md'\)"):
        await fetched(github, tmp_path)
    assert not (tmp_path / "code").exists()


async def test_an_archive_with_another_file_is_refused(
    github: GitHub, stand_in: GitHubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.repository(REPOSITORY).commit("main", {".gitattributes": "README.md export-ignore\n"}, "Omit a file")
    pack_otherwise(monkeypatch, more=("instances/evil.tf",))
    with pytest.raises(UnavailableError, match=r"files that the commit does not have \(1: 'instances/evil.tf'\)"):
        await fetched(github, tmp_path)


@pytest.mark.parametrize("omitted", [("README.md",), ("README.md", ".gitattributes")], ids=["file", "attributes too"])
async def test_files_that_the_repository_omits_may_be_missing(
    github: GitHub,
    stand_in: GitHubStandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    omitted: tuple[str, ...],
) -> None:
    text = "".join(f"{path} export-ignore\n" for path in omitted)
    stand_in.repository(REPOSITORY).commit("main", {".gitattributes": text}, "Omit files")
    pack_otherwise(monkeypatch, without=omitted)
    root = await fetched(github, tmp_path)
    assert not (root / "README.md").exists()


async def test_attributes_that_omit_nothing_excuse_nothing(
    github: GitHub, stand_in: GitHubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.repository(REPOSITORY).commit("main", {".gitattributes": "*.sh text eol=lf\n"}, "Line ends")
    pack_otherwise(monkeypatch, without=("README.md", ".gitattributes"))
    with pytest.raises(UnavailableError, match="not all files"):
        await fetched(github, tmp_path)


async def test_a_cut_list_is_not_compared_and_the_log_says_so(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trees, "MOST_ENTRIES", 3)
    pack_otherwise(monkeypatch, without=("README.md",))
    assert (await fetched(github, tmp_path)).is_dir()
    assert "GitHub's list of files is cut" in caplog.text
