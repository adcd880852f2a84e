"""GitHub's stand-in without a network, on a virtual clock: a run of twenty minutes passes in a second, every call counted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from runners.errors import NotFoundError
from runners.github import Answer, GitHub
from runners.github.runs.events import run_event_of
from sandbox.github import BOT_LOGIN, Repository, sandbox_repositories
from sandbox.github.clock import Clock
from sandbox.github.routes.run_filters import created_range
from sandbox.github.shapes import actions as shapes_actions
from tests.virtual_time import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.github.runs import Job, Run

BASE = "https://github.example"
REPOSITORY = "PermanentOrg/infrastructure"
BUILD = "build-images.yml"
LATENCY = 0.15  # seconds from a request to its answer
_BEGAN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def clock() -> float:
    """The virtual time in Unix seconds."""
    return (_BEGAN + timedelta(seconds=now())).timestamp()


class VirtualClock(Clock):
    """Simulated time that is the event loop's."""

    @staticmethod
    def now() -> datetime:
        """The present, as aware UTC."""
        return datetime.fromtimestamp(clock(), UTC)


@dataclass(frozen=True)
class Asked:
    """One request: when, for what, and whether the answer was that nothing changed."""

    at: float
    path: str
    unchanged: bool


class VirtualGitHub(GitHub):
    """The runners' client with one repository behind it. `trouble`, where set, is called before each answer, and may raise."""

    def __init__(self, seed: str = "virtual") -> None:
        super().__init__(BASE)
        self.repository = Repository(REPOSITORY, number=0, clock=VirtualClock(), seed=seed)
        sandbox_repositories()[REPOSITORY](self.repository.graph)
        self.repository.read_workflows()
        self.asked: list[Asked] = []
        self.trouble: Callable[[str], None] | None = None

    @property
    def calls(self) -> int:
        """What counts for the rate limit."""
        return sum(not item.unchanged for item in self.asked)

    async def get(self, repository: str | None, path: str, *, doing: str, etag: str | None = None) -> Answer:
        """Answer as GitHub does: with an ETag, and with nothing when it is known."""
        assert repository == REPOSITORY
        await asyncio.sleep(LATENCY)
        if self.trouble:
            self.trouble(path)
        payload = self._answer(path)
        if payload is None:
            raise NotFoundError(doing, "GitHub has nothing there, or hides it from us")
        tag = hashlib.sha256(json.dumps(payload).encode()).hexdigest()
        self.asked.append(Asked(now(), path, tag == etag))
        return Answer(None if tag == etag else payload, tag)

    def _answer(self, path: str) -> dict[str, Any] | None:
        url = urlsplit(path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if result := re.fullmatch(r".*/runs/(\d+)(/jobs)?", url.path):
            run = self.repository.runs.get(int(result[1]))
            if run is None:
                return None
            return self._jobs(run, query) if result[2] else shapes_actions.run(BASE, self.repository, run)
        return self._runs(url.path.split("/")[-2], query)

    def _runs(self, workflow: str, query: dict[str, str]) -> dict[str, Any] | None:
        existing = self.repository.workflow(workflow)
        if existing is None:
            return None
        created = created_range(query.get("created", ""))
        its = (run for run in reversed(self.repository.runs.values()) if run.workflow is existing)
        runs = [run for run in its if created(run.created_at.replace(microsecond=0))]
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        rendered = runs[(page - 1) * size : page * size]
        return {
            "total_count": len(runs),
            "workflow_runs": [shapes_actions.run(BASE, self.repository, run) for run in rendered],
        }

    async def login(self, repository: str) -> str | None:
        """As whom our runs are started."""
        assert repository == REPOSITORY
        return BOT_LOGIN

    def _jobs(self, run: Run, query: dict[str, str]) -> dict[str, Any]:
        jobs = run.latest_jobs
        size, page = int(query["per_page"]), int(query["page"])
        rendered = jobs[(page - 1) * size : page * size]
        return {
            "total_count": len(jobs),
            "jobs": [shapes_actions.job(BASE, self.repository, run, item) for item in rendered],
        }

    def send_webhooks(self, *, late: float = 1.0, lost: Callable[[str, dict[str, Any]], bool] | None = None) -> None:
        """From now on report each change of status, `late` seconds afterwards, except of what is `lost`."""
        message: dict[tuple[str, int, int], str] = {}

        def report(event: str, action: str, number: int, attempt: int, thing: dict[str, Any]) -> None:
            if message.get((event, number, attempt)) == action:
                return
            message[event, number, attempt] = action
            payload = json.loads(json.dumps({"action": action, event: thing, "repository": {"full_name": REPOSITORY}}))
            if lost and lost(event, payload):
                return
            news = run_event_of(event, payload)
            if news:
                asyncio.get_running_loop().call_later(late, self.receive_event, news)

        def changed(repository: Repository, run: Run, job: Job | None) -> None:
            if job:
                rendered = shapes_actions.job(BASE, repository, run, job)
                report("workflow_job", job.status, job.job_id, job.attempt, rendered)
            rendered = shapes_actions.run(BASE, repository, run)
            report("workflow_run", "completed" if run.finished else "requested", run.run_id, run.attempt, rendered)

        self.repository.listeners.append(changed)

    def build(self, actor: str = BOT_LOGIN) -> int:
        """Start the image workflow: 4 + 12 + 1 jobs, about twenty minutes."""
        for machine in ("backend", "cron", "taskrunner", "sftp"):
            self.repository.slow_next(BUILD, job=machine, times_slower=8)
        for machine in ("backend", "cron", "taskrunner", "sftp"):
            for environment in ("dev", "staging", "prod"):
                self.repository.slow_next(BUILD, job=f"{machine}, {environment}", times_slower=140)
        return self.repository.dispatch(BUILD, "main", actor=actor).run_id
