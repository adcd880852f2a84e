"""Fetches a repository's files at a commit: GitHub's archive, read to its end, with checks against paths that lead outside."""

from __future__ import annotations

import asyncio
import os
import posixpath
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError, UnavailableError
from runners.github import tree
from runners.github.api.errors import check_repository
from runners.github.links import Links, OutsideError, TooManyLinksError
from runners.github.tar_members import (
    DamagedArchiveError,
    Member,
    Members,
    TooLargeError,
    UnsafeArchiveError,
)
from runners.removal import remove_tree_if_possible

if TYPE_CHECKING:
    from pathlib import Path

    from runners.github import GitHub
    from runners.results import Commit

FETCH_TIMEOUT = 600.0  # seconds, and the same again for unpacking
LONGEST_PATH = 1_500  # bytes: 4,096 are Linux's limit, with the directory that it is unpacked into
LONGEST_NAME = 255  # bytes of one part of a path: Linux's limit
DEEPEST = 100  # folders in each other
MOST_LINKS = 10_000
_MOST_NAMES = 32 << 20  # bytes of all names together
_MOST_ATTRIBUTES = 1 << 20  # bytes that are read of a .gitattributes
_SHA = re.compile(r"[0-9a-f]{40,64}")
_LEAST_SHA = 7  # digits of the commit in the name of the archive's top directory
_TURNS = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # change the direction of the text behind them


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an archive: `size` in bytes, packed and unpacked, and the number of its files and folders."""

    size: int = 500 << 20
    entries: int = 100_000


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class Unpacked:
    """An archive's files on disk: their root, and what there is to compare with GitHub's list of files."""

    root: Path
    contents: tree.Contents = field(default_factory=tree.Contents)


async def fetch_code(github: GitHub, commit: Commit, into: Path, *, limits: Limits = DEFAULT_LIMITS) -> Path:
    """Fetch the repository at exactly this commit into a new directory `into` (0700); returns the root of its files.

    On failure `into` is deleted. The name of the archive's top directory must contain the commit's SHA. The files are compared
    with GitHub's list of the commit's files.

    Raises:
        NotFoundError: GitHub has no such commit.
        RunnerError: the archive is too large, is of another commit, or has paths or links that lead outside.
        UnavailableError: GitHub does not answer, or the archive is incomplete or damaged.
    """
    doing = f"fetching {commit.repository} at {commit.short}"
    check_repository(commit.repository, doing)
    await asyncio.to_thread(_new_directory, into)
    archive = into / "archive"
    try:
        await _download(github, commit, archive, limits, doing)
        unpacked = await run_blocking(
            unpack, archive, into, commit.sha, limits, doing, timeout=FETCH_TIMEOUT, doing=doing
        )
        archive.unlink()
        await tree.check_complete(github, commit, unpacked.contents, doing)
    except BaseException:
        await asyncio.to_thread(remove_tree_if_possible, into)
        raise
    return unpacked.root


def _new_directory(into: Path) -> None:
    remove_tree_if_possible(into)  # of an interrupted fetch
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


def unpack(archive: Path, into: Path, sha: str, limits: Limits, doing: str) -> Unpacked:
    """Unpack a .tar.gz with one top directory; links are created last, so that no file is written through a link.

    Raises:
        RunnerError: as in `fetch_code`; some files may exist then.
        UnavailableError: the archive is incomplete or damaged.
    """
    try:
        with archive.open("rb") as file:
            members = Members(file, limits.size)
            return _Unpacking(members, into, sha, limits, doing).to_the_end()
    except UnsafeArchiveError as error:
        raise RunnerError(doing, f"refused: in the archive {error}") from None
    except TooLargeError:
        raise _too_large(doing, limits) from None
    except DamagedArchiveError:
        raise UnavailableError(doing, "the archive is incomplete or damaged", remedy="Try again.") from None
    except OSError as error:
        raise RunnerError(doing, f"the files cannot be written: {os.strerror(error.errno or 0)}") from None


class _Unpacking:
    """One archive on its way to the disk."""

    def __init__(self, members: Members, into: Path, sha: str, limits: Limits, doing: str) -> None:
        self._members, self._into, self._sha, self._limits, self._doing = members, into, sha, limits, doing
        self._links: list[Member] = []
        self._names = 0
        self._directories: set[str] = set()  # also those that only the names of files have
        self._top = ""
        self._contents = tree.Contents()

    def to_the_end(self) -> Unpacked:
        for count, member in enumerate(self._members, 1):
            self._names += len(member.raw)
            self._count_directories(member)
            if max(count, len(self._directories)) > self._limits.entries or self._names > _MOST_NAMES:
                raise TooLargeError
            self._top = self._top or self._checked_top(member)
            _check_name(member, self._top)
            self._take(member)
        if not self._top:
            raise UnavailableError(self._doing, "the archive is empty", remedy="Try again.")
        self._make_links()
        return Unpacked(self._into / self._top, self._contents)

    def _checked_top(self, member: Member) -> str:
        """GitHub names the top directory OWNER-REPOSITORY-SHA, with seven or more digits of the SHA."""
        # `git archive` writes the full SHA as the comment of the global header, which is the archive's first.
        comment = self._members.comment
        if comment is not None and comment.strip() != self._sha:
            which = comment.strip() if _SHA.fullmatch(comment.strip()) else "its SHA is damaged"
            raise RunnerError(self._doing, f"GitHub sent the files of another commit ({which})")
        top = member.name.split("/", 1)[0]
        digits = top.rpartition("-")[2]
        if len(digits) < _LEAST_SHA or not self._sha.startswith(digits):
            raise RunnerError(self._doing, f"the archive's top directory {top[:80]!r} does not carry that commit")
        return top

    def _take(self, member: Member) -> None:
        path = member.raw.partition(b"/")[2]
        if member.kind == "directory":
            self._make_directory(member, self._into / member.name)
            return
        self._contents.files.add(path)
        if member.kind == "link":
            self._links.append(member)
            if len(self._links) > MOST_LINKS:
                raise UnsafeArchiveError(f"there are more than {MOST_LINKS} symbolic links")
            return
        text = self._write(member)
        if text:
            self._contents.attributes[path] = text

    def _make_directory(self, member: Member, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _unsafe(member, "is in the place of a file, or below one") from None

    def _write(self, member: Member) -> bytes:
        """Write a file, which must be new; returns the first part of a file of attributes, else nothing."""
        path = self._into / member.name
        self._make_directory(member, path.parent)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            raise _unsafe(member, "is there twice") from None
        first = bytearray()
        keep = _MOST_ATTRIBUTES if path.name == tree.ATTRIBUTES else 0
        with os.fdopen(handle, "wb") as file:
            for piece in self._members.content():
                first += piece[: keep - len(first)] if keep > len(first) else b""
                file.write(piece)
            file.flush()
            os.fchmod(handle, 0o755 if member.executable else 0o644)
            os.utime(handle, (member.modified, member.modified))
        return bytes(first)

    def _make_links(self) -> None:
        root = os.path.realpath(self._into / self._top)
        for member in self._links:
            path = self._into / member.name
            if not _is_real_directory(path.parent, root, member) or os.path.lexists(path):
                raise _unsafe(member, "is a link inside a link, or in the place of a file")
            self._make_directory(member, path.parent)
            path.symlink_to(member.target)
        links = Links({member.name.partition("/")[2]: member.target for member in self._links})
        for member in self._links:  # a link through another link can lead outside although its own text does not
            try:
                links.check(member.name.partition("/")[2])
            except TooManyLinksError:
                raise _unsafe(member, "is a link through too many others") from None
            except OutsideError:
                raise _unsafe(member, "is a link that leads outside") from None

    def _count_directories(self, member: Member) -> None:
        directory = member.name if member.kind == "directory" else posixpath.dirname(member.name)
        for _ in range(DEEPEST):
            if not directory or directory in self._directories:
                return
            self._directories.add(directory)
            directory = posixpath.dirname(directory)


def _check_name(member: Member, top: str) -> None:
    """Refuse what leads outside, what no file system takes, and what a person would read as another name."""
    name, parts = member.name, member.name.split("/")
    if "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise _unsafe(member, "leads outside, or is spelled like that")
    if parts[0] != top or (len(parts) == 1 and member.kind != "directory"):
        raise _unsafe(member, "lies beside the top directory")
    _check_text(member, name, "its name")
    if len(parts) > DEEPEST:
        raise _unsafe(member, f"lies in more than {DEEPEST} folders")
    if member.kind == "link":
        _check_text(member, member.target, "its target")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.target))
        if member.target[:1] in ("", "/") or (target != top and not target.startswith(f"{top}/")):
            raise _unsafe(member, "is a link that leads outside")


def _check_text(member: Member, text: str, what: str) -> None:
    parts = [part.encode("utf-8", "surrogateescape") for part in text.split("/")]
    if sum(map(len, parts)) + len(parts) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
        raise _unsafe(member, f"is refused: {what} is too long")
    if any(unicodedata.category(character) == "Cc" or character in _TURNS for character in text):
        raise _unsafe(member, f"is refused: {what} has control characters")


def _is_real_directory(directory: Path, root: str, member: Member) -> bool:
    return os.path.realpath(directory) == os.path.join(root, *member.name.split("/")[1:-1])  # noqa: PTH118 - texts are compared


def _unsafe(member: Member, why: str) -> UnsafeArchiveError:
    return UnsafeArchiveError(f"{member.name[:100]!r} {why}")


def _too_large(doing: str, limits: Limits) -> RunnerError:
    return RunnerError(
        doing,
        f"the repository's archive is larger than {limits.size >> 20} MB or {limits.entries} files",
        remedy="Large files belong elsewhere (releases, S3), or into their own repository.",
    )
