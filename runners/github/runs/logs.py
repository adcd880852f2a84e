"""Downloads the log of a job to a file, since it can be far larger than memory."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runners.concurrency import run_blocking
from runners.errors import NotFoundError, RunnerError
from runners.github.api.errors import check_repository
from runners.logs.scan import scan

if TYPE_CHECKING:
    import aiohttp

    from runners.github import GitHub

LARGEST = 1 << 30  # bytes of a log; the rest is not downloaded
DOWNLOAD_TIMEOUT = 900.0  # seconds
RETRY_PAUSE = 2.0  # seconds between two requests for a log that is not there yet
_PIECE = 1 << 18  # bytes
_LONGEST_END = 1 << 20  # bytes within which the last line of a truncated log starts


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file of `bytes` bytes. `truncated` when the log was larger than the limit."""

    path: Path
    bytes: int
    truncated: bool = False


async def download_job_log(
    github: GitHub, repository: str, job_id: int, into: Path, *, limit: int = LARGEST, wait: float = 0.0
) -> Download | None:
    """A job's log as text in the new file `into` (0600). None without a log: not yet, no more, or no such job.

    GitHub has a log soon after a job's end, and for as long as the repository keeps logs; else it answers 404 or 410.
    A missing log is requested again for `wait` seconds. At most `limit` bytes are kept. A download that breaks is
    repeated twice. The text is foreign and not redacted.

    Raises:
        RunnerError: or one of its kinds, as api/errors.py chooses; `into` is then deleted.
    """
    doing = f"downloading the log of job {job_id} in {repository}"
    log = _Log(github, repository, f"/repos/{repository}/actions/jobs/{job_id}/logs", doing, limit)
    return await log.download(into, wait)


@dataclass(frozen=True, slots=True)
class _Log:
    """The address of a log. `limit` is in bytes."""

    github: GitHub
    repository: str
    path: str
    doing: str
    limit: int

    async def download(self, into: Path, wait: float) -> Download | None:
        check_repository(self.repository, self.doing)
        until = time.monotonic() + wait
        while True:
            with suppress(NotFoundError):
                return await self.github.repeat_read(lambda: self._once(into))
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(min(RETRY_PAUSE, max(until - time.monotonic(), 0.0)))

    async def _once(self, into: Path) -> Download:
        try:
            async with self.github.stream(
                self.repository, self.path, doing=self.doing, timeout=DOWNLOAD_TIMEOUT
            ) as response:
                return await self._save(response, into)
        except BaseException:  # half a log must not pass for a whole log
            into.unlink(missing_ok=True)
            raise

    async def _save(self, response: aiohttp.ClientResponse, into: Path) -> Download:
        file = _open(into, self.doing)
        written = 0
        try:
            async for piece in response.content.iter_chunked(_PIECE):
                taken = piece[: self.limit - written]
                await _write(file, taken, self.doing)
                written += len(taken)
                if len(taken) < len(piece):
                    whole = await run_blocking(_drop_incomplete_line, file, written, timeout=60, doing=self.doing)
                    return Download(into, whole, truncated=True)
        finally:
            os.close(file)
        return Download(into, written)


def _open(into: Path, doing: str) -> int:
    try:
        return os.open(into, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _cannot_write(doing, error) from None


def _drop_incomplete_line(file: int, written: int) -> int:
    """Truncate the file after its last whole line (no pattern redacts half a token); returns the remaining bytes."""
    end = os.pread(file, _LONGEST_END, max(written - _LONGEST_END, 0))
    whole = written - len(end) + end.rfind(b"\n") + 1
    os.truncate(file, whole)
    return whole


async def _write(file: int, piece: bytes, doing: str) -> None:
    try:
        await run_blocking(_write_all, file, piece, timeout=60, doing=doing)
    except OSError as error:
        raise _cannot_write(doing, error) from None


def _cannot_write(doing: str, error: OSError) -> RunnerError:
    return RunnerError(doing, f"this machine cannot keep it: {error.strerror}", remedy="Is its disk full?")


def _write_all(file: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file, rest) :]


async def job_log_tail(github: GitHub, repository: str, job_id: int, *, lines: int = 30) -> str:
    """The last lines of a job's log, up to the last error in it; empty when there is no log (yet, any more).

    Without timestamps and colours. The text is foreign and may hold anything.
    """
    with tempfile.TemporaryDirectory(prefix="log-") as directory:
        log = await download_job_log(github, repository, job_id, Path(directory) / "log")
        if log is None:
            return ""
        reading = await scan(log.path, ())
    return "\n".join(reading.tail[-lines:])
