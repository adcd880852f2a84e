"""A plain HTTP client of the stand-in, and its repositories' names."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

TOKEN = "ghp_of_the_tests"
INFRASTRUCTURE = "/repos/PermanentOrg/infrastructure"
APPLICATION = "/repos/PermanentOrg/application"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any = None


@dataclass
class Client:
    session: aiohttp.ClientSession
    base: str
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
        url = path if path.startswith("http") else self.base + path
        sent = self.headers if headers is None else {**self.headers, **headers}
        async with self.session.request(method, url, headers=sent, allow_redirects=False, **more) as response:
            body = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "") and bool(body)
            return Answer(response.status, response.headers, body, await response.json() if is_json else None)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.ask("POST", path, json=body, **more)

    async def dispatch(self, workflow: str, **body: Any) -> int:
        """The id of a new run on main."""
        asked = {"ref": "main", "return_run_details": True, **body}
        answer = await self.post(f"{INFRASTRUCTURE}/actions/workflows/{workflow}/dispatches", asked)
        assert answer.status == 200, answer
        run_id: int = answer.json["workflow_run_id"]
        return run_id

    async def run(self, run_id: int) -> Any:
        return (await self.get(f"{INFRASTRUCTURE}/actions/runs/{run_id}")).json

    async def jobs(self, run_id: int, query: str = "") -> dict[str, Any]:
        """The run's jobs by name."""
        answer = await self.get(f"{INFRASTRUCTURE}/actions/runs/{run_id}/jobs?per_page=100{query}")
        return {job["name"]: job for job in answer.json["jobs"]}

    async def until(self, run_id: int, ready: Callable[[Any, dict[str, Any]], bool], timeout: float = 60) -> Any:
        """The run, as soon as `ready(run, jobs)`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            run, jobs = await self.run(run_id), await self.jobs(run_id)
            if ready(run, jobs):
                return run
            await asyncio.sleep(0.02)
        raise AssertionError(f"still {run['status']}: { {name: job['status'] for name, job in jobs.items()} }")

    async def ended(self, run_id: int) -> Any:
        return await self.until(run_id, lambda run, _: run["status"] == "completed")
