"""Archives of a commit and logs of jobs, in GitHub's formats."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

from sandbox.github.commits import is_executable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sandbox.github.commits import Commit
    from sandbox.github.repository import Repository
    from sandbox.github.runs import Job, Step


def top_folder(repository: Repository, commit: Commit) -> str:
    """The top directory of an archive: owner-name-shortsha."""
    return f"{repository.owner}-{repository.name}-{commit.short}"


def tarball(repository: Repository, commit: Commit) -> bytes:
    """A .tar.gz as `git archive` creates it: the commit's SHA in the global header, directories before their contents."""
    top = top_folder(repository, commit)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": commit.sha}) as tar:
        for folder in _folders(top, commit):
            entry = _entry(folder, commit, 0o775)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for path, content in sorted(commit.files.items()):
            entry = _entry(f"{top}/{path}", commit, 0o775 if is_executable(path) else 0o664)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _folders(top: str, commit: Commit) -> list[str]:
    parts = [path.split("/")[:-1] for path in commit.files]
    return sorted({"/".join([top, *folders[:depth]]) for folders in parts for depth in range(len(folders) + 1)})


def _entry(name: str, commit: Commit, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime, entry.mode = int(commit.at.timestamp()), mode
    entry.uname = entry.gname = "root"
    return entry


def zipball(repository: Repository, commit: Commit) -> bytes:
    """The archive as a .zip."""
    top = top_folder(repository, commit)
    packed = io.BytesIO()
    when = commit.at.timetuple()[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = commit.sha.encode()
        for path, content in sorted(commit.files.items()):
            entry = zipfile.ZipInfo(f"{top}/{path}", when)
            entry.external_attr = (0o100775 if is_executable(path) else 0o100664) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def log_text(job: Job) -> str:
    """A job's log: each line starts with its time, to a tenth of a microsecond."""
    return _text(job.steps)


def job_log(job: Job) -> bytes | Callable[[], AsyncIterator[bytes]]:
    """A job's log for a response; a log with `padding` is generated while it is sent."""
    if not job.padding:
        return log_text(job).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for piece in _padded(job):
            yield piece

    return pieces


def _padded(job: Job) -> Iterator[bytes]:
    """The log with harmless lines after the first step, about `padding` bytes of them."""
    yield _text(job.steps[:1]).encode()
    at = f"{job.created_at:%Y-%m-%dT%H:%M:%S.%f}0Z"
    lines = (
        f"{at} Get:{number} http://archive.example/ubuntu noble/main amd64 package-{number}\n"
        for number in range(9_000)
    )
    block = "".join(lines).encode()
    for sent in range(0, job.padding, len(block)):
        yield block[: job.padding - sent]
    yield b"\n" + _text(job.steps[1:]).encode()


def _text(steps: list[Step]) -> str:
    lines = (line for step in steps for line in step.lines)
    return "".join(f"{at.strftime('%Y-%m-%dT%H:%M:%S.%f')}0Z {text}\n" for at, text in lines)
