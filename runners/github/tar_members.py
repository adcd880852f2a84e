"""Reads the members of a .tar.gz in bounded memory, to its last byte: gzip's CRC and length, tar's closing blocks.

It takes what `git archive` and GNU tar write for files, directories and symbolic links, and refuses everything else. Python's
own reader holds a header of any size in memory, ignores gzip's CRC and whatever follows the first closing block, and has
filters for names only since 3.11.4.
Sources: the pax format in POSIX's `pax`, GNU tar's manual ("Basic Tar Format"), RFC 1952, git's archive-tar.c.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = tarfile.BLOCKSIZE
LONGEST_HEADER = 16 << 10  # bytes of an extended header; a path has at most 4,096
PIECE = 1 << 18  # bytes that are read at once
_ENDING = 2  # closing blocks of zeros
_ZEROS = bytes(BLOCK)
_MAGIC, _PREFIX = slice(257, 265), slice(345, 500)
_POSIX, _GNU = b"ustar\x0000", b"ustar  \0"
_KINDS = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "link"}
_GLOBAL, _EXTENDED = tarfile.XGLTYPE, tarfile.XHDTYPE
_LONG_NAME, _LONG_TARGET = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_IGNORED = frozenset({b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname", b"comment"})
_DIGITS = re.compile(rb"[1-9][0-9]{0,9}")
_LATEST = 1 << 33  # seconds since 1970: what a file's time can be
_EXECUTABLE = 0o100


class DamagedArchiveError(Exception):
    """The archive is incomplete or damaged: what was sent may be whole."""


class UnsafeArchiveError(Exception):
    """The archive has what no archive of a repository has. The text says which member, and what is wrong with it."""


class TooLargeError(Exception):
    """The archive has more bytes than it may have."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file, directory or link: its name without a slash at its end, the link's target, the file's size and time."""

    name: str
    kind: str
    target: str
    size: int
    modified: int
    executable: bool

    @property
    def raw(self) -> bytes:
        """The name's bytes."""
        return self.name.encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Extended:
    """What extended headers say of the member that follows them."""

    kinds: set[bytes] = field(default_factory=set)
    path: bytes | None = None
    target: bytes | None = None
    size: int | None = None
    modified: int | None = None


class Members:
    """The members of an archive, in order. `content()` gives the current file's bytes; what is not read is skipped.

    `comment` is the comment of the global header, which `git archive` writes: the commit. `most` is the number of bytes
    that the archive may have unpacked; `TooLargeError` is raised beyond.

    Raises:
        DamagedArchiveError, UnsafeArchiveError: while it is read.
        OSError: the file cannot be read.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._stream = gzip.GzipFile(fileobj=file, mode="rb")
        self._most = most
        self._read = 0
        self._remaining = self._padding = 0
        self.comment: str | None = None

    def __iter__(self) -> Iterator[Member]:
        extended, first = _Extended(), True
        while True:
            for _ in self.content():
                pass  # whatever the caller did not take
            self._skip_padding()
            block = self._exactly(BLOCK)
            if block == _ZEROS:
                self._check_end(extended)
                return
            info = _header(block)
            if info.type == _GLOBAL:
                self._take_global(info, first=first)
            elif info.type in (_EXTENDED, _LONG_NAME, _LONG_TARGET):
                self._take_extended(info, extended)
            else:
                member = _member(info, extended)
                self._remaining, self._padding = member.size, -member.size % BLOCK
                yield member
                extended = _Extended()
            first = False

    def content(self) -> Iterator[bytes]:
        """The rest of the current member's content, piece by piece."""
        while self._remaining:
            piece = self._some(min(self._remaining, PIECE))
            self._remaining -= len(piece)
            yield piece

    def _skip_padding(self) -> None:
        self._exactly(self._padding)
        self._padding = 0

    def _some(self, most: int) -> bytes:
        piece = self._decompressed(most)
        if not piece:
            raise DamagedArchiveError
        return piece

    def _decompressed(self, most: int) -> bytes:
        try:
            piece = self._stream.read(most)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DamagedArchiveError from None
        self._read += len(piece)
        if self._read > self._most:
            raise TooLargeError
        return piece

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            data += self._some(size - len(data))
        return bytes(data)

    def _check_end(self, extended: _Extended) -> None:
        """Two blocks of zeros end an archive, and only zeros follow, to the end of the compressed stream."""
        if extended.kinds:
            raise DamagedArchiveError
        for _ in range(_ENDING - 1):
            if self._exactly(BLOCK) != _ZEROS:
                raise DamagedArchiveError
        while piece := self._decompressed(PIECE):
            if piece.strip(b"\0"):
                raise DamagedArchiveError

    def _data_of(self, info: tarfile.TarInfo) -> bytes:
        if not 0 <= info.size <= LONGEST_HEADER:
            raise UnsafeArchiveError(f"an extended header has {info.size} bytes; at most {LONGEST_HEADER} are read")
        return self._exactly(info.size + -info.size % BLOCK)[: info.size]

    def _take_global(self, info: tarfile.TarInfo, *, first: bool) -> None:
        records = dict(_records(self._data_of(info)))
        if not first or records.keys() - {b"comment"}:
            raise UnsafeArchiveError("a global header changes what follows it")
        self.comment = records.get(b"comment", b"").decode("utf-8", "replace")

    def _take_extended(self, info: tarfile.TarInfo, extended: _Extended) -> None:
        data = self._data_of(info)
        kind = bytes(info.type)
        if kind in extended.kinds or (extended.kinds and _EXTENDED in {kind, *extended.kinds}):
            raise UnsafeArchiveError("a member has more than one extended header")
        extended.kinds.add(kind)
        if kind == _LONG_NAME:
            extended.path = data.partition(b"\0")[0]
        elif kind == _LONG_TARGET:
            extended.target = data.partition(b"\0")[0]
        else:
            _take_records(data, extended)


