"""A repository's files at one commit, and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runners.errors import NotFoundError, RunnerError, UnavailableError
from runners.github import commits
from runners.github.archive import DEFAULT_LIMITS, Limits, fetch_code, unpack
from runners.results import Commit
from sandbox.github import DropConnectionError, GitHubError, GitHubStandIn
from tests.unit.runners.conftest import Fault

if TYPE_CHECKING:
    from runners.github import GitHub

REPOSITORY = "PermanentOrg/infrastructure"
SHA = "226b283c0ffee0123456789abcdef0123456789a"
TOP = "PermanentOrg-infrastructure-226b283"


def commit(sha: str = SHA) -> Commit:
    return Commit(REPOSITORY, sha, "main", "subject", "ana", "https://github.example")


async def test_the_files_of_exactly_that_commit_arrive(github: GitHub, stand_in: GitHubStandIn, tmp_path: Path) -> None:
    repository = stand_in.repository(REPOSITORY)
    old = await commits.resolve(github, REPOSITORY, "main")
    repository.commit("main", {"bin/new.sh": "#!/bin/sh\n"}, "Add a script")
    new = await commits.resolve(github, REPOSITORY, "main")
    before = await fetch_code(github, old, tmp_path / "old")
    after = await fetch_code(github, new, tmp_path / "new")
    assert not (before / "bin/new.sh").exists()
    assert (after / "bin/new.sh").read_text() == "#!/bin/sh\n"
    for path, content in repository.graph.resolve("main").files.items():
        assert (after / path).read_bytes() == content
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "new").iterdir()] == [after.name]


async def test_what_an_interrupted_fetch_left_is_replaced(
    github: GitHub, stand_in: GitHubStandIn, tmp_path: Path
) -> None:
    (tmp_path / "code" / "stale").mkdir(parents=True)
    result = await commits.resolve(github, REPOSITORY, "main")
    root = await fetch_code(github, result, tmp_path / "code")
    assert [path.name for path in (tmp_path / "code").iterdir()] == [root.name]


async def test_a_commit_that_is_not_there_leaves_nothing(github: GitHub, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        await fetch_code(github, commit("0" * 40), tmp_path / "code")
    assert not (tmp_path / "code").exists()


@pytest.mark.parametrize("error", [GitHubError(502, "Bad Gateway"), DropConnectionError()], ids=str)
async def test_an_outage_leaves_nothing(
    github: GitHub, stand_in: GitHubStandIn, tmp_path: Path, error: Exception
) -> None:
    result = await commits.resolve(github, REPOSITORY, "main")

    def act() -> object:
        raise error

    stand_in.on_request.append(Fault("GET", "tarball", act, times=99))
    with pytest.raises(UnavailableError):
        await fetch_code(github, result, tmp_path / "code")
    assert not (tmp_path / "code").exists()


async def test_an_archive_over_the_limit_leaves_nothing(github: GitHub, tmp_path: Path) -> None:
    result = await commits.resolve(github, REPOSITORY, "main")
    for limits in (Limits(size=100), Limits(entries=3)):
        with pytest.raises(RunnerError, match="larger than"):
            await fetch_code(github, result, tmp_path / "code", limits=limits)
        assert not (tmp_path / "code").exists()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, 0o644
    return info


def archive(path: Path, *members: tarfile.TarInfo, comment: str | None = SHA) -> Path:
    headers = {"comment": comment} if comment else {}
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def unpacked(path: Path, into: Path, limits: Limits = DEFAULT_LIMITS) -> Path:
    into.mkdir(exist_ok=True)
    return unpack(path, into, SHA, limits, "fetching").root


def test_links_within_are_kept_and_modes_tamed(tmp_path: Path) -> None:
    script = member(f"{TOP}/bin/run", size=3)
    script.mode = 0o6777
    packed = archive(
        tmp_path / "a",
        member(TOP, tarfile.DIRTYPE),
        member(f"{TOP}/link", tarfile.SYMTYPE, "bin/run"),
        member(f"{TOP}/bin", tarfile.DIRTYPE),
        script,
        member(f"{TOP}/bin/up", tarfile.SYMTYPE, "../link"),
    )
    root = unpacked(packed, tmp_path / "into")
    assert (root / "bin" / "up").read_text() == "xxx"
    assert (root / "link").is_symlink()
    assert stat.S_IMODE((root / "bin/run").stat().st_mode) == 0o755


OUTSIDE = {
    "absolute": [member("/etc/passwd", size=1)],
    "up": [member(f"{TOP}/../../evil", size=1)],
    "beside": [member("other/file", size=1)],
    "top only by prefix": [member(f"{TOP}evil/file", size=1)],
    "backslashes": [member(f"{TOP}/..\\evil", size=1)],
    "link out": [member(f"{TOP}/link", tarfile.SYMTYPE, "../../etc")],
    "absolute link": [member(f"{TOP}/link", tarfile.SYMTYPE, "/etc/passwd")],
    "the top as a link": [member(TOP, tarfile.SYMTYPE, "elsewhere")],
    "written through a link": [
        member(f"{TOP}/dir", tarfile.SYMTYPE, "sub"),
        member(f"{TOP}/dir/file", size=1),
    ],
    "a link through a link": [
        member(f"{TOP}/a/b/deep", tarfile.DIRTYPE),
        member(f"{TOP}/short", tarfile.SYMTYPE, "a/b/deep"),
        member(f"{TOP}/x/y/z/out", tarfile.SYMTYPE, "../../../short/../../../../../evil"),
    ],
    "a link that climbs by another": [
        member(f"{TOP}/sub/here", tarfile.SYMTYPE, ".."),
        member(f"{TOP}/sub/out", tarfile.SYMTYPE, "here/../../x"),
    ],
    "a hard link": [member(f"{TOP}/hard", tarfile.LNKTYPE, f"{TOP}/file")],
    "a device": [member(f"{TOP}/null", tarfile.CHRTYPE)],
    "a pipe": [member(f"{TOP}/pipe", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_climbs_out(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    packed = archive(tmp_path / "a", member(TOP, tarfile.DIRTYPE), member(f"{TOP}/file", size=1), *members)
    into = tmp_path / "in" / "to"
    into.mkdir(parents=True)
    with pytest.raises(RunnerError):
        unpacked(packed, into)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["to"]


@pytest.mark.parametrize("top", ["repo-0123456", "repo-226b28", "repo", "226b283x", "-"])
def test_an_archive_of_another_commit_is_refused_by_its_name(tmp_path: Path, top: str) -> None:
    packed = archive(tmp_path / "a", member(top, tarfile.DIRTYPE), comment=None)
    with pytest.raises(RunnerError, match="does not carry that commit"):
        unpacked(packed, tmp_path / "into")


def test_an_archive_of_another_commit_is_refused_by_its_header(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a", member(TOP, tarfile.DIRTYPE), comment="226b283" + "0" * 33)
    with pytest.raises(RunnerError, match="another commit"):
        unpacked(packed, tmp_path / "into")


def test_many_small_bytes_that_unpack_large_are_refused(tmp_path: Path) -> None:
    packed = archive(tmp_path / "a", member(TOP, tarfile.DIRTYPE), member(f"{TOP}/zeros", size=5 << 20))
    assert packed.stat().st_size < 100_000
    with pytest.raises(RunnerError, match="larger than"):
        unpacked(packed, tmp_path / "into", Limits(size=1 << 20))


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "no members"])
def test_a_damaged_archive_is_worth_another_try(tmp_path: Path, damage: str) -> None:
    packed = archive(tmp_path / "a", member(TOP, tarfile.DIRTYPE), member(f"{TOP}/f", size=1 << 16))
    raw = packed.read_bytes()
    packed.write_bytes(
        {"cut": raw[:-40], "noise": os.urandom(500), "empty": b"", "no members": gzip.compress(b"\0" * 10240)}[damage]
    )
    with pytest.raises(UnavailableError):
        unpacked(packed, tmp_path / "into")


NAMES = st.lists(st.sampled_from([TOP, "a", "b", "..", ".", ""]), min_size=1, max_size=5).map("/".join)
LINKS = st.lists(st.sampled_from(["a", "b", "..", ".", TOP, ""]), max_size=6).map("/".join)
KINDS = st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
MEMBERS = st.builds(member, NAMES.map(lambda name: f"{TOP}/{name}"), KINDS, LINKS, st.integers(0, 3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(MEMBERS, max_size=8))
def test_whatever_the_members_all_stays_inside(
    tmp_path_factory: pytest.TempPathFactory, members: list[tarfile.TarInfo]
) -> None:
    base = tmp_path_factory.mktemp("fuzz")
    packed = archive(base / "a", member(TOP, tarfile.DIRTYPE), *members)
    into = base / "in" / "to"
    into.mkdir(parents=True)
    try:
        root = Path(os.path.realpath(unpacked(packed, into)))
    except RunnerError:
        pass
    else:
        for path in root.rglob("*"):
            assert Path(os.path.realpath(path)).is_relative_to(root)
    assert [path.name for path in (base / "in").iterdir()] == ["to"]
    assert {path.name for path in into.iterdir()} <= {TOP}
    assert sorted(path.name for path in base.iterdir()) == ["a", "in"]
