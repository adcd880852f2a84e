"""Archives that are cut, damaged or hostile are refused in words, in bounded memory."""

from __future__ import annotations

import gzip
import tarfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from runners.errors import RunnerError, UnavailableError
from runners.github.archive import Limits, unpack
from tests.attacks.archive_support import SHA, TOP, member, packed, tree, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REFUSED_MEMORY = 8 << 20  # bytes; an extended header that is read has at most 16 kB

SMALL = gzip.compress(
    packed(member(f"{TOP}/a", size=40), member(f"{TOP}/link", tarfile.SYMTYPE, "a"), member(f"{TOP}/b.sh", size=700))
)


def test_no_length_of_a_cut_archive_is_taken_as_whole(tmp_path: Path) -> None:
    for length in range(len(SMALL)):
        with pytest.raises(UnavailableError, match="incomplete or damaged"):
            unpacked(SMALL[:length], tmp_path / str(length))


def test_no_length_of_a_cut_archive_that_was_packed_again_is_taken_as_whole(tmp_path: Path) -> None:
    plain = gzip.decompress(SMALL)
    end = len(plain.rstrip(b"\0"))
    # The closing blocks are the first two of zeros after the last member; what follows is filling.
    closing = -(-end // 512) * 512 + 1024
    for length in {*range(0, closing, 61), *range(closing - 1030, closing)}:
        with pytest.raises(UnavailableError):
            unpacked(gzip.compress(plain[:length], 1), tmp_path / str(length))
    assert unpacked(gzip.compress(plain[:closing]), tmp_path / "whole").is_dir()


def test_no_flipped_byte_changes_what_is_taken_as_whole(tmp_path: Path) -> None:
    whole, plain = tree(unpacked(SMALL, tmp_path / "whole")), gzip.decompress(SMALL)
    for at in range(len(SMALL)):
        for number, flip in enumerate((0x01, 0x80, 0xFF)):
            damaged = bytearray(SMALL)
            damaged[at] ^= flip
            try:
                root = unpacked(bytes(damaged), tmp_path / f"{at}-{number}")
            except RunnerError:
                continue
            # A time in gzip's header, or another way to say the same content (RFC 1952): its CRC and length fit.
            assert gzip.decompress(bytes(damaged)) == plain
            assert tree(root) == whole


HOSTILE = {
    "a long target": [member(f"{TOP}/link", tarfile.SYMTYPE, "a/" * 5_000)],
    "a long name": [member(f"{TOP}/{'n' * 300}", size=1)],
    "2,100 folders in each other": [member("/".join([TOP, *["d"] * 2_100]), tarfile.DIRTYPE)],
    "the same file twice": [member(f"{TOP}/a", size=1), member(f"{TOP}/a", size=2)],
    "a file in the place of a directory": [member(f"{TOP}/a", tarfile.DIRTYPE), member(f"{TOP}/a", size=2)],
    "a file below a file": [member(f"{TOP}/a", size=1), member(f"{TOP}/a/b", size=2)],
    "a line feed": [member(f"{TOP}/a\nb", size=1)],
    "an escape": [member(f"{TOP}/a\x1b[2J", size=1)],
    "another direction of text": [member(f"{TOP}/a\u202egnp.sh", size=1)],
    "a hard link": [member(f"{TOP}/a", size=1), member(f"{TOP}/b", tarfile.LNKTYPE, f"{TOP}/a")],
    "a device": [member(f"{TOP}/null", tarfile.CHRTYPE)],
    "a disk": [member(f"{TOP}/disk", tarfile.BLKTYPE)],
    "a pipe": [member(f"{TOP}/pipe", tarfile.FIFOTYPE)],
    "an old sparse file": [member(f"{TOP}/holes", tarfile.GNUTYPE_SPARSE)],
    "a sparse file": [member(f"{TOP}/holes", size=1, pax={"GNU.sparse.major": "1", "GNU.sparse.name": f"{TOP}/other"})],
    "a contiguous file": [member(f"{TOP}/quick", tarfile.CONTTYPE, size=1)],
    "a directory with content": [member(f"{TOP}/a", tarfile.DIRTYPE, size=512)],
    "names of another encoding": [member(f"{TOP}/a", size=1, pax={"hdrcharset": "BINARY"})],
    "another name by pax": [member(f"{TOP}/a", size=1, pax={"path": "/etc/passwd"})],
    "a name with dots": [member(f"{TOP}/./a", size=1)],
    "an empty part": [member(f"{TOP}//a", size=1)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
def test_what_no_repository_has_is_refused_in_words(tmp_path: Path, members: list[tarfile.TarInfo], kind: int) -> None:
    if kind == tarfile.GNU_FORMAT and any(info.pax_headers for info in members):
        members = [*members, member(f"{TOP}/pipe", tarfile.FIFOTYPE)]  # GNU's format has no such headers
    raw = gzip.compress(packed(*members, kind=kind))
    with pytest.raises(RunnerError, match="refused: in the archive") as refused:
        unpacked(raw, tmp_path / "in")
    assert not isinstance(refused.value, UnavailableError), "another try would not help"
    assert refused.value.problem.isprintable()


def headers(kind: bytes, data: bytes) -> bytes:
    """An extended header, and its data."""
    info = member("header", kind, size=len(data))
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def record(key: bytes, value: bytes) -> bytes:
    rest = len(key) + len(value) + 3
    length = next(total for total in range(rest, rest + 20) if total == rest + len(str(total)))
    return b"%d %s=%s\n" % (length, key, value)


def with_before_last(extra: bytes) -> bytes:
    """An archive with something before its last member's header."""
    top, last = member(TOP, tarfile.DIRTYPE), member(f"{TOP}/a")
    blocks = [info.tobuf(tarfile.USTAR_FORMAT) for info in (top, last)]
    return gzip.compress(blocks[0] + extra + blocks[1] + bytes(1024))


CHAINS = {
    "long names": headers(tarfile.GNUTYPE_LONGNAME, b"a\0") * 3_000,
    "long targets": headers(tarfile.GNUTYPE_LONGLINK, b"a\0") * 3_000,
    "pax headers": headers(tarfile.XHDTYPE, record(b"path", b"a")) * 3_000,
    "global headers": headers(tarfile.XGLTYPE, record(b"comment", SHA.encode())) * 2,
    "a global name": headers(tarfile.XGLTYPE, record(b"path", TOP.encode() + b"/b")),
    "both kinds": headers(tarfile.GNUTYPE_LONGNAME, b"a\0") + headers(tarfile.XHDTYPE, record(b"path", b"b")),
    "a key twice": headers(tarfile.XHDTYPE, record(b"path", b"a") + record(b"path", b"b")),
    "a NUL": headers(tarfile.XHDTYPE, record(b"path", TOP.encode() + b"/a\0b")),
}


@pytest.mark.parametrize("extra", CHAINS.values(), ids=CHAINS)
def test_chains_of_headers_are_refused(tmp_path: Path, extra: bytes) -> None:
    with pytest.raises(RunnerError, match="refused: in the archive"):
        unpacked(with_before_last(extra), tmp_path / "in")


def zeros(size: int) -> Iterator[bytes]:
    yield from (bytes(1 << 20) for _ in range(size >> 20))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME], ids=["x", "g", "L"])
def test_a_header_of_a_gigabyte_takes_no_memory(tmp_path: Path, kind: bytes) -> None:
    info = member("header", kind, size=1 << 30)
    where = tmp_path / "in"
    where.mkdir()
    with gzip.open(where / "archive", "wb", compresslevel=1) as file:
        file.write(member(TOP, tarfile.DIRTYPE).tobuf(tarfile.USTAR_FORMAT) + info.tobuf(tarfile.GNU_FORMAT))
        for piece in zeros(64 << 20):  # the rest is never read
            file.write(piece)
    tracemalloc.start()
    try:
        with pytest.raises(RunnerError, match="extended header has 1073741824 bytes"):
            unpack(where / "archive", where, SHA, Limits(size=2 << 30), "fetching")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < REFUSED_MEMORY


def test_zeros_without_end_behind_the_archive_are_too_large(tmp_path: Path) -> None:
    plain = packed(member(f"{TOP}/a", size=1))
    with pytest.raises(RunnerError, match="larger than"):
        unpacked(gzip.compress(plain + bytes(3 << 20), 1), tmp_path / "in", Limits(size=1 << 20))


def test_it_needs_nothing_that_older_pythons_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian 12's Python 3.11.2 has neither the filters nor their errors."""
    for name in ("FilterError", "data_filter", "tar_filter", "fully_trusted_filter", "OutsideDestinationError"):
        monkeypatch.delattr(tarfile, name)
    root = unpacked(SMALL, tmp_path / "in")
    assert sorted(tree(root)) == [b"a", b"b.sh", b"link"]
