"""What is unpacked is what GNU tar unpacks, from archives of git, of Python, and from any bytes."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from runners.errors import RunnerError
from runners.github.archive import DEFAULT_LIMITS, unpack
from tests.attacks.archive_support import TOP, by_gnu_tar, member, packed, tree, unpacked

if TYPE_CHECKING:
    from pathlib import Path


def git(where: Path, *arguments: str) -> bytes:
    who = {f"GIT_{role}_{part}": "ana@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(["git", *arguments], cwd=where, env=env, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    "attributes", ["", "secret/ export-ignore\n.gitattributes export-ignore\n"], ids=["all", "some"]
)
def test_what_git_archives_has_the_files_that_git_lists(tmp_path: Path, attributes: str) -> None:
    source = tmp_path / "source"
    long = "/".join(["a-folder-with-a-long-name"] * 8)
    for path in ("plain.txt", "run.sh", "umlaut-\u00e4.txt", f"{long}/{'n' * 200}.txt", "secret/key", "empty"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text("" if path == "empty" else path)
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("plain.txt")
    (source / "long-link").symlink_to(f"{long}/{'n' * 200}.txt")
    (source / ".gitattributes").write_text(attributes)
    git(source, "init", "-q")
    git(source, "add", ".")
    git(source, "commit", "-q", "-m", "All")
    sha = git(source, "rev-parse", "HEAD").decode().strip()
    raw = git(source, "archive", "--format=tar.gz", f"--prefix=owner-name-{sha[:7]}/", "HEAD")
    listed = set(git(source, "ls-tree", "-r", "-z", "--name-only", "HEAD").strip(b"\0").split(b"\0"))
    (tmp_path / "archive").write_bytes(raw)
    unpacked_tree = unpack(tmp_path / "archive", tmp_path / "in", sha, DEFAULT_LIMITS, "fetching")
    omitted = {b"secret/key", b".gitattributes"} if attributes else set()
    assert unpacked_tree.contents.files == listed - omitted
    source_tree = tree(source)
    assert all(entry == source_tree[path] for path, entry in tree(unpacked_tree.root).items())


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\\0"), min_size=1, max_size=60)
PATHS = st.lists(NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=5).map("/".join)
FILES = st.dictionaries(PATHS, st.tuples(st.binary(max_size=1_500), st.booleans()), max_size=6)


def _check_words(error: RunnerError, words: str) -> None:
    assert words in error.problem
    assert error.problem.isprintable()


def is_possible(paths: list[str]) -> bool:
    """Whether a disk can hold them: no file below a file, no name of more than 255 bytes."""
    below = all(not other.startswith(f"{path}/") for path in paths for other in paths)
    return below and all(len(part.encode()) <= 255 for path in paths for part in path.split("/"))


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(files=FILES.filter(lambda files: is_possible(list(files))))
def test_what_is_unpacked_is_what_gnu_tar_unpacks(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, tuple[bytes, bool]], kind: int
) -> None:
    plain, where = io.BytesIO(), tmp_path_factory.mktemp("same")
    with tarfile.open(fileobj=plain, mode="w", format=kind) as tar:
        tar.addfile(member(TOP, tarfile.DIRTYPE))
        for path, (content, executable) in files.items():
            info = member(f"{TOP}/{path}", size=len(content))
            info.mode = 0o775 if executable else 0o664
            tar.addfile(info, io.BytesIO(content))
    raw = gzip.compress(plain.getvalue())
    expected = by_gnu_tar(raw, where / "gnu")
    try:
        root = unpacked(raw, where / "own")
    except RunnerError as error:
        _check_words(error, "control characters")  # a change of the direction of text
        return
    assert tree(root) == expected
    assert {path.encode(): entry for path, entry in files.items()} == {
        path: entry for path, entry in tree(root).items() if entry is not None
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4_095), st.binary(min_size=1, max_size=12)), min_size=1, max_size=3))
@example([(156, b"L")])
@example([(156, b"x")])
@example([(523, b"\x00")])
def test_whatever_is_written_over_headers_gnu_tar_agrees_or_it_is_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    where = tmp_path_factory.mktemp("fuzz")
    plain = bytearray(packed(member(f"{TOP}/{'long' * 40}", size=9), member(f"{TOP}/a", tarfile.SYMTYPE, "b")))
    for at, data in changes:
        plain[at : at + len(data)] = data[: max(len(plain) - at, 0)]
    for at in range(0, len(plain) - 511, 512):  # each checksum is made right again, so that the content counts
        if plain[at + 257 : at + 262] == b"ustar":
            plain[at + 148 : at + 156] = b" " * 8
            plain[at + 148 : at + 156] = b"%06o\0 " % sum(plain[at : at + 512])
    raw = gzip.compress(bytes(plain), 1)
    try:
        root = unpacked(raw, where / "in" / "own")
    except RunnerError as error:
        _check_words(error, "")
    else:
        assert tree(root) == by_gnu_tar(raw, where / "gnu")
    assert {path.name for path in (where / "in").iterdir()} == {"own"}
