"""Logs are downloaded whole or not at all, in bounded memory, and our token stays at home."""

from __future__ import annotations

import asyncio
import stat
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from runners.github import GitHub
from runners.github.runs import dispatch, logs, poller
from runners.github.runs.logs import download_job_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from runners.results import WorkflowRun

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "ghp_canary0123456789"
REPOSITORY = "PermanentOrg/infrastructure"


class Storage:
    """What GitHub's API redirects to; it answers as set up, in turn, the last answer for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[web.Request] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


@asynccontextmanager
async def served(storage: Storage) -> AsyncIterator[GitHub]:
    application = web.Application()
    application.router.add_get("/{path:.*}", storage.serve)
    async with TestServer(application) as server:
        client = GitHub(str(server.make_url("")), token=TOKEN, write_pause=0, read_pause=0)
        try:
            yield client
        finally:
            await client.close()


def says(status: int, body: bytes = b"{}") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=status, body=body)

    return answer


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"half a li")
    assert request.transport
    request.transport.close()
    return response


async def large(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(64):
        await response.write((b"x" * 63 + b"\n") * 1024)
    return response


async def download(storage: Storage, into: Path, **more: float) -> logs.Download | None:
    async with served(storage) as client:
        return await download_job_log(client, REPOSITORY, 7, into, **more)  # type: ignore[arg-type]


async def finished_run(github: GitHub, workflow: str) -> WorkflowRun:
    run_id = await dispatch.dispatch(github, REPOSITORY, workflow, "main")
    assert run_id
    return [run async for run in poller.watch_run(github, REPOSITORY, run_id, interval=0.05)][-1]


async def test_a_log_lands_in_a_file_that_only_we_read(github: GitHub, tmp_path: Path) -> None:
    run = await finished_run(github, "deploy-staging.yml")
    log = await download_job_log(github, REPOSITORY, run.jobs[0].job_id, tmp_path / "log")
    assert log
    text = log.path.read_text()
    assert "##[group]Run" in text
    assert (log.bytes, log.truncated) == (len(text.encode()), False)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("status", [404, 410])
async def test_a_log_that_is_not_there_is_none(tmp_path: Path, status: int) -> None:
    assert await download(Storage(says(status)), tmp_path / "log") is None
    assert list(tmp_path.iterdir()) == []


async def test_a_log_that_comes_a_little_later_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "RETRY_PAUSE", 0.02)
    storage = Storage(says(404), says(404), says(200, b"here\n"))
    log = await download(storage, tmp_path / "log", wait=5.0)
    assert log
    assert (log.path.read_bytes(), len(storage.asked)) == (b"here\n", 3)
    assert await download(Storage(says(404)), tmp_path / "log", wait=0.1) is None


@pytest.mark.parametrize("fault", [breaks_off, says(502), says(500)], ids=["broken", "502", "500"])
async def test_a_download_that_breaks_is_begun_anew(tmp_path: Path, fault: Answer) -> None:
    storage = Storage(fault, fault, says(200, b"whole\n"))
    log = await download(storage, tmp_path / "log")
    assert log
    assert log.path.read_bytes() == b"whole\n"


async def test_half_a_log_is_never_left_behind(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="broke"):
        await download(Storage(breaks_off), tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


async def test_a_log_beyond_the_limit_is_cut_and_says_so(tmp_path: Path) -> None:
    log = await download(Storage(large), tmp_path / "log", limit=100_000)
    assert log
    assert (log.bytes, log.truncated, log.path.stat().st_size) == (99_968, True, 99_968)
    assert log.path.read_bytes().endswith(b"x\n")  # half a line may be half a secret
    exact = await download(Storage(says(200, b"12345")), tmp_path / "log", limit=5)
    assert exact
    assert not exact.truncated


async def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="cannot keep") as caught:
        await download(Storage(says(200, b"x")), tmp_path / "no such directory" / "log")
    assert "disk" in caught.value.remedy


async def test_a_link_is_not_followed_to_another_file(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "other_host")
    with pytest.raises(RunnerError, match="cannot keep"):
        await download(Storage(says(200, b"x")), tmp_path / "log")
    assert not (tmp_path / "other_host").exists()


async def test_the_place_that_keeps_logs_never_sees_our_token(tmp_path: Path) -> None:
    storage = Storage(says(200, b"log\n"))
    other_host = web.Application()
    other_host.router.add_get("/{path:.*}", storage.serve)
    async with TestServer(other_host) as server:
        away = str(server.make_url("/signed?sig=a%2Bb"))

        async def redirects(request: web.Request) -> web.StreamResponse:
            assert request.headers["Authorization"] == f"Bearer {TOKEN}"
            return web.Response(status=302, headers={"Location": away})

        assert await download(Storage(redirects), tmp_path / "log")
    assert "Authorization" not in storage.asked[0].headers


async def test_who_may_not_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError):
        await download(Storage(says(403)), tmp_path / "log")
    async with served(Storage(says(200))) as client:
        with pytest.raises(RunnerError, match="no name"):
            await download_job_log(client, "../x", 1, tmp_path / "log")


async def test_a_cancelled_download_leaves_nothing(tmp_path: Path) -> None:
    async def hangs(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"a beginning")
        await asyncio.sleep(5)
        return response

    task = asyncio.create_task(download(Storage(hangs), tmp_path / "log"))
    async with asyncio.timeout(60):
        while not (tmp_path / "log").exists():  # noqa: ASYNC110 - no event is sent
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(tmp_path.iterdir()) == []


async def test_the_tail_is_read_from_the_whole_log(github: GitHub) -> None:
    run = await finished_run(github, "deploy-staging.yml")
    tail = (await logs.job_log_tail(github, REPOSITORY, run.jobs[0].job_id, lines=3)).splitlines()
    assert (len(tail), tail[-1]) == (3, "Cleaning up orphan processes")
