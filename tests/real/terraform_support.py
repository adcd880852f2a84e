"""What tests of real terraform share: a workspace, its code, plans and applies."""

from __future__ import annotations

import asyncio
import os
import textwrap
from typing import TYPE_CHECKING

from aiohttp import web

from runners import terraform
from runners.processes.stragglers import marked
from runners.terraform import PLAN_FILE, SavedPlan, Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from runners.results import ApplyProgress, ApplyResult
    from runners.terraform import Program

SEARCH_PATH = os.environ.get("PATH", os.defpath)
LONG = 60


def workspace_in(directory: Path, program: Program, **more: str) -> Workspace:
    """A workspace with an empty directory for code."""
    code = directory / "instances" / "staging"
    code.mkdir(parents=True)
    return Workspace(program, code, directory / "scratch", {"PATH": SEARCH_PATH, **more})


def write(workspace: Workspace, code: str, name: str = "main.tf") -> None:
    """Write a file of code."""
    (workspace.directory / name).write_text(textwrap.dedent(code))


async def planned(workspace: Workspace, **variables: str) -> SavedPlan:
    """Initialise and plan."""
    await terraform.init(workspace, timeout=LONG)
    return await terraform.plan(workspace, variables=variables, timeout=LONG)


class ProgressLog:
    """Collects progress, and reports when an address is under way."""

    def __init__(self, address: str = "terraform_data.slow") -> None:
        self.all: list[ApplyProgress] = []
        self.there = asyncio.Event()
        self._address = address

    async def __call__(self, progress: ApplyProgress) -> None:
        self.all.append(progress)
        if self._address in progress.current:
            self.there.set()


async def applied(
    workspace: Workspace, plan: SavedPlan, observed: ProgressLog | None = None, **variables: str
) -> ApplyResult:
    """Apply the plan."""
    return await terraform.apply(
        workspace,
        workspace.scratch / PLAN_FILE,
        plan.summary.digest,
        variables=variables,
        on_progress=observed or ProgressLog(),
        timeout=LONG,
    )


def running(workspace: Workspace) -> list[int]:
    """The processes that belong to the workspace's operation."""
    return marked(str(workspace.scratch))


async def none_runs(workspace: Workspace, seconds: float = 5) -> bool:
    """Whether, after at most so long, none of the operation's processes is left."""
    for _ in range(int(seconds / 0.05)):
        if not running(workspace):
            return True
        await asyncio.sleep(0.05)
    return False


class HttpState:
    """A state behind HTTP with a lock that stays when its holder dies, as S3's and DynamoDB's do; or one that hangs.

    Terraform's "Backend Type: http": GET, POST, LOCK and UNLOCK at one address; 423 answers with the holder's lock.
    """

    def __init__(self) -> None:
        self.state: bytes | None = None
        self.lock: dict[str, str] | None = None
        self.hangs = False
        self.seconds_to_write = 0.0
        self.asked = asyncio.Event()
        self.url = ""

    def code(self) -> str:
        """The backend's block."""
        addresses = "".join(f'{name}address = "{self.url}"\n' for name in ("", "lock_", "unlock_"))
        return f'terraform {{\nbackend "http" {{\n{addresses}}}\n}}\n'

    async def answer(self, request: web.Request) -> web.Response:
        """One request of Terraform's."""
        self.asked.set()
        if self.hangs and request.method == "GET":
            await asyncio.sleep(3600)
        match request.method:
            case "LOCK" if self.lock:
                return web.json_response(self.lock, status=423)
            case "LOCK":
                self.lock = await request.json()
            case "UNLOCK":
                return await self._unlock(request)
            case "POST":
                await asyncio.sleep(self.seconds_to_write)
                self.state = await request.read()
            case "GET" if self.state is None:
                return web.Response(status=404)
        return web.Response(body=self.state if request.method == "GET" else None)

    async def _unlock(self, request: web.Request) -> web.Response:
        wanted = (await request.text()) and (await request.json())
        if not self.lock or (wanted and wanted["ID"] != self.lock["ID"]):
            return web.Response(status=409)
        self.lock = None
        return web.Response()


async def http_state() -> AsyncIterator[HttpState]:
    """Such a state, served on loopback."""
    state = HttpState()
    app = web.Application()
    app.router.add_route("*", "/state", state.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/state"
    yield state
    await runner.cleanup()
