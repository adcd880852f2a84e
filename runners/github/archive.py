"""Fetches a repository's files at a commit: GitHub's archive, unpacked with checks against paths that lead outside."""

from __future__ import annotations

import asyncio
import os
import posixpath
import shutil
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError, UnavailableError
from runners.github.api.errors import check_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runners.github import GitHub
    from runners.results import Commit

FETCH_TIMEOUT = 600.0  # seconds, and the same again for unpacking
_LEAST_SHA = 7  # digits of the commit in the name of the archive's top directory


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an archive: `size` in bytes, packed and unpacked, and the number of its files and folders."""

    size: int = 500 << 20
    entries: int = 100_000


DEFAULT_LIMITS = Limits()


async def fetch_code(github: GitHub, commit: Commit, into: Path, *, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Fetch the repository at exactly this commit into a new directory `into` (0700); returns the root of its files.

    On failure `into` is deleted. The name of the archive's top directory must contain the commit's SHA.

    Raises:
        NotFoundError: GitHub has no such commit.
        RunnerError: the archive is too large, is of another commit, or has paths or links that lead outside.
        UnavailableError: GitHub does not answer, or the archive arrived in part.
    """
    doing = f"fetching {commit.repository} at {commit.short}"
    check_repository(commit.repository, doing)
    await asyncio.to_thread(_new_directory, into)
    archive = into / "archive"
    try:
        await _download(github, commit, archive, limits, doing)
        root = await run_blocking(unpack, archive, into, commit.sha, limits, doing, timeout=FETCH_TIMEOUT, doing=doing)
        archive.unlink()
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, into, ignore_errors=True)
        raise
    return root


def _new_directory(into: Path) -> None:
    shutil.rmtree(into, ignore_errors=True)  # of an interrupted fetch
    into.mkdir(mode=0o700, parents=True)


async def _download(github: GitHub, commit: Commit, archive: Path, limits: Limits, doing: str) -> None:
    path = f"/repos/{commit.repository}/tarball/{commit.sha}"
    size = 0
    async with github.stream(commit.repository, path, doing=doing, timeout=FETCH_TIMEOUT) as response:
        with archive.open("wb") as file:
            async for piece in response.content.iter_chunked(1 << 18):
                size += len(piece)
                if size > limits.size:
                    raise _too_large(doing, limits)
                await asyncio.to_thread(file.write, piece)


def unpack(archive: Path, into: Path, sha: str, limits: Limits, doing: str) -> Path:
    """Unpack a tar archive with one top directory; links are created last, so that no file is written through a link.

    Raises:
        RunnerError: as in `fetch_code`; some files may exist then.
        UnavailableError: the archive is incomplete or damaged.
    """
    links: list[tarfile.TarInfo] = []
    top = ""
    try:
        with tarfile.open(archive, "r|*") as tar:
            _check_commit(tar.pax_headers.get("comment"), sha, doing)
            for member in _bounded(tar, limits, doing):
                top = top or _top_of(member, sha, doing)
                _check_inside(member, top, doing)
                if member.issym():
                    links.append(member)
                elif member.isfile() or member.isdir():
                    tar.extract(member, into, filter="data")
                else:
                    raise _unsafe(doing, member, "is neither file, directory nor symbolic link")
    except (tarfile.FilterError, tarfile.ExtractError) as error:
        raise RunnerError(doing, f"the archive cannot be unpacked safely ({type(error).__name__})") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _damaged(error, doing) from None
    if not top:
        raise UnavailableError(doing, "the archive is empty", remedy="Try again.")
    _make_links(links, into, top, doing)
    return into / top


def _bounded(tar: tarfile.TarFile, limits: Limits, doing: str) -> Iterator[tarfile.TarInfo]:
    size = 0
    for count, member in enumerate(tar, 1):
        size += member.size
        if size > limits.size or count > limits.entries:
            raise _too_large(doing, limits)
        yield member


def _check_commit(comment: str | None, sha: str, doing: str) -> None:
    # `git archive` writes the full SHA as the comment of the pax header.
    if comment is not None and comment.strip() != sha:
        raise RunnerError(doing, f"GitHub sent the files of another commit ({comment.strip()[:40]})")


def _top_of(member: tarfile.TarInfo, sha: str, doing: str) -> str:
    """GitHub names the top directory OWNER-REPOSITORY-SHA, with seven or more digits of the SHA."""
    top = member.name.split("/", 1)[0]
    digits = top.rpartition("-")[2]
    if len(digits) < _LEAST_SHA or not sha.startswith(digits):
        raise RunnerError(doing, f"the archive's top directory {top[:80]!r} does not carry that commit")
    return top


def _check_inside(member: tarfile.TarInfo, top: str, doing: str) -> None:
    name = member.name
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise _unsafe(doing, member, "leads outside")
    if name != top and not name.startswith(f"{top}/"):
        raise _unsafe(doing, member, "lies beside the top directory")
    if member.issym():
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        if name == top or member.linkname[:1] in ("", "/") or (target != top and not target.startswith(f"{top}/")):
            raise _unsafe(doing, member, "is a link that leads outside")


def _make_links(links: list[tarfile.TarInfo], into: Path, top: str, doing: str) -> None:
    root = os.path.realpath(into / top)
    for member in links:
        path = into / member.name
        if not _is_real_directory(path.parent, root, member) or os.path.lexists(path):
            raise _unsafe(doing, member, "is a link inside a link, or in the place of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(member.linkname)
    for member in links:  # a link through another link can lead outside although its own text does not
        real = os.path.realpath(into / member.name)
        if real != root and not real.startswith(root + os.sep):
            raise _unsafe(doing, member, "is a link that leads outside")


def _is_real_directory(directory: Path, root: str, member: tarfile.TarInfo) -> bool:
    return os.path.realpath(directory) == os.path.join(root, *member.name.split("/")[1:-1])  # noqa: PTH118 - texts are compared


def _unsafe(doing: str, member: tarfile.TarInfo, why: str) -> RunnerError:
    return RunnerError(doing, f"refused: in the archive {member.name[:100]!r} {why}")


def _too_large(doing: str, limits: Limits) -> RunnerError:
    return RunnerError(
        doing,
        f"the repository's archive is larger than {limits.size >> 20} MB or {limits.entries} files",
        remedy="Large files belong elsewhere (releases, S3), or into their own repository.",
    )


def _damaged(error: Exception, doing: str) -> RunnerError:
    if isinstance(error, OSError) and error.errno is not None:
        return RunnerError(doing, f"the files cannot be written: {os.strerror(error.errno)}")
    return UnavailableError(doing, "the archive arrived cut short or damaged", remedy="Try again.")