def _header(block: bytes) -> tarfile.TarInfo:
    if block[_MAGIC] not in (_POSIX, _GNU):
        raise DamagedArchiveError
    if block[_MAGIC] == _GNU and block[_PREFIX].strip(b"\0"):
        raise UnsafeArchiveError("a header has fields of an incremental backup")
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        raise DamagedArchiveError from None


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The records of a pax header: "<length> <key>=<value>" and a line feed, the length in bytes of all of it."""
    while data:
        digits = data[:11].partition(b" ")[0]
        length = int(digits) if _DIGITS.fullmatch(digits) else 0
        record, data = data[:length], data[length:]
        key, equals, value = record[len(digits) + 1 : -1].partition(b"=")
        if len(record) != length or not record.endswith(b"\n") or not key or not equals:
            raise DamagedArchiveError
        yield key, value


def _take_records(data: bytes, extended: _Extended) -> None:
    keys: set[bytes] = set()
    for key, value in _records(data):
        if key in keys:
            raise UnsafeArchiveError(f"an extended header has {_quoted(key)} twice")
        keys.add(key)
        if key == b"path":
            extended.path = value
        elif key == b"linkpath":
            extended.target = value
        elif key == b"size":
            extended.size = _number(value)
        elif key == b"mtime":
            extended.modified = _number(value.partition(b".")[0].removeprefix(b"-"))
        elif key not in _IGNORED:
            sparse = " (a sparse file)" if key.startswith(b"GNU.sparse") else ""
            raise UnsafeArchiveError(f"an extended header has {_quoted(key)}, which is not supported{sparse}")


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 19:  # as many as 2**63 has
        raise DamagedArchiveError
    return int(digits)


def _member(info: tarfile.TarInfo, extended: _Extended) -> Member:
    name = _text(extended.path) if extended.path is not None else info.name
    target = _text(extended.target) if extended.target is not None else info.linkname
    size = info.size if extended.size is None else extended.size
    modified = info.mtime if extended.modified is None else extended.modified
    kind = _KINDS.get(info.type)
    if kind is None:
        raise UnsafeArchiveError(f"{_quoted(name)} is neither file, directory nor symbolic link")
    if size < 0 or (size and kind != "file") or (target and kind != "link"):
        raise UnsafeArchiveError(f"{_quoted(name)} contradicts itself: a {kind} of {size} bytes")
    if kind == "directory":
        name = name.removesuffix("/")
    modified = int(modified) if 0 <= modified < _LATEST else 0
    return Member(name, kind, target, size, modified, bool(info.mode & _EXECUTABLE))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _quoted(name: str | bytes) -> str:
    text = name if isinstance(name, str) else _text(name)
    return repr(text[:100])
