"""The zip of a run's logs, opened with care: it is a file from elsewhere."""

from __future__ import annotations

import errno
import os
import re
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import RunnerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_ENTRIES = 4096  # GitHub allows 256 jobs, each with a file and one for each step
LARGEST_DIRECTORY = 4 << 20  # bytes of the list of entries, which is read into memory
LARGEST_TOTAL = 4 << 30  # bytes of all entries together
LARGEST_LOG = 1 << 30  # bytes of one job's log
MOST_SHRUNK, ALWAYS_FINE = 300, 16 << 20  # how many times smaller a log may have become, unless it is small anyway
DEEPEST = 8  # folders; a step's name may hold a slash
TIMEOUT = 600.0  # seconds
LONGEST_WHY = 200
_PIECE = 1 << 18
_REMEDY = "Look at the logs on GitHub."
_JOB = re.compile(r"(\d+)_(.+)\.txt")


@dataclass(frozen=True, slots=True)
class JobLog:
    """One job's whole log. `job` is its name as the zip has it: without characters that no file's name may have."""

    job: str
    path: Path
    bytes: int


async def job_logs(archive: Path, into: Path) -> tuple[JobLog, ...]:
    """Take the jobs' logs out of the zip into the directory `into` (files 0600, named by us), in the run's order.

    Steps' logs, which are in the zip as well, are left: the jobs' hold them. Memory stays bounded.

    Raises:
        RunnerError: it is no zip, or one that would take more room or time than a run's logs ever do; or this machine
            cannot read it, or keep the logs.
    """
    doing = "unpacking a run's logs"
    return await run_blocking(_unpack, archive, into, doing, timeout=TIMEOUT, doing=doing)


def _unpack(archive: Path, into: Path, doing: str) -> tuple[JobLog, ...]:
    with _read_faults(doing):
        size = _check_directory(archive, doing)
        opened = zipfile.ZipFile(archive)
    with opened:
        entries = opened.infolist()
        _check_entries(entries, size, doing)
        jobs = [(found, entry) for entry in entries if (found := _JOB.fullmatch(entry.filename))]
        jobs.sort(key=lambda job: int(job[0].group(1)[:9]))
        return tuple(
            JobLog(found.group(2), path := into / f"{number}.log", _extract(opened, entry, path, doing))
            for number, (found, entry) in enumerate(jobs)
        )


@contextmanager
def _read_faults(doing: str) -> Iterator[None]:
    """Around what reads the zip and writes nothing: says whether the zip is at fault, or this machine."""
    try:
        yield
    except NotImplementedError:
        raise _refused(doing, "it is packed in a way that is not known here") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise _broken(doing, str(error)) from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # zipfile goes wherever the zip says, also to before its beginning
            raise _broken(doing, "it points outside of itself") from None
        raise RunnerError(doing, f"this machine cannot read what was downloaded: {error.strerror}") from None


def _check_directory(archive: Path, doing: str) -> int:
    """Look at the list of entries before zipfile reads all of it (PKWARE's APPNOTE 4.3.15 and 4.3.16); the zip's size."""
    with archive.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - (1 << 16) - 42, 0))
        end = file.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) < at + 22:
        raise zipfile.BadZipFile("it has no end")
    entries, length = struct.unpack_from("<HI", end, at + 10)
    # Nothing that GitHub packs needs the 64-bit form, in which these numbers stand elsewhere.
    if entries > MOST_ENTRIES or length > LARGEST_DIRECTORY or end[max(at - 20, 0) : at].startswith(b"PK\x06\x07"):
        raise _refused(doing, "it lists more files than a run has logs")
    return size


def _check_entries(entries: list[zipfile.ZipInfo], size: int, doing: str) -> None:
    if len(entries) > MOST_ENTRIES:
        raise _refused(doing, "it lists more files than a run has logs")
    if sum(entry.compress_size for entry in entries) > size:
        raise _refused(doing, "its files overlap")
    if sum(entry.file_size for entry in entries) > LARGEST_TOTAL:
        raise _refused(doing, "unpacked it would be larger than any run's logs")
    for entry in entries:
        if entry.file_size > max(entry.compress_size * MOST_SHRUNK, ALWAYS_FINE):
            raise _refused(doing, "a file in it is packed tighter than any log")
        parts = entry.filename.split("/")
        if len(parts) > DEEPEST or ".." in parts or parts[0] == "" or "\\" in entry.filename:
            raise _refused(doing, "a file in it lies outside of where logs lie")
        if entry.flag_bits & 1:
            raise _refused(doing, "it is encrypted")


def _extract(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, doing: str) -> int:
    written = 0
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(number, "wb") as file:  # noqa: PTH123  -- opened above, with its mode
            for piece in _pieces(opened, entry, doing):
                written += file.write(piece)
    except OSError as error:
        raise RunnerError(doing, f"this machine cannot keep them: {error.strerror}") from None
    return written


def _pieces(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, doing: str) -> Iterator[bytes]:
    seen = 0
    with _read_faults(doing), opened.open(entry) as packed:
        while piece := packed.read(_PIECE):
            seen += len(piece)
            if seen > min(entry.file_size, LARGEST_LOG):
                raise _refused(doing, "a log in it is larger than it says")
            yield piece


def _refused(doing: str, why: str) -> RunnerError:
    return RunnerError(doing, f"the zip is refused: {why}", remedy=_REMEDY)


def _broken(doing: str, why: str) -> RunnerError:
    said = f" ({' '.join(why.split())[:LONGEST_WHY]})" if why else ""
    return RunnerError(doing, f"what GitHub sent is no zip, or a broken one{said}", remedy=_REMEDY)
